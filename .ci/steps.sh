# Steps, and the table of what they took; sourced by `run` and `full`.
# shellcheck shell=bash

took=()
running=

# step COMMAND...: ends the script if the command fails.
step() {
    local begin=$SECONDS
    begun=$SECONDS running=$*
    printf '\n==> %s\n' "$*"
    "$@"
    took+=("$(printf '%5d s  %s' $((SECONDS - begin)) "$*")")
    running=
}

# table: every step, the longest first, also if the last one failed.
table() {
    local line
    for line in "${took[@]}"; do printf '%s\n' "$line"; done | sort --numeric-sort --reverse --stable
    if [[ -n $running ]]; then printf '%5d s  FAILED: %s\n' $((SECONDS - begun)) "$running"; fi
    printf '%5d s  in all\n' "$SECONDS"
}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}
