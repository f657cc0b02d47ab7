#!/usr/bin/env python3
"""Runs every client against the echo program on each backend, prints a table, and ends with "N passed, N failed"."""

import argparse
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from server_program import CheckFailed, EchoServer, program  # noqa: E402

TIMEOUT_SECONDS = 240
BACKENDS = ("io_uring", "epoll")
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-websockets belongs to
CLIENTS = {
    "python": [SYSTEM_PYTHON, str(HERE / "python_client.py")],
    "autobahn": [SYSTEM_PYTHON, str(HERE / "autobahn_client.py")],
    "node": ["node", str(HERE / "node_client.js")],
    "chromium": ["node", str(HERE / "chromium_client.js")],
    "page": ["node", str(HERE / "run_page_check.js")],
}


class Result:
    def __init__(self, client, backend):
        self.client, self.backend, self.version = client, backend, ""
        self.outcomes = {}  # case -> "" or why it failed

    def take(self, line):
        word, _, rest = line.strip().partition(" ")
        if word == "client":
            self.version = rest
        elif word == "pass":
            self.outcomes[rest] = ""
        elif word == "note":
            print(f"note: {self.backend}: {rest}")
        elif word == "FAIL":
            name, _, reason = rest.partition(": ")
            self.outcomes[name] = reason or "failed"


def compression_of(client):
    """The option that lets this client agree on compression, where the server has it."""
    if client != "autobahn":
        return []
    done = subprocess.run([program("echo"), "--help"], capture_output=True, text=True, timeout=60, check=False)
    return ["--compression", "on"] if "--compression" in done.stdout else []


def run_client(client, backend, directory):
    """One client against a fresh server. The client's line "stop" has the server told to stop."""
    result = Result(client, backend)
    try:
        with EchoServer("--io", backend, *compression_of(client)) as server:
            if backend in started_line(server):
                result.outcomes["runs on the backend asked for"] = ""
            elif backend == "io_uring" and "epoll" in started_line(server):
                print(f"note: {client}: io_uring was asked for and is refused here; epoll runs")
            else:
                result.outcomes["runs on the backend asked for"] = started_line(server)
            command = [*CLIENTS[client], str(server.port), *([directory] if client == "page" else [])]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            told_to_stop = follow(process, result, server)
            if told_to_stop:
                status = server.wait()
                result.outcomes["server ends with status 0"] = "" if status == 0 else f"status {status}"
    except CheckFailed as failure:
        result.outcomes["server"] = str(failure)
    return result


def follow(process, result, server):
    """Takes the client's lines until it ends; returns whether it had the server told to stop."""
    told_to_stop = False
    timer = threading.Timer(TIMEOUT_SECONDS, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            if line.strip() == "stop":
                told_to_stop = True
                server.terminate()
            else:
                result.take(line)
        status = process.wait()
        if status != 0 or not result.outcomes:
            result.outcomes["client ends by itself"] = f"status {status}"
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    return told_to_stop


def started_line(server):
    return next((line for line in server.output().splitlines() if "listening on" in line), "")


def print_table(results):
    cases = list(dict.fromkeys(case for result in results for case in result.outcomes))
    titles = [f"{result.client}/{result.backend}" for result in results]
    width = max(map(len, cases))
    print(" " * width, *titles, sep="  ")
    for case in cases:
        cells = []
        for result, title in zip(results, titles):
            outcome = result.outcomes.get(case)
            word = "-" if outcome is None else "FAILED" if outcome else "ok"
            cells.append(word.ljust(len(title)))
        print(case.ljust(width), *cells, sep="  ")
    for result in results:
        for case, reason in result.outcomes.items():
            if reason:
                print(f"failed: {result.client}/{result.backend}: {case}: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", required=True, help="where screenshots go")
    parser.add_argument("--clients", default=",".join(CLIENTS), help="some of the clients, by commas")
    options = parser.parse_args()
    results = []
    for backend in BACKENDS:
        for client in options.clients.split(","):
            results.append(run_client(client, backend, options.directory))
    for version in dict.fromkeys(result.version for result in results if result.version):
        print(f"client: {version}")
    print_table(results)
    failed = sum(bool(reason) for result in results for reason in result.outcomes.values())
    passed = sum(len(result.outcomes) for result in results) - failed
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
