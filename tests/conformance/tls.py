"""TLS on a connected socket, with each direction in the caller's hands: one ends without waiting for the other's end.

(Python's own TLS sockets cannot send close_notify and go on reading.) Two threads may use one, of which one writes.
"""

import contextlib
import ssl
import threading

READ_SIZE = 65536


class Truncated(OSError):
    """TCP ended without close_notify, as an attacker can end it, too (RFC 8446, section 6.1)."""


class TlsSocket:
    """`plain` is connected; hands are shaken at once."""

    def __init__(self, plain, context, server_side=False, host=None):
        self.plain = plain
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side, server_hostname=host)
        self.lock, self.sending = threading.Lock(), threading.Lock()
        self.opened = bytearray()  # read before it was asked for
        self.step(self.tls.do_handshake)

    def step(self, call):
        """Calls until it wants no more input."""
        while True:
            try:
                with self.lock:
                    result = call()
            except ssl.SSLWantReadError:
                self.push()
            except ssl.SSLError:
                with contextlib.suppress(ConnectionError):  # the alert, where there is still somebody to hear it
                    self.push()
                raise
            else:
                self.push()
                return result
            received = self.plain.recv(READ_SIZE)
            with self.lock:
                if received:
                    self.incoming.write(received)
                else:
                    self.incoming.write_eof()

    def push(self):
        """Sends what TLS has to say by itself: handshakes, alerts."""
        with self.lock:
            if not self.outgoing.pending:
                return
        with self.sending:
            with self.lock:
                records = self.outgoing.read()
            self.plain.sendall(records)

    # ---- as of a socket

    def recv(self, size):
        """b"" once both TLS and TCP have ended in order."""
        if self.opened:
            taken = bytes(self.opened[:size])
            del self.opened[:size]
            return taken
        try:
            opened = self.step(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            opened = b""
        except ssl.SSLEOFError:
            raise Truncated("TCP ended without close_notify") from None
        if not opened and not self.incoming.eof and self.plain.recv(READ_SIZE):
            raise Truncated("bytes came behind close_notify")
        return opened

    def sendall(self, data):
        with self.sending:
            with self.lock:
                left = memoryview(data)
                while left:
                    left = left[self.tls.write(left):]
                records = self.outgoing.read()
            self.plain.sendall(records)

    def shutdown(self, how):
        """Ends the sending direction: close_notify, then TCP's."""
        with self.lock:
            try:
                while came := self.tls.read(READ_SIZE):
                    self.opened += came
            except ssl.SSLError:
                pass  # nothing more has come
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass  # the peer has not ended its own direction yet
        self.push()
        self.plain.shutdown(how)

    def settimeout(self, seconds):
        self.plain.settimeout(seconds)

    def setsockopt(self, *option):
        self.plain.setsockopt(*option)

    def close(self):
        self.plain.close()
