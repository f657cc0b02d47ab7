#!/usr/bin/env python3
"""A server started for large messages takes one that comes in frames of 4 KiB, as clients with a small write buffer send."""

import os

from frames import BINARY, CONTINUATION, frame
from raw_websocket import RawWebSocket
from server_program import EchoServer, expect, run_check

LARGE = 8 << 20
FRAME = 4096


def check():
    with EchoServer("--max-message", str(LARGE)) as server:
        client = RawWebSocket(server.port)
        part = os.urandom(FRAME)
        count = LARGE // FRAME
        sent = b"".join(
            frame(CONTINUATION if number else BINARY, part, os.urandom(4), fin=number + 1 == count)
            for number in range(count))
        client.socket.sendall(sent)
        opcode, payload = client.receive()
        expect((opcode, payload) == (BINARY, part * count), f"opcode {opcode}, {len(payload)} bytes {payload[:40]!r}")
        client.close()


run_check(check)
