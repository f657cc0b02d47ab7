#!/usr/bin/env python3
"""10,000 connections opened, used and closed: the server is then where it was, twice over.

This process is the client; the server has one of its own, so each side needs its own 10,000 descriptors.
"""

import time

from server_program import CheckFailed, EchoServer, expect, raise_descriptor_limit, run_check
from raw_websocket import BINARY, TEXT, RawWebSocket

CONNECTIONS = 10_000
SPARE_DESCRIPTORS = 100
BATCH = 100
ROUNDS = 3  # the first one warms pools up
ALLOWED_GROWTH = 2 * 2**20  # bytes of resident memory from the first round to the last: 100 a connection and round
PATIENCE_SECONDS = 60.0


def in_batches(items):
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def one_round(port, count):
    connections = []
    while len(connections) < count:
        batch = [RawWebSocket(port, open_now=False) for _ in range(min(BATCH, count - len(connections)))]
        for connection in batch:
            connection.finish_handshake()
        connections += batch
    for index, connection in enumerate(connections):
        connection.expect_echo(BINARY if index % 2 else TEXT, f"message {index}".encode())
    # Half of them with the closing handshake, half by going away.
    for batch in in_batches(connections[::2]):
        for connection in batch:
            connection.send_close()
        for connection in batch:
            connection.expect_close(1000)
            connection.expect_end()
    for connection in connections[1::2]:
        connection.socket.close()


def wait_until(condition, text):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise CheckFailed(text())
        time.sleep(0.02)


def check():
    limit = raise_descriptor_limit()
    count = min(CONNECTIONS, limit - SPARE_DESCRIPTORS)
    if count < CONNECTIONS:
        print(f"note: only {count} connections: this process may open no more than {limit} descriptors")
    with EchoServer("--cores", "2") as server:
        RawWebSocket(server.port).close()
        wait_until(lambda: server.sockets() == 0, lambda: f"{server.sockets()} sockets are left of one connection")
        descriptors = server.descriptors()
        resident = []
        for _ in range(ROUNDS):
            one_round(server.port, count)
            wait_until(lambda: server.sockets() == 0, lambda: f"{server.sockets()} sockets are left")
            wait_until(
                lambda: server.descriptors() == descriptors,
                lambda: f"{server.descriptors()} descriptors are open, {descriptors} were before",
            )
            resident.append(server.status_bytes("VmRSS"))
        RawWebSocket(server.port).close()

        shown = ", ".join(f"{size / 2**20:.1f}" for size in resident)
        print(f"note: resident MiB after each round of {count} connections: {shown}")
        if server.has_sanitizer():
            print("note: resident memory is not judged, a sanitizer is built in")
        else:
            growth = resident[-1] - resident[0]
            expect(growth <= ALLOWED_GROWTH, f"resident memory grew by {growth} bytes: {shown} MiB")
        server.terminate()
        status = server.wait()
        expect(status == 0, f"exit status {status}")


if __name__ == "__main__":
    run_check(check)
