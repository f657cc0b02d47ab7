#!/usr/bin/env python3
"""Where a server may listen, on both backends: IPv6, dual stack, Unix-domain sockets, several at once, behind a proxy."""

import json
import os
import pathlib
import re
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time

from raw_websocket import TEXT, TIMEOUT_SECONDS, RawWebSocket
from server_program import EchoServer, expect, program, run_check
from tls_certificates import Certificates, wrapped

PROXY_LINE = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n"
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11"  # PROXY over TCP of IPv4
PROXY_V2_ADDRESSES = bytes([192, 0, 2, 7, 127, 0, 0, 1]) + struct.pack("!HH", 4711, 80)


def connect_to_path(path):
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(TIMEOUT_SECONDS)
    made.connect(path)
    return made


def wait_until_refused(path):
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            connect_to_path(path).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    expect(False, f"somebody still listens at {path}")


def expect_echo(connection, text):
    client = RawWebSocket(0, connection=connection)
    client.expect_echo(TEXT, text)
    client.close()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError as error:
        print(f"note: no IPv6 here ({error}): its checks are left out")
        return False


def port_of(server, pattern):
    found = re.search(rf"listening on http://{pattern}:(\d+)", server.output())
    expect(found, f"no address like {pattern}: {server.output()}")
    return int(found[1])


def check_ipv6(backend):
    with EchoServer("--io", backend, "--cores", "2", "--listen", "[::1]:0", "--listen", "[::]:0") as server:
        only_v6 = port_of(server, r"\[::1\]")
        both = port_of(server, r"\[::\]")
        for port, host in ((server.port, "127.0.0.1"), (only_v6, "::1"), (both, "::1"), (both, "127.0.0.1")):
            for _ in range(4):
                expect_echo(socket.create_connection((host, port), TIMEOUT_SECONDS), f"{host} {port}".encode())
        for port, host in ((server.port, "::1"), (only_v6, "127.0.0.1")):
            try:
                socket.create_connection((host, port), TIMEOUT_SECONDS).close()
            except ConnectionRefusedError:
                continue
            expect(False, f"somebody listens at {host} {port}")


def check_unix(backend, folder):
    path = str(folder / f"{backend}.sock")
    options = ("--io", backend, "--cores", "2", "--listen", "unix:" + path)
    with EchoServer(*options) as server:
        expect(f"listening on unix:{path}" in server.output(), server.output())
        mode = os.stat(path).st_mode
        expect(stat.S_ISSOCK(mode) and mode & 0o777 == 0o660, f"mode {mode:o}")
        for number in range(8):
            expect_echo(connect_to_path(path), f"local {number}".encode())
        expect_echo(socket.create_connection(("127.0.0.1", server.port), TIMEOUT_SECONDS), b"and TCP")

        second = subprocess.run([program("echo"), "--port", "0", "--listen", "unix:" + path], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        expect(second.returncode == 2 and "in use" in second.stderr, f"{second.returncode} {second.stderr!r}")
        expect_echo(connect_to_path(path), b"still the first")

        server.process.send_signal(signal.SIGKILL)
        server.wait()
        expect(os.path.exists(path), "who is killed cannot remove its file")
        wait_until_refused(path)  # the kernel may still hold the rings, and the listener in them
    with EchoServer(*options) as server:
        expect_echo(connect_to_path(path), b"the file that was left is replaced")
        server.terminate()
        expect(server.wait() == 0, "a clean end")
    expect(not os.path.exists(path), "the file is removed at the end")

    file = folder / "a file"
    file.write_text("text")
    refused = subprocess.run([program("echo"), "--port", "0", "--listen", f"unix:{file}"], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    expect(refused.returncode == 2 and "in use" in refused.stderr, f"{refused.returncode} {refused.stderr!r}")
    expect(file.read_text() == "text", "what is no socket stays")

    with EchoServer("--io", backend, "--listen", f"unix:@brume-check-{os.getpid()}"):
        expect_echo(connect_to_path(f"\0brume-check-{os.getpid()}"), b"abstract")


def check_proxy(backend, folder):
    path = str(folder / f"{backend}.proxied")
    with EchoServer("--io", backend, "--listen", "unix:" + path, "--proxy-protocol", "127.0.0.0/8",
                    "--proxy-protocol", "unix") as server:
        for connect in (lambda: socket.create_connection(("127.0.0.1", server.port), TIMEOUT_SECONDS),
                        lambda: connect_to_path(path)):
            connection = connect()
            connection.sendall(PROXY_LINE)
            expect_echo(connection, b"behind a proxy")

            dripped = connect()
            for byte in PROXY_LINE:
                dripped.sendall(bytes([byte]))
                time.sleep(0.001)
            expect_echo(dripped, b"byte by byte")

            bare = connect()
            bare.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try:
                answer = bare.recv(1000)
            except ConnectionError:
                answer = b""
            expect(answer == b"", f"without a header: {answer!r}")
            bare.close()
        expect("proxy_no_signature" in server.output(), server.output())
    with EchoServer("--io", backend, "--proxy-protocol", "192.0.2.0/24") as server:
        stranger = socket.create_connection(("127.0.0.1", server.port), TIMEOUT_SECONDS)
        stranger.sendall(PROXY_LINE + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = stranger.recv(1000)
        expect(answer.startswith(b"HTTP/1.1 400 "), f"a header from anybody: {answer!r}")
        stranger.close()


def proxy_v2(vectors):
    return PROXY_V2 + struct.pack("!H", len(PROXY_V2_ADDRESSES + vectors)) + PROXY_V2_ADDRESSES + vectors


def check_proxied_scheme(backend, certificates):
    """What HAProxy says of TLS that it ended itself, and of TLS that it passes on, where it has seen none."""
    by_tls = struct.pack("!BHBLBH", 0x20, 15, 1, 1, 0x21, 7) + b"TLSv1.3"
    in_clear = struct.pack("!BHBL", 0x20, 5, 0, 1)
    certificate, key = certificates.issue("a.test", "DNS:a.test")
    options = ("--io", backend, "--proxy-protocol", "127.0.0.1")
    tls_options = ("--tls-cert", certificate, "--tls-key", key)
    for more, wrap, wanted in (((), None, ("", "http", "https")),
                               (tls_options, wrapped(certificates.client()), ("https", "https", "https"))):
        with EchoServer(*options, *more) as server:
            for vectors, scheme in zip((b"", in_clear, by_tls), wanted):
                connection = socket.create_connection(("127.0.0.1", server.port), TIMEOUT_SECONDS)
                connection.sendall(proxy_v2(vectors))
                client = RawWebSocket(0, "/ws/whoami", connection=connection, wrap=wrap)
                seen = json.loads(client.receive()[1])
                expect((seen["remote"], seen["scheme"]) == ("192.0.2.7:4711", scheme), f"{vectors} {more}: {seen}")
                client.close()


def backend_works(backend):
    with EchoServer("--io", "auto") as server:
        name = re.search(r"\((?:\d+) cores?, (\w+)\)", server.output())[1]
    if backend == "epoll" or name == backend:
        return True
    print(f"note: {backend} is refused here: its checks are left out")
    return False


def check():
    ipv6 = has_ipv6()
    with tempfile.TemporaryDirectory() as name, Certificates() as certificates:
        for backend in ("io_uring", "epoll"):
            if not backend_works(backend):
                continue
            if ipv6:
                check_ipv6(backend)
            check_unix(backend, pathlib.Path(name))
            check_proxy(backend, pathlib.Path(name))
            check_proxied_scheme(backend, certificates)


if __name__ == "__main__":
    run_check(check)
