#!/usr/bin/env python3
"""BRUME_IO and --io choose the backend, and the line at the start names the one that runs."""

import re

from server_program import EchoServer, expect, run_check
from raw_websocket import BINARY, TEXT, RawWebSocket

STARTED = re.compile(r"^.*listening on .*$", re.M)


def running_backend(*options, environment, locked=None, connections=1):
    """Starts a server, talks to it, and returns which backend its first line names."""
    with EchoServer(*options, environment=environment, locked=locked) as server:
        line = STARTED.search(server.output())[0]
        clients = [RawWebSocket(server.port) for _ in range(connections)]
        for connection in clients:
            connection.expect_echo(TEXT, "\N{FOG}".encode())
            connection.expect_echo(BINARY, bytes(range(256)) * 1000)
            connection.close()
        output = server.output()
    named = [name for name in ("io_uring", "epoll") if name in line]
    expect(len(named) == 1, f"the line names {named or 'no backend'}: {line}")
    return named[0], output


def check():
    automatic = {"BRUME_IO": ""}
    usual, _ = running_backend(environment=automatic)
    print(f"note: where nothing is asked for, {usual} runs")

    for options, environment in ((("--io", "epoll"), automatic), ((), {"BRUME_IO": "epoll"})):
        got, output = running_backend(*options, environment=environment)
        expect(got == "epoll", f"{options} {environment}: {got} runs")
        expect("refused" not in output, f"epoll was asked for, nothing was refused: {output}")

    for options, environment in ((("--io", "io_uring"), automatic), ((), {"BRUME_IO": "io_uring"})):
        got, output = running_backend(*options, environment=environment)
        expect(got == usual, f"{options} {environment}: {got} runs, {usual} by itself")
        if got == "epoll":
            expect("io_uring" in output, f"io_uring was asked for and is not there; nothing says so: {output}")

    # Memory that may be locked: none, enough for the trial alone, for some cores' rings, for all. Whatever there is
    # room for, all cores run on the same; sockets that move between them show it.
    for locked in (0, 64 << 10, 384 << 10, 400 << 10, 512 << 10, 640 << 10, 768 << 10, 4 << 20):
        got, output = running_backend("--cores", "4", environment=automatic, locked=locked, connections=40)
        notices = len(re.findall("io_uring is not available here", output))
        expect(notices == (got == "epoll" and usual == "io_uring" or usual == "epoll"),
               f"{locked} bytes to lock: {got} runs, with {notices} notices: {output}")
        if locked == 0:
            expect(got == "epoll", f"no memory may be locked, and {got} runs")

    got, _ = running_backend("--io", "epoll", environment={"BRUME_IO": "io_uring"})
    expect(got == "epoll", f"--io is nearer than BRUME_IO, but {got} runs")


if __name__ == "__main__":
    run_check(check)
