"""Servers that other people wrote, and brume's client as the program that a person uses.

A server is a small program beside this file. Its environment has INTEROP_CERTIFICATE and INTEROP_KEY where it has to
speak TLS. It listens on a free port of 127.0.0.1 and prints "server NAME VERSION", "cannot CASE: REASON" where there
is one, "listening PORT" last of these, and "closed CODE REASON" for each connection that has ended. At /fragments it
sends each message back in fragments, at /close it closes as the text message "CODE REASON" says, elsewhere it sends
each message back, compressed where that was agreed on.
"""

import base64
import json
import os
import queue
import subprocess
import tempfile
import threading

from frame.cases import LIMIT_BYTES
from server_program import expect, program

TIMEOUT_SECONDS = 60


def lines_of(process):
    """A queue of the lines of its stdout, without their ends; None at the end of all."""
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


class Process:
    """A program with its lines. `with` ends it whatever happens."""

    def __init__(self, command, environment, name):
        self.name, self.errors = name, tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**os.environ, **environment},
        )
        self.lines = lines_of(self.process)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def line(self):
        try:
            line = self.lines.get(timeout=TIMEOUT_SECONDS)
        except queue.Empty:
            line = None
        expect(line is not None, f"{self.name} said nothing more; on stderr: {self.said()!r}")
        return line

    def wait(self):
        try:
            return self.process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            expect(False, f"{self.name} did not end; on stderr: {self.said()!r}")


class Server(Process):
    """`tls`: certificate and key, or None."""

    def __init__(self, command, tls=None):
        names = dict(zip(("INTEROP_CERTIFICATE", "INTEROP_KEY"), tls)) if tls else {}
        super().__init__(command, names, "the server")

    def listen(self, take):
        """The port; `take` gets each line before it."""
        while not (line := self.line()).startswith("listening "):
            take(line)
        return int(line.split()[1])

    def expect_closed(self, code, reason):
        line = self.line()
        expect(line.rstrip() == f"closed {code} {reason}".rstrip(), f"the server was {line!r}")


class Wscat(Process):
    """`wscat --json`, which goes on until its input ends or the server closes."""

    def __init__(self, url, backend, *options):
        command = [program("wscat"), "--json", "--wait", "0", "--max-message", str(LIMIT_BYTES), *options, url]
        super().__init__(command, {"BRUME_IO": backend}, "wscat")

    def send(self, payload):
        binary = isinstance(payload, bytes)
        data = base64.b64encode(payload).decode() if binary else payload
        self.process.stdin.write(json.dumps({"type": "binary" if binary else "text", "data": data}) + "\n")
        self.process.stdin.flush()

    def expect_echo(self, payload):
        self.send(payload)
        got = json.loads(self.line())
        data = base64.b64decode(got["data"]) if got["type"] == "binary" else got["data"]
        expect(type(data) is type(payload), f"a {got['type']} message came back")
        expect(data == payload, f"the echo differs: {len(data)} for {len(payload)}")

    def end_input(self):
        self.process.stdin.close()

    def finish(self, status, *words):
        """Waits for its end: exit code, and words on stderr."""
        got, said = self.wait(), self.said()
        expect(got == status, f"wscat ended with {got}, not {status}: {said!r}")
        for word in words:
            expect(word in said, f"wscat does not say {word!r}: {said!r}")


def has_option(option):
    command = [program("wscat"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    return option in done.stdout
