"""Programs that tell their events as lines of JSON: our end, the peers, and the proxies between them."""

import asyncio
import contextlib
import json
import os
import signal
import sys

# Nothing takes so long unless it hangs; it bounds no promise.
HANG = 90.0
# What an API shows of our two ends.
NORMAL, TIMEOUT = (1000, "bye"), (3008, "pong timeout")


class Failure(Exception):
    """A promise that was not kept, or a peer that does not do what it should."""


class Program:
    """A process in a group of its own, with what it has said so far."""

    def __init__(self, name, process):
        self.name, self.process = name, process
        self.events, self.over, self.news = [], False, asyncio.Event()
        self.errors = b""
        self.tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._complaints())]

    @classmethod
    async def start(cls, name, *argv, **options):
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *map(str, argv), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, **options
        )
        return cls(name, process)

    async def _read(self):
        async for line in self.process.stdout:
            try:
                self.events.append(json.loads(line) | {"at": asyncio.get_running_loop().time()})
                self.news.set()
            except json.JSONDecodeError:
                self.errors += line
        self.over = True
        self.news.set()

    async def _complaints(self):
        while part := await self.process.stderr.read(4096):
            self.errors = (self.errors + part)[-2000:]

    def all(self, kind, since=0):
        return [event for event in self.events[since:] if event["event"] == kind]

    async def event(self, kind, number=1, since=0, where=lambda _: True):
        """The so-manieth event of a kind, as soon as it is there."""
        try:
            async with asyncio.timeout(HANG):
                while True:
                    found = [event for event in self.all(kind, since) if where(event)]
                    if len(found) >= number:
                        return found[number - 1]
                    if self.over:
                        break
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise Failure(f"{self.name}: no {kind} within {HANG:.0f} s{self.story()}") from None
        raise Failure(f"{self.name}: ended without {kind}{self.story()}")

    async def order(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        await self.process.stdin.drain()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def story(self):
        last = " ".join(json.dumps({k: v for k, v in event.items() if k != "at"}) for event in self.events[-6:])
        errors = self.errors.decode(errors="replace").strip().replace("\n", " / ")[-400:]
        return f"; it said {last or 'nothing'}" + (f"; {errors}" if errors else "")

    async def end(self):
        """Whatever state it is in."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        try:
            await asyncio.wait_for(self.process.wait(), 5)
        except TimeoutError:
            pass
        self.signal(signal.SIGKILL)
        await self.process.wait()
        for task in self.tasks:
            task.cancel()


class Peer:
    """A peer that one file describes; peer.py says how it is called."""

    def __init__(self, name, *argv, roles=("server", "client"), keepalive=True, echoes=True, shows=None):
        self.name, self.argv, self.roles, self.keepalive, self.echoes = name, argv, roles, keepalive, echoes
        # Baileys has one word for all ends.
        self.normal, self.shows = shows or NORMAL, shows or TIMEOUT

    async def version(self):
        program = await Program.start(self.name, *self.argv, "version")
        try:
            return (await program.event("version"))["version"]
        finally:
            await program.end()

    @contextlib.asynccontextmanager
    async def meets(self, end, role, keepalive, *args):
        """Our end and the peer, connected: `role` is the peer's."""
        async with contextlib.AsyncExitStack() as stack:

            async def start(*argv, **options):
                program = await Program.start(argv[0], *argv[1:], **options)
                stack.push_async_callback(program.end)
                return program

            if role == "server":
                peer = await start(self.name, *self.argv, "listen", keepalive)
                port = (await peer.event("listening"))["port"]
                ours = await start("our end", end, "connect", f"ws://127.0.0.1:{port}/", *args)
            else:
                ours = await start("our end", end, "listen", 0, *args)
                port = (await ours.event("listening"))["port"]
                url = f"ws://127.0.0.1:{port}/"
                peer = await start(self.name, *self.argv, "connect", keepalive, url)
            await ours.event("open")
            yield ours, peer


def python(root, name, **options):
    here = root / "peers" / f"{name}.py"
    return Peer(name.removeprefix("py_"), root / "venv/bin/python", here, **options)


def node(root, folder, name, **options):
    return Peer(name.removeprefix("node_"), "node", root / folder / f"{name}.mjs", **options)


def quick_peers(root):
    return [
        python(root, "py_websockets"),
        python(root, "py_aiohttp"),
        python(root, "py_tornado"),
        node(root, "node", "node_ws"),
        node(root, "node", "node_undici", roles=("client",), keepalive=False),
    ]


def other_peers(root):
    client = {"roles": ("client",)}
    java = os.environ.get("JAVA", "java")
    return [
        Peer("gorilla", root / "gorilla"),
        Peer("java.net.http", java, root / "peers/Java.java", **client),
        Peer("Chromium", sys.executable, root / "peers/chromium.py", keepalive=False, **client),
        node(root, "baileys", "baileys", keepalive=False, echoes=False, shows=(428, "Connection Terminated"), **client),
    ]
