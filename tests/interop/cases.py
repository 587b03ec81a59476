"""What is tried with each peer. Each case returns the columns of the table that it fills."""

import asyncio
import re
import signal

from ends import NORMAL, Failure
from proxies import LIMIT

# I and T in milliseconds. A live peer is given a T that no busy machine reaches.
PATIENT = "600,30000"
STRICT_T = 3.0
# The peer's own keepalive, in seconds, and ours beside it. aiohttp's waits for half of it, and does not ping if something
# came in since: ours is the longer one.
KEEPALIVE, BESIDE = 2, "3000,30000"
STRICT = f"300,{STRICT_T * 1000:.0f}"


def expect(right, text, *programs):
    if not right:
        raise Failure(text + "".join(f" [{program.name}{program.story()}]" for program in programs))


def shown(event):
    reason = re.sub(r"\S+->\S+: ", "", event["reason"] or "")  # Go tells the addresses
    return f"{event['code'] or 'no code'} {reason}".strip()


async def ended_well(ours):
    await ours.event("end")
    bad = ours.all("verdict") + ours.all("error") + ours.all("refused")
    expect(not bad, f"not a normal end: {bad}")


async def keeps_alive(peer, meet):
    """Pings are answered, beside the peer's own."""
    if not peer.keepalive:
        return {"both keepalives": "it has none"}
    async with meet(KEEPALIVE, "--live", BESIDE) as (ours, theirs):
        await ours.event("pong", 2)
        await ours.event("ping", 2)
        expect(not theirs.all("closed") and not ours.all("verdict"), "closed", ours, theirs)
        return {"both keepalives": "yes"}


async def talks(peer, meet):
    """Pings are answered; 10 MB there and back; an end by us."""
    async with meet(0, "--live", PATIENT) as (ours, theirs):
        await ours.event("pong", 3)
        cells = {"pings answered": "yes"}
        cells["10 MB each way"] = await carries(ours) if peer.echoes else "it echoes nothing"
        await ours.order("close")
        closed = await theirs.event("closed")
        expect((closed["code"], closed["reason"]) == peer.normal, f"it shows {shown(closed)}", ours)
        await ended_well(ours)
        return cells | {"our end": shown(closed)}


async def carries(ours):
    await ours.order("large")
    data = await ours.event("data")
    expect(data["whole"], f"{data['length']} bytes came back, and not the same", ours)
    await ours.event("pong", since=ours.events.index(data))
    return "whole"


async def says_goodbye(peer, meet):
    """An end by the peer."""
    if not peer.echoes:
        return {"its end": "it has no such end"}
    async with meet(0, "--live", PATIENT) as (ours, theirs):
        await ours.order("close now")
        close = await ours.event("close")
        expect((close["code"], close["reason"]) == NORMAL, f"we got {shown(close)}", ours)
        await ended_well(ours)
        await theirs.event("closed")
        return {"its end": shown(close)}


async def pauses(peer, meet):
    """Stopped, and continued before T is over."""
    async with meet(0, "--live", PATIENT) as (ours, theirs):
        await ours.event("pong")
        stopped = len(ours.events)
        theirs.signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        theirs.signal(signal.SIGCONT)
        # A ping of that time was answered when it was over; and the connection goes on.
        await ours.event("pong", since=stopped, where=lambda pong: pong["rtt"] >= 0.5)
        if peer.echoes:
            await ours.order("still there?")
            await ours.event("text", where=lambda heard: heard["text"] == "still there?")
        await ours.event("pong", 3, since=stopped)
        expect(not ours.all("verdict"), "closed", ours)
        return {"stopped for 2 s": "lives"}


async def dies(peer, meet):
    """Stopped for good: a verdict, not before T; and what the peer sees, should it ever wake."""
    async with meet(0, "--live", STRICT) as (ours, theirs):
        await ours.event("pong")
        theirs.signal(signal.SIGSTOP)
        stopped = asyncio.get_running_loop().time()
        verdict = await ours.event("verdict")
        expect(verdict["cause"] == "pong timeout", f"cause: {verdict['cause']}", ours)
        expect(verdict["since_flushed"] >= STRICT_T, f"judged after {verdict['since_flushed']:.3f} s", ours)
        await ours.event("end")
        theirs.signal(signal.SIGCONT)
        closed = await theirs.event("closed")
        took = verdict["at"] - stopped
        return {"stopped for good": f"pong timeout, {took:.1f} s", "then it sees": shown(closed)}


async def is_judged(peer, meet):
    """A live peer whose pongs are hidden from the liveness: what its API says of our verdict."""
    async with meet(0, "--live", STRICT, "--deaf") as (ours, theirs):
        closed = await theirs.event("closed")
        expect((closed["code"], closed["reason"]) == peer.shows, f"it shows {shown(closed)}", ours)
        verdict = await ours.event("verdict")
        expect(verdict["cause"] == "pong timeout", f"cause: {verdict['cause']}", ours)
        return {"3008 in its API": shown(closed)}


async def keeps_limit(peer, meet):
    """Idle for twice the proxy's limit, with pings."""
    async with meet(0, "--live", PATIENT) as (ours, _):
        await asyncio.sleep(2 * LIMIT + 1)
        await ours.order("still there?")
        await ours.event("text")
        return {"limit of 3 s with pings": "lives"}


async def meets_limit(peer, meet):
    """Idle without pings."""
    async with meet(0) as (ours, _):
        opened = ours.all("open")[0]["at"]
        if not peer.limits:
            await asyncio.sleep(2 * LIMIT + 1)
            await ours.order("still there?")
            await ours.event("text")
            return {"without": "lives: it has no idle limit"}
        end = await ours.event("end")
        took = end["at"] - opened
        # Some count from their own last look at the clock.
        expect(took > LIMIT - 1, f"cut after {took:.1f} s, before its limit", ours)
        # Its usual limits are 50 s and more.
        expect(took < 10 * LIMIT, f"cut after {took:.1f} s, by another limit", ours)
        return {"without": f"cut after {took:.1f} s"}


FOR_ALL = [talks, keeps_alive, says_goodbye, pauses, dies, is_judged]
FOR_PROXIES = [keeps_limit, meets_limit]
QUICK = [talks, keeps_alive, dies, is_judged]
COLUMNS = {
    talks: "pings answered",
    keeps_alive: "both keepalives",
    says_goodbye: "its end",
    pauses: "stopped for 2 s",
    dies: "stopped for good",
    is_judged: "3008 in its API",
    keeps_limit: "limit of 3 s with pings",
    meets_limit: "without",
}
