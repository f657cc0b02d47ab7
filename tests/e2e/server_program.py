"""Starts a built example program for a check, and ends it whatever happens."""

import ctypes
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

START_SECONDS = 30.0
END_SECONDS = 60.0
LIBC = ctypes.CDLL(None)
PR_CAPBSET_DROP, CAP_IPC_LOCK = 24, 14  # linux/prctl.h, linux/capability.h
LISTENING = re.compile(r"listening on \S*?:(\d+)")


class CheckFailed(Exception):
    """What was expected and what came instead."""


def expect(condition, text):
    if not condition:
        raise CheckFailed(text)


def program(name="echo"):
    path = pathlib.Path(os.environ.get("BRUME_BIN", "build/bin"), name)
    expect(path.exists(), f"{path} is not built")
    return str(path)


class ServerProgram:
    """`with ServerProgram("chat", "--cores", "2") as server:` has server.port, server.pid and server.output().

    `descriptors`: the hard limit of how many it may have; `locked`: bytes of memory it may lock, as root too.
    """

    def __init__(self, name, *options, environment=None, descriptors=None, locked=None):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
            if locked is not None:
                LIBC.prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)  # fails for a user who does not have it anyway
                resource.setrlimit(resource.RLIMIT_MEMLOCK, (locked, locked))

        self.log = tempfile.NamedTemporaryFile(prefix=name + "-", suffix=".log")
        self.process = subprocess.Popen(
            [program(name), "--port", "0", *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})},
            preexec_fn=limit,
        )
        self.pid = self.process.pid

    def __enter__(self):
        try:
            self.port = self.wait_for_port()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.end()
        if kind is not None:
            sys.stderr.write("the server said:\n" + self.output())
        self.log.close()

    def output(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def wait_for_port(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = LISTENING.search(self.output())
            if found:
                return int(found[1])
            expect(self.process.poll() is None, f"the server ended with {self.process.returncode}: {self.output()}")
            time.sleep(0.01)
        raise CheckFailed(f"the server said no address within {START_SECONDS:.0f} s: {self.output()}")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=END_SECONDS):
        """The exit status; a server that does not end within `seconds` fails the check."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise CheckFailed(f"the server did not end within {seconds:.0f} s") from None

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def status_bytes(self, field):
        """A size from /proc/PID/status, such as VmRSS, in bytes."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s*(\d+) kB", text, re.M)[1]) * 1024

    def resident_bytes(self):
        """Exact, where VmRSS lags behind by what each processor has counted for itself."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s*(\d+) kB", text, re.M)[1]) * 1024

    def sockets(self):
        """TCP sockets on the server's side of its port that are not just listening or in TIME_WAIT."""
        count = 0
        for line in pathlib.Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            local_port, state = int(fields[1].rpartition(":")[2], 16), int(fields[3], 16)
            count += local_port == self.port and state not in (0x0A, 0x06)
        return count

    def has_sanitizer(self):
        """Sanitizers reserve terabytes of addresses, and keep freed memory: resident memory says nothing then."""
        return self.status_bytes("VmSize") > 2**40


class EchoServer(ServerProgram):
    def __init__(self, *options, **settings):
        super().__init__("echo", *options, **settings)


def raise_descriptor_limit():
    """To the hard limit, for this process and those it starts; returns it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run_check(check):
    """Calls `check` and makes its outcome the exit status."""
    try:
        check()
    except CheckFailed as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    print("ok")
