"""Python's `tornado`, as server and as client."""

import asyncio
import sys

import tornado
from peer import KEEPALIVE, ROLE, WHERE, say
from tornado import httpserver, netutil, web, websocket

LARGEST = 1 << 30


async def serve():
    over = asyncio.Event()

    class Echo(websocket.WebSocketHandler):
        def open(self):
            say("open")

        async def on_message(self, message):
            if message == "close now":
                self.close(1000, "bye")
            else:
                await self.write_message(message, binary=isinstance(message, bytes))

        def on_close(self):
            say("closed", code=self.close_code, reason=self.close_reason)
            over.set()

    app = web.Application(
        [("/", Echo)],
        websocket_ping_interval=KEEPALIVE or None,
        websocket_max_message_size=LARGEST,
    )
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    httpserver.HTTPServer(app).add_sockets(sockets)
    say("listening", port=sockets[0].getsockname()[1])
    await over.wait()


async def connect():
    socket = await websocket.websocket_connect(WHERE, ping_interval=KEEPALIVE or None, max_message_size=LARGEST)
    say("open")
    while (message := await socket.read_message()) is not None:
        if message == "close now":
            socket.close(1000, "bye")
        else:
            await socket.write_message(message, binary=isinstance(message, bytes))
    say("closed", code=socket.close_code, reason=socket.close_reason)


if ROLE == "version":
    say("version", version=f"tornado {tornado.version}, Python {sys.version.split()[0]}")
else:
    asyncio.run(serve() if ROLE == "listen" else connect())
