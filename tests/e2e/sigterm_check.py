#!/usr/bin/env python3
"""SIGTERM with open connections: the program ends with status 0, once 1,000 have answered its Close 1001, and at the
drain's deadline where some never do."""

from server_program import EchoServer, expect, raise_descriptor_limit, run_check
from raw_websocket import TEXT, RawWebSocket

CONNECTIONS = 1000
SILENT = 5
LONG_DRAIN_MS = 600_000  # longer than this check may take
SHORT_DRAIN_MS = 100


def open_all(port, count):
    connections = []
    while len(connections) < count:
        batch = [RawWebSocket(port, open_now=False) for _ in range(min(50, count - len(connections)))]
        for connection in batch:
            connection.finish_handshake()
        connections += batch
    return connections


def ends_once_all_have_answered():
    with EchoServer("--cores", "2", "--drain-timeout", str(LONG_DRAIN_MS)) as server:
        connections = open_all(server.port, CONNECTIONS)
        for connection in connections[::100]:
            connection.expect_echo(TEXT, "still here \N{WAVING HAND SIGN}".encode())
        server.terminate()
        for connection in connections:
            connection.expect_close(1001)
        for connection in connections:
            connection.send_close(1001)
        for connection in connections:
            connection.expect_end()
        status = server.wait()
        expect(status == 0, f"exit status {status}")


def ends_though_some_never_answer():
    with EchoServer("--cores", "2", "--drain-timeout", str(SHORT_DRAIN_MS)) as server:
        connections = open_all(server.port, SILENT)
        server.terminate()
        status = server.wait()
        expect(status == 0, f"exit status {status}")
        expect(f"{SHORT_DRAIN_MS} ms to close" in server.output(), f"another drain than asked for: {server.output()}")
        expect("close_timeout" not in server.output(), f"not the drain's deadline ended them: {server.output()}")
        for connection in connections:
            connection.socket.close()


def check():
    raise_descriptor_limit()
    ends_once_all_have_answered()
    ends_though_some_never_answer()


if __name__ == "__main__":
    run_check(check)
