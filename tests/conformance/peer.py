"""One end of a connection to what is tested: plays a script's steps and judges every byte that comes back."""

import base64
import hashlib
import os
import re
import socket
import time
import zlib

from frames import CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame, read_frame
from raw_websocket import GUID
from table import ANY, CLIENT, Answer, Asked, Closed, Ended, Fails, Got, Pieces, Ponged, Refused, Respond, Send
from tls import TlsSocket, Truncated

CASE_SECONDS = 40.0  # of one script, on a machine that does much else
PIECE_PAUSE_SECONDS = 0.0005  # lets the other side read a piece before the next is written; nothing depends on it
WORD = re.compile(rb"\{(\w+)\}")
KEY_FIELD = re.compile(rb"^sec-websocket-key:[ \t]*(.*?)[ \t]*\r\n", re.I | re.M)
# What stands in braces in a request; `other` is the port that a URI of the other scheme has.
CLEAR = {"http": "http", "HTTP": "HTTP", "ws": "ws", "default": "80", "other": "443"}
SECURE = {"http": "https", "HTTP": "HTTPS", "ws": "wss", "default": "443", "other": "80"}
CONNECTION_OPTIONS = {"close", "keep-alive", "upgrade"}  # none is the name of a field for the content's recipients
SENDABLE_CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}  # RFC 6455, section 7.4


class Wrong(Exception):
    """What was expected and what came instead."""


def shown(data):
    return f"{data[:48]!r}{f' and {len(data) - 48} bytes more' if len(data) > 48 else ''}"


