"""Headless Chromium, a client that has no pings of its own. What a peer does is written in peer.py.

A page in it holds the WebSocket, and posts its events to the server that it came from.
"""

import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading

from peer import ROLE, WHERE, say

PAGE = """<!doctype html><script>
const say = facts => fetch('/event', { method: 'POST', body: JSON.stringify(facts) });
const socket = new WebSocket('URL');
socket.binaryType = 'arraybuffer';
socket.onopen = () => say({ event: 'open' });
socket.onmessage = ({ data }) => data === 'close now' ? socket.close(1000, 'bye') : socket.send(data);
socket.onclose = ({ code, reason }) => say({ event: 'closed', code, reason });
</script>"""
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
)
over = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path == "/"
        self.send_response(200 if found else 404)
        self.send_header("content-type", "text/html")
        self.end_headers()
        if found:
            self.wfile.write(PAGE.replace("URL", WHERE).encode())

    def do_POST(self):
        facts = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(204)
        self.end_headers()
        say(**facts)
        if facts["event"] == "closed":
            over.set()

    def log_message(self, *_):
        pass


def connect():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    profile = tempfile.mkdtemp()
    browser = subprocess.Popen(
        ["chromium", *FLAGS.split(), f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # What Debian's wrapper reads of the user's own settings is none of ours.
        env={**os.environ, "HOME": profile},
    )
    over.wait()
    browser.terminate()
    browser.wait()
    shutil.rmtree(profile, ignore_errors=True)


if ROLE == "version":
    say("version", version=subprocess.run(["chromium", "--version"], capture_output=True, text=True).stdout.split(" built")[0].strip())
else:
    connect()
