#!/usr/bin/env python3
"""SIGTERM with 1,000 open connections: each gets Close 1001, and the program ends with status 0."""

from server_program import EchoServer, expect, raise_descriptor_limit, run_check
from raw_websocket import TEXT, RawWebSocket

CONNECTIONS = 1000
SILENT = 5  # of them never answer the Close: the program must end all the same


def open_all(port):
    connections = []
    for _ in range(CONNECTIONS // 50):
        batch = [RawWebSocket(port, open_now=False) for _ in range(50)]
        for connection in batch:
            connection.finish_handshake()
        connections += batch
    return connections


def stops_with(silent):
    with EchoServer("--cores", "2") as server:
        connections = open_all(server.port)
        for connection in connections[::100]:
            connection.expect_echo(TEXT, "still here \N{WAVING HAND SIGN}".encode())
        server.terminate()
        for connection in connections:
            connection.expect_close(1001)
        for connection in connections[silent:]:
            connection.send_close(1001)
        for connection in connections[silent:]:
            connection.expect_end()
        status = server.wait()
        expect(status == 0, f"exit status {status}")


def check():
    raise_descriptor_limit()
    stops_with(silent=0)
    stops_with(silent=SILENT)


if __name__ == "__main__":
    run_check(check)
