"""What the peers in Python have in common.

A peer is called with `listen KEEPALIVE`, `connect KEEPALIVE URL` or `version`. It echoes every message, closes with 1000
and "bye" at the message "close now", pings every KEEPALIVE seconds by its library's own means (0: never), and prints one
line of JSON for each event: version, listening, open, closed.
"""

import json
import sys

ROLE = sys.argv[1]
KEEPALIVE = float(sys.argv[2]) if len(sys.argv) > 2 else 0
WHERE = sys.argv[3] if len(sys.argv) > 3 else ""


def say(event, **facts):
    # One write: Chromium's events come on several threads, and `print` writes the end of the line by itself.
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()
