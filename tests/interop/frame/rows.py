"""The rows of the matrix, and how each is run.

A row has a group (a table of the matrix), a name, a route and columns; variants(all) says under which it is run, and
run(variant, setting) gives a Result.
"""

import dataclasses
import os
import subprocess
import threading

from frame import cases
from frame.results import Result
from server_program import CheckFailed

TIMEOUT_SECONDS = 120
CLIENTS = "Their clients, brume's server"
SHOWN_LINES = 5


@dataclasses.dataclass(frozen=True)
class ClientRow:
    """A peer's client against a fresh echo program."""

    name: str
    route: object
    command: tuple
    columns: tuple = cases.NAMES
    group: str = CLIENTS

    def variants(self, variants):
        return variants

    def run(self, variant, setting):
        result = Result(self, variant)
        try:
            with self.route.open(variant, setting) as endpoint:
                check_backend(result, endpoint.server, variant.backend)
                if follow(self.command, endpoint.url, setting, result, endpoint.server.terminate):
                    status = endpoint.server.wait()
                    result.check("server ends with status 0", status == 0, f"status {status}")
        except (CheckFailed, OSError) as failure:
            result.failed("runs", str(failure))
        result.require(self.columns)
        return result


def check_backend(result, server, backend):
    line = next((line for line in server.output().splitlines() if "listening on" in line), "")
    if backend == "io_uring" and "io_uring" not in line and "epoll" in line:
        print(f"note: {result.row.name}: io_uring was asked for and is refused here; epoll runs")
    else:
        result.check("runs on the backend asked for", backend in line, line)


def log_of(result, setting, kind):
    row, variant = result.row, result.variant
    name = f"{row.name}-{kind}-{row.route.name}-{variant.backend}-{variant.compression}.log"
    log = setting.build / "log" / name.replace(" ", "_")
    log.parent.mkdir(parents=True, exist_ok=True)
    return log


def follow(command, url, setting, result, stop, kind="cases"):
    """Takes the lines of `command` until it ends. Returns whether it had the server told to stop."""
    log = log_of(result, setting, kind)
    stopped = False
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*command, url], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
            env={**os.environ, "INTEROP_CA": setting.certificates.ca, "NODE_EXTRA_CA_CERTS": setting.certificates.ca},
        )
        timer = threading.Timer(TIMEOUT_SECONDS, process.kill)
        timer.start()
        try:
            for line in process.stdout:
                if line.strip() == "stop":
                    stopped = True
                    stop()
                else:
                    result.take(line)
            status = process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
    said = " | ".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
    result.check("client ends by itself", status == 0, f"status {status}: {said}")
    return stopped
