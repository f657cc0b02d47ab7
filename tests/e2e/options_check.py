#!/usr/bin/env python3
"""What the programs say to options they cannot use: one clear line on stderr, exit status 2."""

import os
import pathlib
import socket
import subprocess

from server_program import EchoServer, expect, program, run_check

TIMEOUT_SECONDS = 60
NOBODY = 65534
PRIVILEGED_PORT = 81
WRONG = [
    (["--no-such-option"], "no-such-option"),
    (["surplus"], "surplus"),
    (["--port"], "port"),
    (["--port", "abc"], "port"),
    (["--port", "-1"], "port"),
    (["--port", "65536"], "port"),
    (["--cores", "-1"], "cores"),
    (["--cores", "100000"], "cores"),
    (["--cores", "two"], "cores"),
    (["--io", "kqueue"], "io"),
    (["--style", "threads"], "style"),
    (["--compression", "zip"], "compression"),
    (["--busy-poll", "-5"], "busy"),
    (["--busy-poll", "99999999999"], "busy"),
    (["--drain-timeout", "-1"], "drain"),
    (["--drain-timeout", "99999999999"], "drain"),
    (["--ping-interval", "-1"], "ping-interval"),
    (["--ping-interval", "86400001"], "ping-interval"),
    (["--max-message", "0"], "max"),
    (["--max-message", "-1"], "max"),
    (["--max-message", "99999999999999999999"], "max"),
    (["--listen", "nowhere"], "nowhere"),
    (["--listen", "unix:"], "Unix-domain"),
    (["--listen", "unix:/" + "x" * 108], "Unix-domain"),
    (["--proxy-protocol", "10.0.0.1/8"], "proxy_protocol"),
    (["--trusted-proxy", "localhost"], "trusted_proxies"),
    (["--host", "no such host"], "no such host"),
    (["--host", "127.0.0.999"], "127.0.0.999"),
    (["--host", "192.0.2.1"], "192.0.2.1"),  # reserved for examples (RFC 5737): no machine here has it
]
WRONG_IN_CHAT = [
    (["--message-rate", "-1"], "message-rate"),
    (["--byte-rate", "fast"], "byte-rate"),
    (["--max-rooms", "0"], "max_rooms_per_connection"),
    (["--max-members", "-1"], "max-members"),
    (["--max-name", "35"], "max-name"),
    (["--max-name", "65536"], "max-name"),
]


def run(name, *options):
    return subprocess.run(
        [program(name), *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )


def expect_refusal(options, word, name="echo"):
    done = run(name, *options)
    said = f"{' '.join(options)}: status {done.returncode}, stdout {done.stdout!r}, stderr {done.stderr!r}"
    expect(done.returncode == 2, said)
    expect(len(done.stderr.splitlines()) == 1 and len(done.stderr) < 300, f"not one line: {said}")
    expect(word in done.stderr, f"does not name {word!r}: {said}")
    expect(not done.stdout, said)


def become_nobody():
    """In the child: an ordinary user, who may not listen on the first ports."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def expect_no_permission():
    for_everybody = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if for_everybody <= PRIVILEGED_PORT:
        return print(f"note: here everybody may listen on port {PRIVILEGED_PORT}")
    # Opened here and started by its descriptor: an ordinary user may not see the folder it is in.
    with open(program("echo"), "rb") as file:
        done = subprocess.run(
            [f"/proc/self/fd/{file.fileno()}", "--port", str(PRIVILEGED_PORT)], pass_fds=[file.fileno()],
            preexec_fn=become_nobody, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
        )
    said = f"no permission: status {done.returncode}, stdout {done.stdout!r}, stderr {done.stderr!r}"
    expect(done.returncode == 2 and len(done.stderr.splitlines()) == 1 and not done.stdout, said)
    expect("ermission" in done.stderr and str(PRIVILEGED_PORT) in done.stderr, said)


def check():
    for options, word in WRONG:
        expect_refusal(["--port", "0", *options], word)
    for options, word in WRONG_IN_CHAT:
        for name in ("chat", "demo"):
            expect_refusal(["--port", "0", *options], word, name)

    done = run("chat", "--help")
    for option in ("--message-rate", "--byte-rate", "--max-rooms", "--max-members", "--max-name"):
        expect(option in done.stdout, f"chat --help: {option} is missing: {done.stdout!r}")
    done = run("echo", "--help")
    for option in ("--port", "--drain-timeout"):
        expect(done.returncode == 0 and option in done.stdout, f"--help: {done.returncode} {done.stdout!r}")

    expect_no_permission()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        expect_refusal(["--port", str(taken.getsockname()[1])], "in use")
    for cores in ("1", "2"):
        with EchoServer("--cores", cores) as server:
            expect_refusal(["--port", str(server.port), "--cores", cores], "in use")


if __name__ == "__main__":
    run_check(check)
