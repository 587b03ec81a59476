"""Python's `aiohttp`, as server and as client."""

import asyncio
import sys

import aiohttp
from aiohttp import web
from peer import KEEPALIVE, ROLE, WHERE, say

OPTIONS = {"heartbeat": KEEPALIVE or None, "max_msg_size": 0}


async def play(socket):
    say("open")
    reason = await echo(socket)
    say("closed", code=socket.close_code, reason=reason)


async def echo(socket):
    """Why it ended."""
    while True:
        try:
            message = await socket.receive()
        except aiohttp.ClientConnectionResetError as error:
            # It answers pings in here, and this is how it says that there is nobody to answer.
            return str(error)
        if message.type == aiohttp.WSMsgType.TEXT and message.data == "close now":
            await socket.close(code=1000, message=b"bye")
            return "bye"
        if message.type == aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        else:
            return message.extra


async def serve():
    over = asyncio.Event()

    async def one(request):
        socket = web.WebSocketResponse(**OPTIONS)
        await socket.prepare(request)
        await play(socket)
        over.set()
        return socket

    app = web.Application()
    app.router.add_get("/", one)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    say("listening", port=runner.addresses[0][1])
    await over.wait()
    await runner.cleanup()


async def connect():
    async with aiohttp.ClientSession() as session, session.ws_connect(WHERE, **OPTIONS) as socket:
        await play(socket)


if ROLE == "version":
    say("version", version=f"aiohttp {aiohttp.__version__}, Python {sys.version.split()[0]}")
else:
    asyncio.run(serve() if ROLE == "listen" else connect())
