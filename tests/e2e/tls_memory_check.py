#!/usr/bin/env python3
"""What an idle TLS connection costs in resident memory, for both versions: the slope, as in idle_memory_check.py."""

import ssl

from idle_memory_check import SPARE_DESCRIPTORS
from raw_websocket import BINARY, RawWebSocket
from server_program import EchoServer, expect, raise_descriptor_limit, run_check
from tls_certificates import Certificates, wrapped

FEW, MANY = 200, 1_200
LIMIT = 16 * 1024  # bytes a connection: what the server counts each as holding


def measure(certificates, options, version, many):
    few = FEW * many // MANY
    context = certificates.client(version)
    with EchoServer(*options, "--cores", "1") as server:
        if server.has_sanitizer():
            return None
        connections = []

        def open_until(count):
            while len(connections) < count:
                connections.append(RawWebSocket(server.port, wrap=wrapped(context)))

        open_until(few)
        before = server.resident_bytes()
        open_until(many)
        opened = server.resident_bytes()
        for connection in connections:
            connection.expect_echo(BINARY, b"x" * 100)
        used = server.resident_bytes()
        for connection in connections:
            connection.socket.close()
    return (opened - before) / (many - few), (used - before) / (many - few)


def check():
    many = min(MANY, raise_descriptor_limit() - SPARE_DESCRIPTORS)
    with Certificates() as certificates:
        certificate, key = certificates.issue("a", "DNS:a.test")
        options = ["--tls-cert", certificate, "--tls-key", key]
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            slopes = measure(certificates, options, version, many)
            if slopes is None:
                print("note: not judged, a sanitizer is built in")
                continue
            print(f"note: {version.name}: {slopes[0]:.0f} bytes a connection, {slopes[1]:.0f} once each was used")
            expect(max(slopes) <= LIMIT, f"{version.name}: {slopes} bytes a connection, at most {LIMIT} are allowed")


if __name__ == "__main__":
    run_check(check)
