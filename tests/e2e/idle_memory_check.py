#!/usr/bin/env python3
"""What an idle connection costs in resident memory, for both styles of handlers on both backends; and that having
agreed on compression costs nothing.

The slope from 2,000 to 10,000 connections: what a server touches once, however many there are, is left out. A machine
with other work makes turns longer, and a longer turn needs more of the core's own buffers: that only ever adds, so what
is too much is measured again, and the least counts.
"""

import re

from server_program import EchoServer, expect, raise_descriptor_limit, run_check
from raw_websocket import BINARY, RawWebSocket

FEW, MANY = 2_000, 10_000
SPARE_DESCRIPTORS = 100
BATCH = 64  # handshakes at once
LIMIT = 512  # bytes a connection
NOISE = 8  # bytes a connection: pages are whole, pools grow in steps
ATTEMPTS = 3
BACKENDS = ("io_uring", "epoll")
STYLES = ("coroutine", "callback")


def open_until(connections, count, port, compression):
    while len(connections) < count:
        batch = [RawWebSocket(port, open_now=False, compression=compression) for _ in range(min(BATCH, count - len(connections)))]
        for connection in batch:
            connection.finish_handshake()
        connections += batch


def measure(backend, style, many, compression=False):
    """Bytes a connection: while none was used yet, and after each has echoed a message. None: no such backend here."""
    few = FEW * many // MANY
    with EchoServer("--cores", "1", "--style", style, *(["--compression", "on"] if compression else []), environment={"BRUME_IO": backend}) as server:
        if server.has_sanitizer() or not re.search(rf"listening on .*\b{backend}\b", server.output()):
            return None
        def use(connection):
            if compression:
                connection.expect_compressed_echo(BINARY, b"compressed " * 30)
            else:
                connection.expect_echo(BINARY, b"x" * 100)

        connections = []
        open_until(connections, few, server.port, compression)
        use(connections[0])  # makes what a core has once, as its compressors
        before = server.resident_bytes()
        open_until(connections, many, server.port, compression)
        opened = server.resident_bytes()
        for connection in connections:
            use(connection)
        used = server.resident_bytes()
        for connection in connections:
            connection.socket.close()
    return (opened - before) / (many - few), (used - before) / (many - few)


def least(slopes, more):
    return tuple(map(min, slopes, more))


def check():
    limit = raise_descriptor_limit()
    many = min(MANY, limit - SPARE_DESCRIPTORS)
    if many < MANY:
        print(f"note: only {many} connections: this process may open no more than {limit} descriptors")
    results = {(backend, style): measure(backend, style, many) for backend in BACKENDS for style in STYLES}
    for (backend, style), slopes in results.items():
        if slopes is None:
            print(f"note: {backend}, {style}: not judged, a sanitizer is built in or the kernel refuses the backend")
            continue
        opened, used = slopes
        print(f"note: {backend}, {style}: {opened:.0f} bytes a connection, {used:.0f} once each was used")
    for backend in BACKENDS:
        plain, compressed = results[backend, "callback"], measure(backend, "callback", many, compression=True)
        if plain is not None and compressed is not None:
            for _ in range(ATTEMPTS - 1):
                if max(compressed) <= max(plain) + NOISE:
                    break
                compressed = least(compressed, measure(backend, "callback", many, compression=True))
                plain = least(plain, measure(backend, "callback", many))
            print(f"note: {backend}, callback, compression agreed: {compressed[0]:.0f} bytes a connection, "
                  f"{compressed[1]:.0f} once each was used")
            expect(max(compressed) <= max(plain) + NOISE, f"{backend}: {compressed} bytes with compression, {plain} without")
    for key, slopes in results.items():
        expect(slopes is None or max(slopes) <= LIMIT, f"{key}: {slopes} bytes a connection, at most {LIMIT} are allowed")


if __name__ == "__main__":
    run_check(check)
