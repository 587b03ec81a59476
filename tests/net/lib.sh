# Network namespaces, the two ends in them, and what they said. Sourced by `run`.
# shellcheck shell=bash

# What a busy machine of two cores may add to a bound, in seconds.
SLACK=${NET_SLACK:-0.5}
SERVER=10.77.2.2:7000

# Seconds since the machine started: a clock that nobody sets.
now() { cut -d ' ' -f 1 /proc/uptime; }

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# check_equipment: fails if something is missing.
check_equipment() {
    [[ $(id -u) -eq 0 ]] || die "Network namespaces need root."
    local tool missing=()
    for tool in ip tc nft conntrack ethtool python3 sysctl; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [[ ${#missing[@]} -eq 0 ]] || die "Missing: ${missing[*]}. \`tests/net/run --install\` gets them on Debian."
    # Each says itself what it lacks.
    ip netns add "$PREFIX-try" || die "This kernel or container makes no network namespaces."
    ip netns exec "$PREFIX-try" nft add table ip try || die "nftables does not work in this kernel or container."
    ip netns exec "$PREFIX-try" sysctl -qw net.ipv4.tcp_congestion_control=bbr ||
        die "This kernel has no BBR, and every other congestion control crawls at the 20 % loss of \`lossy\`: modprobe tcp_bbr?"
    ip netns del "$PREFIX-try"
}

# remove_all: what `run` has made, whatever state it is in.
remove_all() {
    local ns pid
    for pid in "${JOBS[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for ns in $(ip netns list 2>/dev/null | awk -v p="$PREFIX-" 'index($1, p) == 1 { print $1 }'); do
        for pid in $(ip netns pids "$ns"); do
            kill -KILL "$pid" 2>/dev/null || true
        done
        ip netns del "$ns" || true
    done
    rm -rf "$WORK"
}

in_router() { ip netns exec "$NS-r" "$@"; }

# trio NAME: three namespaces in a row, client - router - server. Sets NS.
trio() {
    NS=$PREFIX-$1
    local end
    for end in c r s; do
        ip netns add "$NS-$end"
        ip -n "$NS-$end" link set lo up
    done
    join_router c 10.77.1
    join_router s 10.77.2
    in_router sysctl -qw net.ipv4.ip_forward=1
}

# join_router END NETWORK
join_router() {
    ip link add "to$1" netns "$NS-r" type veth peer name "$1"0 netns "$NS-$1"
    ip -n "$NS-$1" addr add "$2.2/24" dev "$1"0
    ip -n "$NS-r" addr add "$2.1/24" dev "to$1"
    ip -n "$NS-$1" link set "$1"0 up
    ip -n "$NS-r" link set "to$1" up
    ip -n "$NS-$1" route add default via "$2.1"
}

# wire DELAY_MS LOSS_PERCENT BYTES_PER_S: turns the router of a trio into a wire with these properties.
wire() {
    local end
    in_router sysctl -qw net.ipv4.ip_forward=0
    for end in c s; do
        ip -n "$NS-r" addr flush dev "to$end"
        # Frames as on a real wire: no larger than it takes, with their checksum in them.
        ip netns exec "$NS-$end" ethtool -K "$end"0 tx off gso off tso off >/dev/null
        ip netns exec "$NS-$end" ip route flush dev "$end"0
    done
    ip -n "$NS-c" route add 10.77.2.0/24 dev c0
    ip -n "$NS-s" route add 10.77.1.0/24 dev s0
    in_router python3 link.py toc tos "$@" &
}

# rate RATE: both ways, with half a second of queue before it.
rate() {
    local end
    for end in c s; do
        in_router tc qdisc add dev "to$end" root tbf rate "$1" burst 64kb latency 500ms
    done
}

# A kernel that takes 16 MiB of a message at once, for the whole trio.
large_buffers() {
    local end
    for end in c s; do
        ip netns exec "$NS-$end" sysctl -qw net.ipv4.tcp_wmem='4096 16777216 33554432'
    done
}

# darken: from now on nothing passes, either way.
darken() {
    in_router nft -f - <<'NFT'
table ip dark {
    chain everything { type filter hook forward priority -10; policy drop; }
}
NFT
}

# serve NAME ARG...: starts a server; sets SERVED to its log and SERVED_PID.
serve() {
    local name=$1 addr=$SERVER
    shift
    if [[ $1 == *:* && $1 != *[a-z]* ]]; then
        addr=$1
        shift
    fi
    SERVED=$WORK/$name.server
    # No function: its process would stand between.
    ip netns exec "$NS-s" "$END" listen "$addr" "$@" >"$SERVED" 2>&1 &
    SERVED_PID=$!
    await 5 "$SERVED" listens 1
}

# call NAME ARG...: starts a client; sets CALLED to its log and CALLED_PID.
call() {
    local name=$1 addr=$SERVER
    shift
    if [[ $1 == *:* && $1 != *[a-z]* ]]; then
        addr=$1
        shift
    fi
    CALLED=$WORK/$name.client
    ip netns exec "$NS-c" "$END" connect "$addr" "$@" >"$CALLED" 2>&1 &
    CALLED_PID=$!
}

# of LOG EVENT [KEY=VALUE...]: the lines of an event in which all of these stand.
of() {
    local log=$1 event=$2 want
    shift 2
    want=$*
    awk -v event="$event" -v want="$want" '
        $3 == event { n = split(want, w, " "); for (i = 1; i <= n; i++) if (index(" " $0 " ", " " w[i] " ") == 0) next; print }
    ' "$log"
}

# await SECONDS LOG EVENT COUNT: until the event is there so often; fails where it is not.
await() {
    local end=$((SECONDS + $1 + 1))
    until [[ $(of "$2" "$3" 2>/dev/null | wc -l) -ge $4 ]]; do
        [[ $SECONDS -lt $end ]] || return 1
        sleep 0.05
    done
}

# result NAME OK TEXT...: the scenario's line.
result() {
    local name=$1 ok=$2
    shift 2
    printf '%-4s  %-22s %s\n' "$([[ $ok == yes ]] && echo PASS || echo FAIL)" "$name" "$*"
    [[ $ok == yes ]] || printf '%s\n' "$name" >>"$WORK/failed"
}

# judged NAME LOG SINCE COUNT BOUND BOUND_TEXT KEY=VALUE...: so many verdicts, all like this, all within the bound. SINCE
# is a time, or an event of the same connection.
judged() {
    local name=$1 log=$2 since=$3 count=$4 bound=$5 text=$6 right times ok=yes
    shift 6
    right=$(($(of "$log" verdict "$@" | wc -l) + $(straddling "$log" "$since" "$*")))
    times=$(spread "$log" "$since")
    [[ $right -eq $count && $(of "$log" verdict | wc -l) -eq $count ]] || ok=no
    [[ $times != none* && $(within "${times#* }" "$bound") == yes ]] || ok=no
    of "$log" verdict | awk '{ split($6, f, "="); if (f[2] > 2) exit 1 }' || ok=no
    result "$name" "$ok" "$right of $count ($(kinds "$log")); ${times% *} to ${times#* } s, bound $text = $bound s"
    [[ $ok == yes ]] || show "$log"
}

# spread LOG SINCE: the shortest and the longest time to a verdict.
spread() {
    awk -v since="$2" '
        $3 == since { from[$2] = $1 }
        $3 == "verdict" { at[$2] = $1 }
        END {
            for (id in at) {
                t = at[id] - (since ~ /^[0-9]/ ? since : from[id])
                if (n++ == 0 || t < min) min = t
                if (n == 1 || t > max) max = t
            }
            if (n) printf "%.2f %.2f", min, max; else print "none none"
        }' "$1"
}

# straddling LOG SINCE WANTED: where a path is cut, a ping that left before may be acknowledged, and its answer be lost:
# then this end rightly says that the peer hangs, for it has seen nothing else. So many verdicts are of that kind.
straddling() {
    if [[ $3 != *path-dead* ]]; then
        echo 0
        return
    fi
    of "$1" verdict cause=pong-timeout finding=peer-hung |
        awk -v since="$2" '{ sub("flushed=", "", $8); n += ($1 - $8 < since) } END { print n + 0 }'
}

# kinds LOG: how often which cause and finding.
kinds() {
    of "$1" verdict | awk '{ sub("cause=", "", $4); sub("finding=", "", $5); print $4 ", " $5 }' | sort | uniq -c |
        awk '{ $1 = (NR > 1 ? "; " : "") $1; printf "%s", $0 }'
}

# survived NAME OK WHAT: every connection answers in the end, and nothing was closed.
survived() {
    local name=$1 ok=$2 answered verdicts
    answered=$(of "$CALLED" answered | wc -l)
    verdicts=$(of "$CALLED" verdict | wc -l)
    [[ $answered -eq $COUNT && $verdicts -eq 0 ]] || ok=no
    result "$name" "$ok" "$answered of $COUNT answer, $verdicts verdicts: $3"
    [[ $ok == yes ]] || show "$SERVED" "$CALLED"
}

# within TIME BOUND: yes or no.
within() {
    awk -v time="$1" -v bound="$2" -v slack="$SLACK" 'BEGIN { print (time <= bound + slack) ? "yes" : "no" }'
}

# finish SECONDS PID: until a child of ours has ended; fails where it does not.
finish() {
    local end=$((SECONDS + $1 + 1))
    while kill -0 "$2" 2>/dev/null; do
        [[ $SECONDS -lt $end ]] || return 1
        sleep 0.1
    done
}

show() { tail -n "${NET_TAIL:-25}" "$@" | sed 's/^/      | /'; }
