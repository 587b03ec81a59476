"""A slow, lossy wire between two network devices, both ways alike: link.py DEV DEV DELAY_MS LOSS_PERCENT BYTES_PER_S

It moves whole Ethernet frames and acknowledges nothing, so TCP works end to end. What finds the queue full is dropped.
"""

import heapq
import random
import select
import socket
import sys
import time

QUEUE_S = 0.5
SEED = 5
IPV4 = b"\x08\x00"


class Way:
    def __init__(self, out, delay, loss, rate):
        self.out, self.delay, self.loss, self.rate = out, delay, loss, rate
        self.free = 0.0  # when the wire has sent what is queued
        self.passed = self.lost = self.overflown = 0

    def arrive(self, now, frame):
        """When the frame leaves at the far end, or None."""
        start = max(now, self.free)
        if start - now > QUEUE_S:
            self.overflown += 1
            return None
        self.free = start + len(frame) / self.rate
        # TCP is to suffer, not the address resolution below it: that gives up after three.
        if frame[12:14] == IPV4 and random.random() < self.loss:
            self.lost += 1
            return None
        self.passed += 1
        return self.free + self.delay


def main():
    random.seed(SEED)
    delay, loss, rate = float(sys.argv[3]) / 1e3, float(sys.argv[4]) / 100, float(sys.argv[5])
    ends = []
    for device in sys.argv[1:3]:
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
        end.bind((device, 0))
        ends.append(end)
    ways = {ends[0]: Way(ends[1], delay, loss, rate), ends[1]: Way(ends[0], delay, loss, rate)}
    flying, number = [], 0
    while True:
        wait = max(0.0, flying[0][0] - time.monotonic()) if flying else None
        for end in select.select(ends, [], [], wait)[0]:
            frame, address = end.recvfrom(65536)
            if address[2] == socket.PACKET_OUTGOING:
                continue  # our own
            at = ways[end].arrive(time.monotonic(), frame)
            if at is not None:
                number += 1
                heapq.heappush(flying, (at, number, ways[end].out, frame))
        while flying and flying[0][0] <= time.monotonic():
            _, _, out, frame = heapq.heappop(flying)
            out.send(frame)


main()
