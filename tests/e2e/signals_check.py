#!/usr/bin/env python3
"""A second SIGTERM or SIGINT stops at once what the first would still wait for; SIGHUP ends nothing."""

import signal
import time

from raw_websocket import TEXT, RawWebSocket
from server_program import EchoServer, expect, run_check

NOTICE_SECONDS = 60.0


def stops_at_once(first, second):
    with EchoServer("--cores", "2") as server:
        connection = RawWebSocket(server.port)
        server.process.send_signal(first)
        connection.expect_close(1001)  # and is not answered
        expect(server.process.poll() is None, "it does not wait for the connection that has not answered")
        server.process.send_signal(second)
        status = server.wait()
        expect(status == 0, f"{first.name}, then {second.name}: exit status {status}")
        expect("stopping at once" in server.output(), server.output())
        expect("close_timeout" not in server.output(), f"the connection had its time all the same: {server.output()}")
        connection.expect_end()


def outlives_hangup():
    with EchoServer("--cores", "2") as server:
        before = RawWebSocket(server.port)
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + NOTICE_SECONDS
        while "SIGHUP" not in server.output():
            expect(server.process.poll() is None, f"SIGHUP ended it with status {server.process.returncode}")
            expect(time.monotonic() < deadline, "it has not noticed SIGHUP")
            time.sleep(0.01)
        after = RawWebSocket(server.port)
        for connection in (before, after):
            connection.expect_echo(TEXT, b"SIGHUP has come")
            connection.close()
        server.terminate()
        expect(server.wait() == 0, "SIGTERM does not end it after SIGHUP")


def check():
    for first, second in (("SIGTERM", "SIGTERM"), ("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT"), ("SIGINT", "SIGTERM")):
        stops_at_once(signal.Signals[first], signal.Signals[second])
    outlives_hangup()


if __name__ == "__main__":
    run_check(check)
