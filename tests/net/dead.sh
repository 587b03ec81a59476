# Peers and paths that die, and some that only look like it. Sourced by `run`.
# shellcheck shell=bash

# I, T and W in milliseconds.
QUICK=1000,1000,2000
COUNT=20

# killed NAME FINDING COMMAND...: what becomes of connections that COMMAND kills.
killed() {
    local name=$1 finding=$2 since
    shift 2
    trio "$name"
    serve "$name" echo
    call "$name" echo --live "$QUICK,tcp" --count "$COUNT"
    await 5 "$CALLED" open "$COUNT"
    sleep 2.5
    since=$(now)
    "$@"
    await 8 "$CALLED" verdict "$COUNT" || true
    judged "$name" "$CALLED" "$since" "$COUNT" 2 I+T cause=pong-timeout finding="$finding"
}

# A stopped process: its kernel acknowledges, nobody answers. A ping is queued at most I after the stop and judged T
# after its acknowledgement.
hung() { killed hung peer-hung stop_server; }
stop_server() { kill -STOP "$SERVED_PID"; }

# Stopped for 0.7 T: its answers are late, not missing.
stopped_shortly() {
    local ok=yes
    trio stopped_shortly
    serve stopped_shortly echo
    call stopped_shortly ask:9000 --live 1000,2500,2500,tcp --count "$COUNT"
    await 5 "$CALLED" open "$COUNT"
    for _ in 1 2; do
        sleep 1.5
        kill -STOP "$SERVED_PID"
        sleep 1.75
        kill -CONT "$SERVED_PID"
    done
    finish 15 "$CALLED_PID" || ok=no
    survived stopped_shortly $ok "peer stopped twice for 1.75 s, T = 2.5 s"
}

# Everything dropped: nothing is acknowledged. A ping leaves at most I after the cut and is judged T after its flush.
path_dead() { killed path_dead path-dead darken; }

# Alive, and never reading, while we write without end. Which clock runs depends on whether the ping found room in our
# kernel's buffer, or even in the peer's; the layer does not. Counted from the last message that was taken: a ping is
# queued within I and judged W later, or, where the last bytes left after it was queued, within 2 W of that (P2).
window_full() {
    local name=window_full
    trio $name
    serve $name deaf
    call $name flood --live "$QUICK,tcp" --count "$COUNT"
    await 20 "$CALLED" verdict "$COUNT" || true
    judged $name "$CALLED" flooded "$COUNT" 4 "2W after the last send" finding=peer-does-not-read
}

# One byte per T/2 inside a frame is no sign of life (P3). Nothing was before our ping: T runs from its flush (P4).
trickle() {
    trio trickle
    serve trickle trickle:500
    call trickle echo --live "$QUICK,tcp" --count "$COUNT"
    await 8 "$CALLED" verdict "$COUNT" || true
    judged trickle "$CALLED" open "$COUNT" 2 I+T cause=pong-timeout finding=trickle
}

# Our own process stopped for 3 (I + T): the peers are not to blame (J6).
own_stop() {
    local ok=yes
    trio own_stop
    serve own_stop echo
    call own_stop ask:12000 --live "$QUICK,tcp" --count "$COUNT"
    await 5 "$CALLED" open "$COUNT"
    sleep 2.5
    kill -STOP "$CALLED_PID"
    sleep 6
    kill -CONT "$CALLED_PID"
    finish 20 "$CALLED_PID" || ok=no
    survived own_stop $ok "our own process stopped for 3(I+T) = 6 s"
}
