# A NAT that forgets idle flows after 5 s. Sourced by `run`.
# shellcheck shell=bash

# What it has forgotten it drops, both ways, and says nothing. Its own end sends no reset.
nat_trio() {
    trio "$1"
    in_router sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_timeout_established=5
    # Only what it has translated gets through.
    ip -n "$NS-s" route del default
    in_router nft -f - <<'NFT'
table ip nat {
    chain post { type nat hook postrouting priority srcnat; oifname "tos" masquerade; }
}
table ip hole {
    chain forward {
        type filter hook forward priority filter; policy accept;
        ct state invalid drop
        iifname "tos" ct state new drop
    }
    chain input { type filter hook input priority filter; policy accept; iifname "tos" meta l4proto tcp drop; }
}
NFT
}

# Without pings: dead after 8 idle seconds, and nobody notices.
nat_bare() {
    local ok=yes
    nat_trio nat_bare
    serve nat_bare echo
    call nat_bare ask:8000 --count "$COUNT"
    finish 20 "$CALLED_PID" || ok=no
    [[ $(of "$CALLED" unanswered | wc -l) -eq $COUNT ]] || ok=no
    [[ -z $(of "$SERVED" error)$(of "$SERVED" end) ]] || ok=no
    result nat_bare $ok "$(of "$CALLED" unanswered | wc -l) of $COUNT dead after 8 idle seconds, unnoticed by both ends for 3 s more"
    [[ $ok == yes ]] || show "$SERVED" "$CALLED"
}

# With an interval of 2 s: alive after 14 idle seconds.
nat_pinged() {
    local ok=yes
    nat_trio nat_pinged
    serve nat_pinged echo
    call nat_pinged ask:14000 --live 2000,1000,2000,tcp --count "$COUNT"
    finish 25 "$CALLED_PID" || ok=no
    survived nat_pinged $ok "14 idle seconds, a ping every 2 s"
}

# Its table is flushed: each end notices by its own pings.
nat_flushed() {
    nat_trio nat_flushed
    serve nat_flushed echo --live 2000,1000,2000,tcp
    call nat_flushed echo --live 2000,1000,2000,tcp --count "$COUNT"
    await 5 "$CALLED" open "$COUNT"
    sleep 4
    local since
    since=$(now)
    in_router conntrack -D -p tcp --dport 7000 >/dev/null 2>&1
    await 8 "$CALLED" verdict "$COUNT" && await 8 "$SERVED" verdict "$COUNT" || true
    judged nat_flushed_client "$CALLED" "$since" "$COUNT" 3 I+T cause=pong-timeout finding=path-dead
    judged nat_flushed_server "$SERVED" "$since" "$COUNT" 3 I+T cause=pong-timeout finding=path-dead
}
