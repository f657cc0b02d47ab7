"""A WebSocket client on a bare socket (RFC 6455), small enough to see each byte. Blocking, with a time-out."""

import base64
import hashlib
import os
import socket
import struct

from frames import BINARY, CLOSE, PING, PONG, RSV1, TEXT, close_payload, frame, read_frame  # noqa: F401
from server_program import CheckFailed, expect

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TIMEOUT_SECONDS = 60.0


class RawWebSocket:
    def __init__(self, port, path="/ws/echo", open_now=True):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        key = base64.b64encode(os.urandom(16)).decode()
        self.accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        if open_now:
            self.finish_handshake()

    def finish_handshake(self):
        while b"\r\n\r\n" not in self.buffer:
            self.receive_more("in the handshake")
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        expect(head.startswith(b"HTTP/1.1 101 "), f"not upgraded: {head!r}")
        expect(self.accept.encode() in head, f"wrong Sec-WebSocket-Accept: {head!r}")

    def receive_more(self, where):
        try:
            received = self.socket.recv(65536)
        except TimeoutError:
            raise CheckFailed(f"nothing was received for {TIMEOUT_SECONDS:.0f} s {where}") from None
        except ConnectionError as error:
            raise CheckFailed(f"connection lost {where}: {error}") from None
        expect(received, f"the server ended the connection {where}")
        self.buffer += received

    def need(self, count, where):
        while len(self.buffer) < count:
            self.receive_more(where)

    def send(self, opcode, payload=b"", rsv1=False):
        self.socket.sendall(frame(opcode, payload, os.urandom(4), rsv=RSV1 if rsv1 else 0))

    def receive(self):
        """The next frame, as (opcode, payload)."""
        found = read_frame(self.buffer)
        while found is None:
            self.receive_more("in a frame" if self.buffer else "before a frame")
            found = read_frame(self.buffer)
        got, size = found
        del self.buffer[:size]
        return got.opcode, got.payload

    def expect_echo(self, opcode, payload):
        self.send(opcode, payload)
        got = self.receive()
        expect(got == (opcode, payload), f"sent {(opcode, payload[:40])}, got {(got[0], got[1][:40])}")

    def expect_close(self, code):
        """Reads until the Close frame, past data that was on its way; it must have this code."""
        opcode, payload = self.receive()
        while opcode != CLOSE:
            opcode, payload = self.receive()
        got = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else None
        expect(got == code, f"closed with {got} {payload[2:]!r}, not with {code}")

    def expect_end(self):
        """The server has to end the connection without another byte; it then waits for this side to close, too."""
        try:
            received = bytes(self.buffer) or self.socket.recv(65536)
        except TimeoutError:
            raise CheckFailed("the server left the connection open") from None
        except ConnectionError:
            received = b""
        expect(not received, f"bytes after Close: {received[:40]!r}")
        self.socket.close()

    def send_close(self, code=1000):
        self.send(CLOSE, close_payload(code))

    def close(self):
        """The whole closing handshake, begun here."""
        self.send_close()
        self.expect_close(1000)
        self.expect_end()
