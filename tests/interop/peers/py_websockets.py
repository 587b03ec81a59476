"""Python's `websockets`, as server and as client."""

import asyncio
import sys

import websockets
from peer import KEEPALIVE, ROLE, WHERE, say

OPTIONS = {"ping_interval": KEEPALIVE or None, "ping_timeout": None, "max_size": None}


async def play(socket):
    say("open")
    try:
        async for message in socket:
            if message == "close now":
                await socket.close(1000, "bye")
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    say("closed", code=socket.close_code, reason=socket.close_reason)


async def serve():
    over = asyncio.Event()

    async def one(socket):
        await play(socket)
        over.set()

    async with websockets.serve(one, "127.0.0.1", 0, **OPTIONS) as server:
        say("listening", port=server.sockets[0].getsockname()[1])
        await over.wait()


async def connect():
    async with websockets.connect(WHERE, **OPTIONS) as socket:
        await play(socket)


if ROLE == "version":
    say("version", version=f"websockets {websockets.__version__}, Python {sys.version.split()[0]}")
else:
    asyncio.run(serve() if ROLE == "listen" else connect())
