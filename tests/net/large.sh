# Messages that take the path longer than any timeout. Sourced by `run`.
# shellcheck shell=bash

SIZE=$((32 << 20))
# I, T and W in milliseconds. The message takes 34 s, the kernel's buffer alone some 10 s.
LARGE=1000,2000,2000

slow_trio() {
    trio "$1"
    large_buffers
    rate 8mbit
}

# transfer NAME GIVE TAKE [LIVE]: no verdict at either end, and every byte arrives.
transfer() {
    local name=$1 give=$2 take=$3 live=${4:-$LARGE,tcp} ok=yes log
    slow_trio "$name"
    serve "$name" "transfer:$take:$give" --live "$live"
    call "$name" "transfer:$give:$take" --live "$live"
    finish 120 "$CALLED_PID" || ok=no
    await 3 "$SERVED" end 1 || ok=no
    for log in "$SERVED" "$CALLED"; do
        [[ $(of "$log" end | wc -l) -eq 1 && -z $(of "$log" verdict)$(of "$log" broken) ]] || ok=no
    done
    [[ $(cat "$SERVED" "$CALLED" | awk '$3 == "whole"' | wc -l) -eq $(((give > 0) + (take > 0))) ]] || ok=no
    result "$name" $ok "$(((give + take) >> 20)) MiB with I,T,W,source = $live: $(seen "$CALLED" "client"), $(seen "$SERVED" "server")"
    [[ $ok == yes ]] || show "$SERVED" "$CALLED"
}

# drained SECONDS FROM TO: between the end of the writing and the arrival of the whole lay so many seconds at least.
drained() {
    awk -v least="$1" '$3 == "written" { from = $1 } $3 == "whole" { to = $1 } END { exit !(to - from >= least) }' "$2" "$3"
}

# seen LOG WHO: what the transfer looked like from there.
seen() {
    awk -v who="$2" '
        $3 == "open" { start = $1 } $3 == "written" { written = $1 - start } $3 == "whole" { whole = $1 - start }
        $3 == "end" { facts = $5 " " $6 }
        END {
            printf "%s", who
            if (written) printf " wrote until %.1f s", written
            if (whole) printf " had it whole at %.1f s", whole
            print " " facts
        }' "$1"
}

# The kernel's buffer alone takes the path 3 T at least: without the source no timeout would survive that.
up() { transfer up "$SIZE" 0 && drained 6 "$CALLED" "$SERVED" || result up no "the buffer was too small to show anything"; }
down() { transfer down 0 "$SIZE" && drained 6 "$SERVED" "$CALLED" || result down no "the buffer was too small"; }
both() { transfer both "$SIZE" "$SIZE"; }

# While the message is written our ping waits behind it: W runs from the last acknowledgement, so W is the bound. The
# receiver's ping was acknowledged long ago and bytes came until now: T runs once more from the deadline in which they
# came, 2 T in all. What it sees is what a hung sender looks like: nothing of its own is on the way.
cut_writing() {
    slow_trio cut_writing
    serve cut_writing "transfer:0:$SIZE" --live "$LARGE,tcp"
    call cut_writing "transfer:$SIZE:0" --live "$LARGE,tcp"
    sleep 8
    darken
    local since
    since=$(now)
    await 12 "$CALLED" verdict 1 && await 12 "$SERVED" verdict 1 || true
    judged cut_writing "$CALLED" "$since" 1 2 W cause=write-stalled finding=path-dead
    judged cut_writing_receiver "$SERVED" "$since" 1 4 2T cause=pong-timeout
}

# The kernel has taken all of it, the ping too, and the path has not: T from the last acknowledgement.
cut_written() {
    slow_trio cut_written
    serve cut_written "transfer:0:$SIZE" --live "$LARGE,tcp"
    call cut_written "transfer:$SIZE:0" --live "$LARGE,tcp"
    await 60 "$CALLED" written 1 || true
    sleep 3
    darken
    local since
    since=$(now)
    await 12 "$CALLED" verdict 1 || true
    judged cut_written "$CALLED" "$since" 1 2 T cause=pong-timeout finding=path-dead
}

# too_slow NAME GIVE TAKE BOUND CAUSE: a transfer without a source, closed within BOUND of its beginning.
too_slow() {
    local name=$1 give=$2 take=$3 bound=$4 cause=$5
    slow_trio "$name"
    serve "$name" "transfer:$take:$give"
    call "$name" "transfer:$give:$take" --live "$LARGE,none"
    await 12 "$CALLED" verdict 1 || true
    judged "$name" "$CALLED" open 1 3 "$bound" cause="$cause" finding=none
}

# P5: without a source a message that takes longer than W to write is closed, within I + W of its beginning ...
limit_write() { too_slow limit_write "$SIZE" 0 I+W write-stalled; }

# ... one that takes longer than T to arrive within I + T ...
limit_read() { too_slow limit_read 0 "$SIZE" I+T pong-timeout; }

# ... and one that is through before is not.
limit_kept() { transfer limit_kept $((4 << 20)) $((4 << 20)) 1000,10000,10000,none; }

# Many segments are lost, and nothing is closed: T and W are the defaults. BBR alone fills such a path.
lossy() {
    local name=lossy size=$((3 << 20)) ok=yes end log
    trio $name
    for end in c s; do
        ip netns exec "$NS-$end" sysctl -qw net.ipv4.tcp_congestion_control=bbr
    done
    wire 150 20 64000
    serve $name "transfer:$size:$size" --live 2000,20000,30000,tcp
    call $name "transfer:$size:$size" --live 2000,20000,30000,tcp
    finish 420 "$CALLED_PID" || ok=no
    await 10 "$SERVED" end 1 || ok=no
    for log in "$SERVED" "$CALLED"; do
        [[ $(of "$log" whole | wc -l) -eq 1 && -z $(of "$log" verdict)$(of "$log" broken) ]] || ok=no
    done
    result $name $ok "3 MiB each way at once over 20 % loss, 300 ms there and back, 64 kB/s: $(seen "$CALLED" client), $(seen "$SERVED" server)"
    [[ $ok == yes ]] || show "$SERVED" "$CALLED"
}
