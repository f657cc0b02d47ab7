#!/usr/bin/env python3
"""The echo program over TLS, by Python's ssl: versions, resumption, names, client certificates, reload, bad files."""

import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
import warnings

from raw_websocket import BINARY, TEXT, TIMEOUT_SECONDS, RawWebSocket
from server_program import EchoServer, expect, program, run_check
from tls_certificates import Certificates, wrapped

LARGE = bytes(range(256)) * 1200  # 300 KB: many records
BACKENDS = ("io_uring", "epoll")


def common_name(tls_socket):
    return dict(pair[0] for pair in tls_socket.getpeercert()["subject"])["commonName"]


def expect_refused(port, context, host="a.test"):
    """The handshake, or with TLS 1.3 the first use after it, must fail."""
    try:
        RawWebSocket(port, wrap=wrapped(context, host))
    except ssl.SSLError as error:
        return str(error)
    except Exception as error:  # the server may have closed before the alert was read
        return str(error)
    expect(False, f"{host} was let in")


def versions(server, certificates):
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        connection = RawWebSocket(server.port, wrap=wrapped(certificates.client(version)))
        expect(connection.socket.version() == name, connection.socket.version())
        expect(connection.socket.selected_alpn_protocol() == "http/1.1", "no ALPN")
        connection.expect_echo(TEXT, b"hello over TLS")
        connection.expect_echo(BINARY, LARGE)
        connection.close()
    warnings.simplefilter("ignore", DeprecationWarning)  # that is the point of it
    old = certificates.client()
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    expect_refused(server.port, old)


def resumption(server, certificates):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = certificates.client(version)
        first = RawWebSocket(server.port, wrap=wrapped(context))
        first.expect_echo(TEXT, b"first")
        expect(not first.socket.session_reused, "the first session cannot be resumed")
        session = first.socket.session
        first.close()
        second = RawWebSocket(server.port, wrap=wrapped(context, session=session))
        expect(second.socket.session_reused, f"{version.name}: the session was not resumed")
        second.expect_echo(TEXT, b"second")
        second.close()


def names(server, certificates):
    context = certificates.client()
    for host, subject in (("a.test", "a"), ("b.test", "b"), ("x.b.test", "b")):
        connection = RawWebSocket(server.port, wrap=wrapped(context, host))
        expect(common_name(connection.socket) == subject, f"{host} got {common_name(connection.socket)}")
        connection.close()
    expect("match" in expect_refused(server.port, context, "c.test"), "c.test is in no certificate")
    expect_refused(server.port, certificates.client(protocols=("h2",)))


def plain_http(server):
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_SECONDS) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        answer = b""
        while received := plain.recv(65536):
            answer += received
    expect(answer.startswith(b"HTTP/1.1 400 ") and b"TLS" in answer, repr(answer))


def reload(server, certificates, files):
    before = RawWebSocket(server.port, wrap=wrapped(certificates.client()))
    fresh = certificates.issue("renewed", "DNS:a.test")
    kept = pathlib.Path(files[0]).read_bytes(), pathlib.Path(files[1]).read_bytes()

    def hang_up(word):
        seen = server.output().count(word)
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while server.output().count(word) == seen:
            expect(time.monotonic() < deadline, f"no {word!r}: {server.output()}")
            time.sleep(0.01)

    for source, target in zip(fresh, files):
        shutil.copyfile(source, target)
    hang_up("read anew")
    after = RawWebSocket(server.port, wrap=wrapped(certificates.client()))
    expect(common_name(after.socket) == "renewed", common_name(after.socket))
    pathlib.Path(files[1]).write_text("no key\n")
    hang_up("stay in use")
    expect(files[1] in server.output(), server.output())
    later = RawWebSocket(server.port, wrap=wrapped(certificates.client()))
    expect(common_name(later.socket) == "renewed", common_name(later.socket))
    for connection in (before, after, later):
        connection.expect_echo(TEXT, b"still here")
        connection.close()
    for content, target in zip(kept, files):
        pathlib.Path(target).write_bytes(content)


def client_certificates(certificates, files):
    with EchoServer("--tls-cert", files[0], "--tls-key", files[1], "--tls-client-ca", certificates.ca) as server:
        expect_refused(server.port, certificates.client())
        context = certificates.client()
        context.load_cert_chain(*certificates.issue("ann"))
        connection = RawWebSocket(server.port, wrap=wrapped(context))
        connection.expect_echo(TEXT, b"it is ann")
        connection.close()


def bad_files(certificates, files, other):
    empty = certificates.path / "empty.pem"
    empty.write_text("")
    missing = str(certificates.path / "missing.pem")
    for options, word in (
        (["--tls-cert", missing, "--tls-key", files[1]], missing),
        (["--tls-cert", files[0], "--tls-key", missing], missing),
        (["--tls-cert", str(empty), "--tls-key", files[1]], str(empty)),
        (["--tls-cert", files[0], "--tls-key", other[1]], other[1]),
        (["--tls-cert", files[0], "--tls-key", files[1], "--tls-client-ca", str(empty)], str(empty)),
        (["--tls-cert", files[0]], "--tls-key"),
        (["--tls-cert", files[0], "--tls-cert", other[0], "--tls-key", files[1]], "--tls-key"),
        (["--tls-client-ca", files[0]], "--tls-cert"),
    ):
        done = subprocess.run(
            [program(), "--port", "0", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT_SECONDS,
        )
        said = f"{options}: status {done.returncode}, {done.stderr!r}"
        expect(done.returncode == 2 and len(done.stderr.splitlines()) == 1 and word in done.stderr, said)


def check():
    with Certificates() as certificates:
        files = certificates.issue("a", "DNS:a.test")
        other = certificates.issue("b", "DNS:b.test,DNS:*.b.test")
        options = ["--tls-cert", files[0], "--tls-key", files[1], "--tls-cert", other[0], "--tls-key", other[1]]
        for backend in BACKENDS:
            with EchoServer(*options, "--cores", "2", environment={"BRUME_IO": backend}) as server:
                expect("listening on https://" in server.output(), server.output())
                versions(server, certificates)
                resumption(server, certificates)
                names(server, certificates)
                plain_http(server)
                reload(server, certificates, files)
                server.terminate()
                expect(server.wait() == 0, server.output())
        client_certificates(certificates, files)
        bad_files(certificates, files, other)


if __name__ == "__main__":
    run_check(check)
