#!/usr/bin/env bash
# What the dependency adds to a project that has tokio and tokio-tungstenite: crates, and seconds of a clean build.
# Usage: benches/dependency.sh [PAIRS OF BUILDS, 3 by default]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CARGO_TARGET_DIR

project() { # NAME DEPENDENCY
    mkdir -p "$work/$1/src"
    printf 'fn main() {}\n' >"$work/$1/src/main.rs"
    cat >"$work/$1/Cargo.toml" <<TOML
[package]
name = "$1"
version = "0.0.0"
edition = "2024"
[dependencies]
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "time"] }
tokio-tungstenite = "0.30"
$2
[workspace]
TOML
    cp "$here/Cargo.lock" "$work/$1/Cargo.lock"
    (cd "$work/$1" && cargo fetch --quiet)
}

crates() { # NAME
    (cd "$work/$1" && cargo tree --edges normal,build --prefix none | sed 's/ (.*//' | sort -u)
}

build() { # NAME: milliseconds
    rm -rf "$work/$1/target"
    local begin end
    begin=$(date +%s%N)
    (cd "$work/$1" && cargo build --offline --quiet "${@:2}")
    end=$(date +%s%N)
    echo $(((end - begin) / 1000000))
}

project without ''
project with "ws-liveness = { path = \"$here\" }"
echo "crates added:"
comm -13 <(crates without | grep -v '^without') <(crates with | grep -v '^with ') | sed 's/^/  /'
echo "clean builds, in turn, milliseconds (without, with, the difference):"
for profile in dev release; do
    for ((pair = 0; pair < ${1:-3}; pair++)); do
        without=$(build without --profile "$profile")
        with=$(build with --profile "$profile")
        echo "  $profile: $without $with $((with - without))"
    done
done