class Peer:
    """`tested` is the role of who is at the other end; this end has the other one."""

    def __init__(self, connection, port, tested, process=None):
        self.socket, self.port, self.tested, self.process = connection, port, tested, process
        self.words = {"port": str(port), **(SECURE if isinstance(connection, TlsSocket) else CLEAR)}
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.deadline = time.monotonic() + CASE_SECONDS
        self.buffer = bytearray()
        self.waiting = b""  # to be sent in one write
        self.lenient = []  # what is right but not strict
        self.keys = set()  # of masks seen
        self.over = False  # the script's last word has been spoken
        self.framed = False  # the handshake is done
        self.deflate = None  # what extension was agreed, if any
        self.inflater = None
        self.fields = {}
        self.sent_key = ""
        self.early_pongs = []

    # ---- bytes

    def receive_more(self):
        """More bytes into the buffer; False at the end of the stream, of whatever kind."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Wrong("nothing came in time")
        self.socket.settimeout(left)
        try:
            received = self.socket.recv(262144)
        except TimeoutError:
            raise Wrong("nothing came in time") from None
        except ConnectionError:
            return False
        except Truncated as end:
            raise Wrong(str(end)) from None
        self.buffer += received
        return bool(received)

    def flush(self):
        data, self.waiting = self.waiting, b""
        self.write(data)

    def write(self, data):
        if not data:
            return
        self.socket.settimeout(max(0.1, self.deadline - time.monotonic()))
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise Wrong("what is sent is not read") from None
        except ConnectionError:
            pass  # what came before the end tells why

    def encode(self, item):
        if isinstance(item, bytes):
            key = KEY_FIELD.search(item)
            if key:
                self.sent_key = key[1].decode("latin-1")
            return WORD.sub(lambda word: self.words.get(word[1].decode(), word[0].decode()).encode(), item)
        masked = self.tested != CLIENT if item.masked is None else item.masked
        key = (os.urandom(4) if item.key is None else item.key) if masked else None
        return frame(item.opcode, item.payload, key, item.fin, item.rsv, item.form, item.declared)[: item.cut]

    def send_pieces(self, step):
        self.flush()
        data = b"".join(self.encode(item) for item in step.frames)
        cuts = step.cuts or range(step.size, len(data), step.size)
        at = 0
        for cut in [*cuts, len(data)]:
            self.write(data[at:cut])
            time.sleep(PIECE_PAUSE_SECONDS)
            at = cut

    # ---- frames

    def next_frame(self):
        """The next frame, judged for what every frame has to be, or None at the end of the stream."""
        while (found := read_frame(self.buffer)) is None:
            if not self.receive_more():
                if self.buffer:
                    raise Wrong(f"the stream ends inside a frame: {shown(self.buffer)}")
                return None
        got, size = found
        del self.buffer[:size]
        length = len(got.payload)
        if self.tested == CLIENT:
            if got.key is None:
                raise Wrong("the client's frame is not masked (5.1)")
            if got.key in self.keys:
                raise Wrong(f"the client's mask {got.key.hex()} comes twice (5.3)")
            self.keys.add(got.key)
        elif got.key is not None:
            raise Wrong("the server's frame is masked (5.1)")
        if got.rsv and not (got.rsv == 4 and self.deflate and got.opcode not in (CONTINUATION, CLOSE, PING, PONG)):
            raise Wrong(f"reserved bits {got.rsv:03b} are set (5.2)")
        if got.form != (7 if length < 126 else 16 if length < 65536 else 64):
            raise Wrong(f"{length} bytes are announced in {got.form} bits (5.2)")
        if got.opcode not in (0, 1, 2, 8, 9, 10):
            raise Wrong(f"opcode {got.opcode} (5.2)")
        if got.opcode >= 8 and (not got.fin or length > 125):
            raise Wrong("a control frame is fragmented or too long (5.5)")
        return got

    def next_event(self):
        """("message", opcode, payload), ("pong", payload), ("close", code, reason), ("end",): what comes next."""
        parts, opcode, compressed = [], None, False
        while True:
            got = self.next_frame()
            if got is None:
                return ("end",)
            if got.opcode == PING:
                self.write(self.encode(Send(PONG, got.payload)))
            elif got.opcode == PONG:
                if opcode is None:
                    return ("pong", got.payload)
                raise Wrong("a pong between fragments is more than these scripts ask for")
            elif got.opcode == CLOSE:
                return self.judge_close(got.payload)
            else:
                if (got.opcode == CONTINUATION) != (opcode is not None):
                    raise Wrong("fragments out of sequence (5.4)")
                if opcode is None:
                    opcode, compressed = got.opcode, got.rsv == 4
                parts.append(got.payload)
                if not got.fin:
                    continue
                if len(parts) > 1:
                    self.lenient.append("the message came in fragments")
                payload = b"".join(parts)
                return ("message", opcode, self.inflate(payload) if compressed else payload)

    def judge_close(self, payload):
        if not payload:
            return ("close", None, b"")
        if len(payload) == 1:
            raise Wrong("Close has a payload of one byte (5.5.1)")
        code = int.from_bytes(payload[:2], "big")
        if code not in SENDABLE_CODES:
            raise Wrong(f"Close carries {code}, which must not be sent (7.4)")
        try:
            payload[2:].decode()
        except UnicodeDecodeError:
            raise Wrong(f"Close's reason is not UTF-8: {payload[2:]!r} (5.5.1)") from None
        return ("close", code, payload[2:])

    def inflate(self, payload):
        """RFC 7692, section 7.2.2. What context is kept was agreed in the handshake."""
        window = re.search(rf"{self.tested}_max_window_bits=(\d+)", self.deflate)
        if self.inflater is None or f"{self.tested}_no_context_takeover" in self.deflate:
            self.inflater = zlib.decompressobj(-int(window[1]) if window else -15)
        try:
            inflated = inflate_with(self.inflater, payload + b"\0\0\xff\xff", bytewise=bool(window))
        except zlib.error as error:
            raise Wrong(f"what came does not inflate: {error}") from None
        if self.inflater.eof:
            self.lenient.append("a block is the stream's last: not everybody reads a message behind it (7.2.1)")
        return inflated

    def end_of_stream(self):
        if self.buffer or self.receive_more():
            raise Wrong(f"bytes after the end: {shown(self.buffer)}")

    # ---- steps

    def play(self, steps):
        for step in steps:
            if isinstance(step, (Send, bytes)):
                self.waiting += self.encode(step)
            elif isinstance(step, Pieces):
                self.send_pieces(step)
            else:
                self.flush()
                self.EXPECT[type(step)](self, step) if type(step) in self.EXPECT else step(self)
        self.flush()
        if not self.over and self.framed:
            self.close_normally()
        if not self.over:
            raise Wrong("the script has no end")

    def close_normally(self):
        """A script that says nothing of an end: nothing else came, and the closing handshake is as it has to be."""
        self.write(self.encode(Send(CLOSE, close_payload(1000))))
        self.expect_closed(Closed(1000))

    def expect_message(self, step):
        got = self.next_event()
        while got[0] == "pong":
            self.early_pongs.append(got)  # a control frame may overtake messages (5.4); it does not have to
            self.lenient.append("a pong overtook a message")
            got = self.next_event()
        if got[0] != "message" or (got[1], got[2]) != (step.opcode, step.payload):
            name = "text" if step.opcode == TEXT else "binary"
            raise Wrong(f"no {name} {shown(step.payload)} but {self.describe(got)}")

    def expect_pong(self, step):
        got = self.early_pongs.pop(0) if self.early_pongs else self.next_event()
        if got != ("pong", step.payload):
            raise Wrong(f"no pong {shown(step.payload)} but {self.describe(got)}")

    def describe(self, event):
        return " ".join(shown(part) if isinstance(part, bytes) else str(part) for part in event)

    def end_sending(self):
        """Ends this end's direction; where the other end has left already there is nothing to end."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def tcp_ends(self):
        """The server ends TCP first (7.1.1): as the server, this end does."""
        if self.tested == CLIENT:
            self.end_sending()
        self.end_of_stream()
        self.over = True

    def expect_failure(self, step):
        got = self.next_event()
        if got[0] == "end":
            self.lenient.append("TCP ended without a Close")
            self.over = True
            return
        if got[0] != "close" or got[1] not in (step.code, *step.also):
            raise Wrong(f"not failed with {step.code} but {self.describe(got)}")
        if got[1] != step.code:
            self.lenient.append(f"failed with {got[1]}, not with {step.code}")
        elif step.says not in got[2].decode():
            self.lenient.append(f"the reason {got[2].decode()!r} does not say {step.says!r}")
        self.tcp_ends()

    def expect_closed(self, step):
        got = self.next_event()
        if got[0] == "end":
            raise Wrong("Close is not answered (5.5.1)")
        if got[0] != "close":
            raise Wrong(f"no Close but {self.describe(got)}")
        if got[1] != step.code:
            self.lenient.append(f"Close {step.code} is answered with {got[1]}")
        if step.reason is not ANY and got[2] != step.reason:
            self.lenient.append(f"the reason {got[2]!r} came, not {step.reason!r}")
        self.tcp_ends()

    def expect_end(self, _):
        self.end_of_stream()
        self.over = True

    # ---- HTTP

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.receive_more():
                raise Wrong(f"no whole HTTP head came: {shown(self.buffer)}")
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        if any(end in line for line in (first, *lines) for end in "\r\n"):
            raise Wrong(f"a bare CR or LF in the head: {shown(head)} (9112 2.2)")
        fields = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or name != name.strip() or not name:
                raise Wrong(f"a field line is malformed: {line!r}")
            fields.setdefault(name.lower(), []).append(value.strip(" \t"))
        self.judge_connection(fields)
        return first, fields

    def judge_connection(self, fields):
        """RFC 9110, section 7.6.1, of every head."""
        options = {option.strip().lower() for option in ",".join(fields.get("connection", [])).split(",")} - {""}
        if options - CONNECTION_OPTIONS:
            raise Wrong(f"Connection: {fields['connection']}")
        if "upgrade" in fields and "upgrade" not in options:
            raise Wrong("Upgrade without its connection option (9110 7.8)")

    def expect_answer(self, step):
        first, fields = self.read_head()
        version, _, rest = first.partition(" ")
        if version != "HTTP/1.1" or not rest[:3].isdigit() or rest[3:4] != " ":
            raise Wrong(f"the status line is malformed: {first!r}")
        status = int(rest[:3])
        if status not in (step.status, *step.also):
            raise Wrong(f"status {status}, not {step.status}")
        if status != step.status:
            self.lenient.append(f"status {status}, not {step.status}")
        self.fields = {name: values[-1] for name, values in fields.items()}
        for name, value in step.fields.items():
            got = fields.get(name.lower(), [])
            if value is None and got:
                raise Wrong(f"{name}: {got} must not be there")
            if value is not None and (len(got) != 1 or value is not ANY and got[0].lower() != value.lower()):
                raise Wrong(f"{name}: {got}, not {'one' if value is ANY else value}")
        if status == 101:
            return self.judge_switch(fields)
        self.read_content(step, fields, status)
        if step.keep:
            return None
        if fields.get("connection", [""])[0].partition(",")[0].lower() != "close":
            self.lenient.append("Connection: close is missing")
        self.end_of_stream()
        self.over = True
        return None

    def read_content(self, step, fields, status):
        if status in (204, 304) or step.head_only or status < 200:
            if step.head_only and len(fields.get("content-length", [])) != 1:
                raise Wrong("no Content-Length in the answer to HEAD")
            return
        lengths = fields.get("content-length", [])
        if len(lengths) != 1 or not lengths[0].isdigit():
            raise Wrong(f"Content-Length: {lengths}")
        while len(self.buffer) < int(lengths[0]):
            if not self.receive_more():
                raise Wrong("the content is shorter than Content-Length")
        content = bytes(self.buffer[: int(lengths[0])])
        del self.buffer[: int(lengths[0])]
        if step.body is not None and content != step.body:
            raise Wrong(f"content {shown(content)}, not {shown(step.body)}")
        if status >= 400 and not content:
            self.lenient.append("the refusal says nothing")
        elif step.says.encode() not in content:
            self.lenient.append(f"the refusal {shown(content)} does not say {step.says!r}")

    def judge_switch(self, fields):
        """RFC 6455, section 4.2.2, item 5."""
        if [value.lower() for value in fields.get("upgrade", [])] != ["websocket"]:
            raise Wrong(f"Upgrade: {fields.get('upgrade')}")
        if "upgrade" not in [token.strip().lower() for token in ",".join(fields.get("connection", [])).split(",")]:
            raise Wrong(f"Connection: {fields.get('connection')}")
        if fields.get("sec-websocket-accept") != [accept_of(self.sent_key)]:
            raise Wrong(f"Sec-WebSocket-Accept: {fields.get('sec-websocket-accept')} for {self.sent_key}")
        if "content-length" in fields or "transfer-encoding" in fields:
            raise Wrong("a 101 has a body's fields (9112 6.1)")
        for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            if len(fields.get(name, [])) > 1:
                raise Wrong(f"{name} comes twice (11.3)")
        self.deflate = fields.get("sec-websocket-extensions", [None])[0]
        self.framed = True

    def expect_request(self, step):
        first, fields = self.read_head()
        self.request_line, self.request_fields = first, fields
        self.sent_key = fields.get("sec-websocket-key", [""])[-1]
        if step.check:
            step.check(self)

    def respond(self, step):
        accept = accept_of(self.sent_key)
        self.write(step.head.replace("{accept}", accept).encode("latin-1") + step.then)
        self.framed = True

    def expect_refusal(self, _):
        self.framed = False
        try:
            self.end_of_stream()
        except Wrong as wrong:
            raise Wrong(f"the client goes on: {wrong}") from None
        if self.process and self.process.wait(max(0.1, self.deadline - time.monotonic())) == 0:
            self.lenient.append("the client ends with status 0")
        self.over = True

    EXPECT = {
        Got: expect_message,
        Ponged: expect_pong,
        Fails: expect_failure,
        Closed: expect_closed,
        Ended: expect_end,
        Answer: expect_answer,
        Asked: expect_request,
        Respond: respond,
        Refused: expect_refusal,
    }


def inflate_with(machine, data, bytewise):
    """`bytewise`: zlib lets a stream refer to all that it wrote in one go, whatever the window; that is a byte then."""
    if not bytewise:
        return machine.decompress(data)
    inflated = bytearray()
    while piece := machine.decompress(data, 1):
        inflated += piece
        data = machine.unconsumed_tail
    return bytes(inflated)


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
