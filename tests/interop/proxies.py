"""Reverse proxies with an idle limit of 3 s, as Debian has them, each between our client and an echo server."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import tempfile
from pathlib import Path

from ends import HANG, NORMAL, TIMEOUT, Failure, Program

LIMIT = 3

NGINX = """
daemon off; worker_processes 1; pid %(dir)s/pid; error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path %(dir)s/1; proxy_temp_path %(dir)s/2; fastcgi_temp_path %(dir)s/3; uwsgi_temp_path %(dir)s/4;
  scgi_temp_path %(dir)s/5;
  server {
    listen 127.0.0.1:%(port)d;
    location / {
      proxy_pass http://127.0.0.1:%(behind)d; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
      proxy_read_timeout 3s; proxy_send_timeout 3s;
    }
  }
}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  timeout tunnel 3s
listen all
  bind 127.0.0.1:%(port)d
  server one 127.0.0.1:%(behind)d
"""
APACHE = """
ServerRoot %(dir)s
ServerName localhost
PidFile %(dir)s/pid
ErrorLog /dev/stderr
DefaultRuntimeDir %(dir)s
Listen 127.0.0.1:%(port)d
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
# The limit of an upgraded connection is the lesser of the two, seen from either side.
Timeout 3
ProxyTimeout 3
ProxyPass / http://127.0.0.1:%(behind)d/ upgrade=websocket
"""
CADDY = """
{
  admin off
  auto_https off
  storage file_system %(dir)s
}
http://127.0.0.1:%(port)d {
  reverse_proxy 127.0.0.1:%(behind)d
}
"""


class Proxy:
    """Meets our end as a peer does, with itself between."""

    roles, keepalive, echoes, normal, shows = ("proxy",), True, True, NORMAL, TIMEOUT

    def __init__(self, name, config, argv, asked, limits=True):
        self.name, self.config, self.argv, self.asked, self.limits = name, config, argv, asked, limits

    async def version(self):
        said = subprocess.run(self.asked, capture_output=True, text=True, check=True)
        return re.search(r"\d+\.\d+\.\S+", said.stdout + said.stderr)[0]

    @contextlib.asynccontextmanager
    async def meets(self, end, _role, keepalive, *args):
        async with contextlib.AsyncExitStack() as stack:

            async def start(*argv, **options):
                program = await Program.start(argv[0], *argv[1:], **options)
                stack.push_async_callback(program.end)
                return program

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            # nginx gives up root for its workers.
            os.chmod(folder, 0o755)
            pings = ["--live", f"{keepalive * 1000:.0f},30000"] if keepalive else []
            peer = await start("the server", end, "listen", 0, "--echo", *pings)
            behind = (await peer.event("listening"))["port"]
            port = free_port()
            config = Path(folder) / "Caddyfile"
            config.write_text(self.config % {"dir": folder, "port": port, "behind": behind})
            env = {**os.environ, "HOME": folder}
            proxy = await start(self.name, *(word.replace("CONFIG", str(config)) for word in self.argv), env=env)
            await listening(proxy, port)
            ours = await start("our end", end, "connect", f"ws://127.0.0.1:{port}/", *args)
            await ours.event("open")
            yield ours, peer


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def listening(proxy, port):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HANG):
            while not proxy.over:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                except OSError:
                    await asyncio.sleep(0.05)
    raise Failure(f"{proxy.name} does not listen{proxy.story()}")


def proxies():
    return [
        Proxy("nginx", NGINX, ["/usr/sbin/nginx", "-c", "CONFIG"], ["/usr/sbin/nginx", "-v"]),
        Proxy("haproxy", HAPROXY, ["/usr/sbin/haproxy", "-db", "-f", "CONFIG"], ["/usr/sbin/haproxy", "-v"]),
        Proxy("Apache", APACHE, ["/usr/sbin/apache2", "-DFOREGROUND", "-f", "CONFIG"], ["/usr/sbin/apache2", "-v"]),
        # It has no limit for an idle WebSocket: what newer versions call `stream_timeout` counts from the beginning.
        Proxy(
            "Caddy", CADDY, ["caddy", "run", "--config", "CONFIG", "--adapter", "caddyfile"], ["caddy", "version"], False
        ),
    ]
