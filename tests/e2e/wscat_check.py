#!/usr/bin/env python3
"""wscat against the echo program, a server of its own here, and Python's websockets where that is installed."""

import base64
import hashlib
import importlib.util
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

from raw_websocket import GUID
from server_program import EchoServer, expect, program, run_check
from tls_certificates import Certificates

TIMEOUT_SECONDS = 60


def wscat(*arguments, lines="", environment=None):
    """Exit status, stdout and stderr of one run."""
    done = subprocess.run([program("wscat"), *arguments], input=lines, capture_output=True, text=True,
                          timeout=TIMEOUT_SECONDS, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


class OneConnection(threading.Thread):
    """A server for one connection, whose part after the head is `talk(socket, key)`."""

    def __init__(self, talk):
        super().__init__(daemon=True)
        self.talk = talk
        self.failure = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/x"
        self.start()

    def run(self):
        try:
            self.listener.settimeout(TIMEOUT_SECONDS)
            connection, _ = self.listener.accept()
            connection.settimeout(TIMEOUT_SECONDS)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
            self.fields = fields
            self.talk(connection, fields["Sec-WebSocket-Key"])
            connection.close()
        except Exception as failure:  # told by the check's own thread
            self.failure = failure
        finally:
            self.listener.close()

    def finish(self):
        self.join(TIMEOUT_SECONDS)
        expect(not self.is_alive(), "the check's server did not end")
        expect(self.failure is None, f"the check's server failed: {self.failure!r}")


def accept(connection, key):
    value = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    connection.sendall(
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {value}\r\n\r\n".encode()
    )


def read_frame(connection):
    """Opcode and payload of one masked frame of at most 125 bytes."""

    def read(count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            expect(more, "the client ended the connection inside a frame")
            data += more
        return data

    first, second = read(2)
    expect(second & 0x80, "a frame of the client's is not masked")
    key = read(4)
    return first & 0x0F, bytes(b ^ key[i % 4] for i, b in enumerate(read(second & 0x7F)))


def check_echo_program():
    with EchoServer() as server:
        url = f"ws://127.0.0.1:{server.port}/ws/echo"
        status, out, err = wscat(url, lines="one\ntwo\n")
        expect((status, out) == (0, "one\ntwo\n"), f"lines: {status} {out!r} {err!r}")
        expect("connected to 127.0.0.1" in err and "closed 1000" in err, f"what it says: {err!r}")
        status, out, err = wscat("-q", "--binary", "--text", "a", "--text", "b", url)
        expect((status, out, err) == (0, "a\nb\n", ""), f"--text: {status} {out!r} {err!r}")
        status, out, err = wscat("--ping", "--wait", "500", url)
        expect(status == 0 and "pong wscat" in err, f"--ping: {status} {err!r}")
        many = "".join(f"{i}\n" for i in range(2000))
        status, out, err = wscat("-q", url, lines=many)
        expect((status, out) == (0, many), f"2000 lines: {status}, {len(out)} bytes, {err!r}")
        check_json(url)
        url_of_close = f"ws://127.0.0.1:{server.port}/ws/close"
        status, out, err = wscat("--wait", "60000", "--text", "4001 bis später 👋", url_of_close)
        expect((status, out) == (1, "") and "closed 4001 bis später 👋 (peer)" in err, f"4001: {status} {err!r}")
        # This server declines.
        status, out, err = wscat("--compression", "on", "--text", "a" * 1000, url)
        expect((status, out) == (0, "a" * 1000 + "\n") and "compressed" not in err, f"declined: {status} {out!r} {err!r}")
        status, _, err = wscat(f"ws://127.0.0.1:{server.port}/nowhere")
        expect(status == 3 and "upgrade: " in err and "404" in err, f"404: {status} {err!r}")
        status, _, err = wscat("--insecure", f"wss://127.0.0.1:{server.port}/ws/echo")
        expect(status == 3 and "tls: " in err, f"TLS to a server in clear: {status} {err!r}")


def check_json(url):
    lines = [
        json.dumps({"type": "text", "data": "two\nlines 👋"}), json.dumps({"data": "AAEK/w==", "type": "binary"}),
        json.dumps({"type": "text"}), json.dumps({"type": "binary", "data": ""}),
    ]
    status, out, err = wscat("--json", url, lines="\n".join(lines) + "\n")
    got = [json.loads(line) for line in out.splitlines()]
    wanted = [{"data": "", **json.loads(line)} for line in lines]
    expect((status, got) == (0, wanted), f"--json: {status} {out!r} {err!r}")
    bad = '{"type":"text","data":"good"}\nhello\n{"type":"binary","data":"no base64"}\n'
    status, out, err = wscat("--json", url, lines=bad)
    expect(status == 1 and out.splitlines() == bad.splitlines()[:1], f"bad lines: {status} {out!r} {err!r}")
    expect(err.count("not sent: ") == 2 and "base64" in err, f"bad lines: {err!r}")


def check_compression():
    lines = "".join(f"{'brume ' * n}{n}\n" for n in range(0, 400, 20))
    for of_server in ("on", "takeover"):
        with EchoServer("--compression", of_server) as server:
            url = f"ws://127.0.0.1:{server.port}/ws/echo"
            for wanted in ("off", "on", "takeover"):
                status, out, err = wscat("--compression", wanted, url, lines=lines)
                expect((status, out) == (0, lines), f"--compression {wanted}: {status} {out!r} {err!r}")
                expect(("compressed" in err) == (wanted != "off"), f"--compression {wanted}: {err!r}")


def check_tls():
    with Certificates() as certificates:
        certificate, key = certificates.issue("local", "DNS:localhost,IP:127.0.0.1")
        with EchoServer("--tls-cert", certificate, "--tls-key", key) as server:
            for host in ["127.0.0.1", "localhost"]:
                url = f"wss://{host}:{server.port}/ws/echo"
                status, out, err = wscat("--ca", certificates.ca, url, lines="one\ntwo\n")
                expect((status, out) == (0, "one\ntwo\n"), f"{host}: {status} {out!r} {err!r}")
                expect("closed 1000" in err, f"{host}: {err!r}")
            status, out, err = wscat("-q", "--insecure", "--text", "a", url)
            expect((status, out, err) == (0, "a\n", ""), f"--insecure: {status} {out!r} {err!r}")
            status, _, err = wscat(url)
            expect(status == 3 and "tls: " in err and "certificate_refused" in err, f"no --ca: {status} {err!r}")
            missing = str(certificates.path / "missing.pem")
            status, _, err = wscat("--ca", missing, url)
            expect(status == 2 and missing in err, f"a missing file: {status} {err!r}")
            status, _, err = wscat(f"ws://127.0.0.1:{server.port}/ws/echo")
            expect(status == 3 and "upgrade: " in err, f"in clear to TLS: {status} {err!r}")
        other, other_key = certificates.issue("other", "DNS:other.test")
        with EchoServer("--tls-cert", other, "--tls-key", other_key, "--tls-client-ca", certificates.ca) as server:
            url = f"wss://127.0.0.1:{server.port}/ws/echo"
            status, _, err = wscat("--ca", certificates.ca, url)
            expect(status == 3 and "host_mismatch" in err, f"another host: {status} {err!r}")
            own, own_key = certificates.issue("ann")
            arguments = ["-q", "--ca", certificates.ca, "--server-name", "other.test", "--cert", own, "--key", own_key]
            status, out, err = wscat(*arguments, "--text", "a", url)
            expect((status, out, err) == (0, "a\n", ""), f"a client certificate: {status} {out!r} {err!r}")
            status, _, err = wscat("--cert", own, url)
            expect(status == 2 and "key_file" in err, f"a certificate without key: {status} {err!r}")


def check_wrong_command_lines():
    for arguments, word in [
        ([], "url"), (["--no-such", "ws://a"], "no-such"), (["http://a/"], "scheme"), (["ws://a/#b"], "fragment"),
        (["ws://u:p@a/"], "user information"), (["-H", "no colon", "ws://a"], "colon"), (["-H", "Host: b", "ws://a"], "header"),
        (["-s", "a b", "ws://a"], "subprotocol"), (["--close-code", "1006", "ws://a"], "close-code"),
        (["--close-code", "99999", "ws://a"], "close-code"), (["--json", "--binary", "ws://a"], "binary"),
         (["--timeout", "0", "ws://a"], "timeout"),
        (["--compression", "yes", "ws://a"], "compression"),
    ]:
        status, _, err = wscat(*arguments)
        expect(status == 2 and word in err, f"{arguments}: {status} {err!r}")


def check_what_cannot_be_sent():
    with EchoServer() as server:
        url = f"ws://127.0.0.1:{server.port}/ws/echo"
        status, out, err = wscat("--max-message", "10", url, lines="short\nmuch too long\nagain\n")
        expect((status, out) == (1, "short\nagain\n"), f"a long line: {status} {out!r} {err!r}")
        expect("not sent: " in err, f"a long line: {err!r}")
        status, out, err = wscat("--text", "\udcff", url)  # the byte 0xFF
        expect((status, out) == (1, "") and "not sent: " in err, f"text that is none: {status} {out!r} {err!r}")
        status, _, err = wscat("--text", "a", "--close-reason", "\udcff", url)
        expect(status == 2 and "close-reason" in err, f"a reason that is no text: {status} {err!r}")


def check_closed_descriptors():
    """What a shell's <&- and >&- leave must not become a socket of the program's."""
    with EchoServer() as server:
        url = f"ws://127.0.0.1:{server.port}/ws/echo"
        for backend in ("auto", "epoll"):
            for closed in ([0], [1], [2], [0, 1], [0, 1, 2]):
                done = subprocess.run(
                    [program("wscat"), "--io", backend, "--text", "a", "--wait", "300", url], timeout=TIMEOUT_SECONDS,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    preexec_fn=lambda: [os.close(descriptor) for descriptor in closed])
                wanted = (1, b"") if 1 in closed else (0, b"a\n")  # what came could not be told
                expect((done.returncode, done.stdout) == wanted, f"{backend}, closed {closed}: {done}")
            done = subprocess.run([program("wscat"), "--io", backend, "--wait", "0", url], timeout=TIMEOUT_SECONDS,
                                  capture_output=True, preexec_fn=lambda: os.close(0))
            expect(done.returncode == 0, f"{backend}, lines of a closed stdin: {done}")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([program("wscat"), "--text", "a", url], stdin=subprocess.DEVNULL, stdout=full,
                                  stderr=subprocess.PIPE, timeout=TIMEOUT_SECONDS)
            expect(done.returncode == 1 and b"stdout" in done.stderr, f"a full disk: {done}")


def check_slow_reader_of_stdout():
    """A line is sent once, also while printing what came holds everything up."""
    heard = []

    def talk(connection, key):
        accept(connection, key)
        for _ in range(40):
            connection.sendall(b"\x81\x7e" + struct.pack("!H", 60000) + b"m" * 60000)
        while not heard or heard[-1][0] != 8:
            heard.append(read_frame(connection))
        connection.sendall(bytes([0x88, len(heard[-1][1])]) + heard[-1][1])

    server = OneConnection(talk)
    client = subprocess.Popen([program("wscat"), "-q", server.url], bufsize=0, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    try:
        out = client.stdout.read(1)
        time.sleep(0.3)  # until the pipe is full
        client.stdin.write(b"once\n")
        client.stdin.flush()
        time.sleep(1)  # a program that asks again would have done so
        out += client.communicate(timeout=TIMEOUT_SECONDS)[0]
    finally:
        client.kill()
    server.finish()
    expect(client.returncode == 0 and len(out) == 40 * 60001, f"{client.returncode}, {len(out)} bytes")
    expect(heard[:-1] == [(1, b"once")], f"sent: {heard}")


def check_end_of_input_while_reconnecting():
    """The end of stdin ends the program also where there is no connection at the time."""
    ready = threading.Event()
    over = threading.Event()

    def talk(connection, key):
        accept(connection, key)
        connection.close()
        ready.set()
        over.wait(TIMEOUT_SECONDS)  # connections are taken by the system, and nobody answers them

    server = OneConnection(talk)
    try:
        status, _, err = wscat("--reconnect", "--wait", "1000", "--timeout", "60000", server.url)
    finally:
        over.set()
    server.finish()
    expect(ready.is_set() and status == 3 and "closed 1006" in err, f"{status} {err!r}")


def check_backends():
    with EchoServer() as server:
        url = f"ws://127.0.0.1:{server.port}/ws/echo"
        for backend in ("auto", "io_uring", "epoll"):  # what the environment says does not count then
            once = ("--text", "a", "--wait", "0", url)
            status, out, err = wscat("--io", backend, *once, environment={"BRUME_IO": "none"})
            expect(status == 0, f"--io {backend}: {status} {out!r} {err!r}")
        status, _, err = wscat("--text", "a", url, environment={"BRUME_IO": "none"})
        expect(status == 3 and "BRUME_IO" in err, f"BRUME_IO=none: {status} {err!r}")
    status, _, err = wscat("--io", "none", "ws://a")
    expect(status == 2 and "--io" in err, f"--io none: {status} {err!r}")


def check_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    status, _, err = wscat(f"ws://127.0.0.1:{port}/")
    expect(status == 3 and "connect: 127.0.0.1" in err, f"refused: {status} {err!r}")


def check_own_server():
    def close_with(code):
        def talk(connection, key):
            accept(connection, key)
            connection.sendall(b"\x81\x02hi" + b"\x88\x02" + struct.pack("!H", code))
            opcode, payload = read_frame(connection)
            expect(opcode == 8 and payload == struct.pack("!H", code), f"the answer to Close: {opcode} {payload!r}")

        return talk

    for code, wanted in [(1000, 0), (1001, 0), (1011, 1), (4000, 1)]:
        server = OneConnection(close_with(code))
        status, out, err = wscat("-H", "X-A: b", "-s", "chat", "--origin", "http://o", server.url)
        # stdin is empty: the client closes by itself unless the server was first.
        expect(status == wanted and out == "hi\n", f"close {code}: {status} {out!r} {err!r}")
        server.finish()
        wanted_fields = {"X-A": "b", "Sec-WebSocket-Protocol": "chat", "Origin": "http://o"}
        expect(wanted_fields.items() <= server.fields.items(), f"fields sent: {server.fields}")

    def hear_close(connection, key):
        accept(connection, key)
        opcode, payload = read_frame(connection)
        connection.sendall(bytes([0x88, len(payload)]) + payload)
        expect((opcode, payload) == (8, struct.pack("!H", 3000) + "bis später 👋".encode()), f"{opcode} {payload!r}")

    server = OneConnection(hear_close)
    status, _, err = wscat("--close-code", "3000", "--close-reason", "bis später 👋", "--wait", "0", server.url)
    expect(status == 0 and "closed 3000 bis später 👋 (local)" in err, f"--close-code: {status} {err!r}")
    server.finish()

    def drop(connection, key):
        accept(connection, key)

    server = OneConnection(drop)
    status, _, err = wscat(server.url, lines="x\n")
    expect(status == 1 and "closed 1006" in err, f"dropped: {status} {err!r}")
    server.finish()

    def drive(connection, key):
        accept(connection, key)
        for opcode, payload in [(1, b"text"), (2, b"\x00\xff"), (1, b"")]:
            connection.sendall(bytes([0x80 | opcode, len(payload)]) + payload)
            expect(read_frame(connection) == (opcode, payload), "--echo changed a message")
        connection.sendall(b"\x89\x01p")
        expect(read_frame(connection) == (10, b"p"), "no pong")
        connection.sendall(b"\x81\x81\x00\x00\x00\x00x")  # masked: not from a server
        opcode, payload = read_frame(connection)
        expect(opcode == 8 and payload[:2] == struct.pack("!H", 1002), f"a masked frame: {opcode} {payload!r}")

    server = OneConnection(drive)
    status, out, err = wscat("--echo", server.url)
    expect(status == 1 and out == "", f"--echo: {status} {out!r} {err!r}")
    server.finish()


WEBSOCKETS_SERVER = """
import asyncio, websockets
async def serve(connection, path=None):
    async for message in connection:
        await connection.send(message)
async def main():
    async with websockets.serve(serve, "127.0.0.1", 0, compression=COMPRESSION) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


def check_python_websockets():
    if importlib.util.find_spec("websockets") is None:
        print("note: python3-websockets is not installed: wscat was not run against it")
        return
    lines = "".join(f"{'brume ' * n}{n}\n" for n in range(0, 400, 20))
    for theirs, ours in [("None", "off"), ("None", "on"), ("'deflate'", "on"), ("'deflate'", "takeover")]:
        server = subprocess.Popen([sys.executable, "-c", WEBSOCKETS_SERVER.replace("COMPRESSION", theirs)],
                                  stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline())
            status, out, err = wscat("--compression", ours, f"ws://127.0.0.1:{port}/", lines=lines)
            expect((status, out) == (0, lines), f"websockets, {theirs} and {ours}: {status} {out!r} {err!r}")
            expect(("compressed" in err) == (theirs != "None"), f"websockets, {theirs} and {ours}: {err!r}")
        finally:
            server.kill()
            server.wait()


def check():
    check_echo_program()
    check_compression()
    check_tls()
    check_wrong_command_lines()
    check_what_cannot_be_sent()
    check_closed_descriptors()
    check_slow_reader_of_stdout()
    check_end_of_input_while_reconnecting()
    check_backends()
    check_nobody_there()
    check_own_server()
    check_python_websockets()


run_check(check)
