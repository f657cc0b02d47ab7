#!/usr/bin/env python3
"""A flood of connections that takes every descriptor the server may have (row L6): accepting pauses, who waits is
refused, open connections are served all the while, and accepting goes on by itself once there are descriptors again."""

import re
import select
import socket
import time

from server_program import CheckFailed, EchoServer, expect, raise_descriptor_limit, run_check
from raw_websocket import TEXT, RawWebSocket

DESCRIPTORS = 128  # of the server; 64 of them are for connections
OPEN = 10
FLOOD = 600  # more than the descriptors and the tables of two cores have room for
PATIENCE_SECONDS = 60.0
CORES = 2
PAUSES_A_SECOND = 10  # of a listener: it pauses for 100 ms
PAUSED = re.compile(r"accept_paused: .*?(?:\((\d+) more like it not shown\))?$", re.M)


def flood(port):
    sockets = []
    for _ in range(FLOOD):
        each = socket.socket()
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", port))
        sockets.append(each)
    return sockets


def ended(sockets):
    """How many of them the server has ended: what it said on an end is a 503, or nothing at all."""
    poll = select.poll()
    for each in sockets:
        poll.register(each, select.POLLIN | select.POLLRDHUP)
    return sum(1 for _, events in poll.poll(0) if events & (select.POLLRDHUP | select.POLLHUP | select.POLLERR))


def pauses(output):
    """At least as many: the last ones left out may not have been told yet."""
    return sum(1 + int(left_out or 0) for left_out in PAUSED.findall(output))


def upgrade_again(port):
    """Tries until it is let in: those who flooded have gone, but the server must see that first."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return RawWebSocket(port)
        except (CheckFailed, ConnectionError):
            time.sleep(0.05)
    raise CheckFailed("nobody is let in although the descriptors are free again")


def check_backend(backend):
    with EchoServer("--cores", str(CORES), "--io", backend, descriptors=DESCRIPTORS) as server:
        if server.has_sanitizer():
            # UBSan opens a pipe to find out whether it may read an object's type, and calls the object broken otherwise.
            print(f"note: {backend}: skipped, a sanitizer is built in, which needs descriptors itself")
            return
        connections = [RawWebSocket(server.port) for _ in range(OPEN)]
        start = time.monotonic()
        sockets = flood(server.port)
        rounds = 0
        while not (pauses(server.output()) and ended(sockets) > FLOOD - 2 * DESCRIPTORS):
            for index, connection in enumerate(connections):
                connection.expect_echo(TEXT, f"round {rounds} of {index}".encode())
            rounds += 1
            expect(time.monotonic() < start + PATIENCE_SECONDS, f"{ended(sockets)} of {FLOOD} ended; {server.output()}")
        for each in sockets:
            each.close()
        upgrade_again(server.port).close()
        for connection in connections:
            connection.expect_echo(TEXT, b"still here")
            connection.close()
        seconds = time.monotonic() - start
        count = pauses(server.output())
        expect(count <= CORES * (PAUSES_A_SECOND * seconds + 2), f"{count} pauses in {seconds:.1f} s: it spins")
        print(f"note: {backend}: {count} pauses in {seconds:.1f} s, {rounds} rounds of echoes meanwhile")
        server.terminate()
        status = server.wait()
        expect(status == 0, f"exit status {status}")


def check():
    raise_descriptor_limit()
    for backend in ("epoll", "io_uring"):  # where io_uring is refused this is epoll twice
        check_backend(backend)


if __name__ == "__main__":
    run_check(check)
