"""Compressed messages (RFC 7692, sections 6 and 7.2), driven by Python's zlib."""

import random
import re
import zlib

from frames import BINARY, RSV1, RSV2, TEXT
from peer import Wrong
from table import SERVER, Closed, Fails, Got, Pieces, Ponged, Send, Table, close, cont, echo, ping, pong, text

OFFER = "permessage-deflate; client_max_window_bits"
table = t = Table(24, "permessage-deflate: messages", rfc="7692", handshake=OFFER, needs="deflate")
MIDDLE = {"fin": False}
TAIL = b"\0\0\xff\xff"
CORRUPT = Fails(1007, "", (1002,))
LIMIT = 512 * 1024


def deflated(data, level=9, strategy=zlib.Z_DEFAULT_STRATEGY, bits=-15):
    """One message (section 7.2.1)."""
    machine = zlib.compressobj(level, zlib.DEFLATED, bits, 9, strategy)
    out = machine.compress(data if isinstance(data, bytes) else data.encode()) + machine.flush(zlib.Z_SYNC_FLUSH)
    return out.removesuffix(TAIL)


def small(data, opcode=TEXT, rsv=RSV1, **settings):
    return Send(opcode, deflated(data, **settings), rsv=rsv)


def raw(payload, opcode=TEXT):
    return Send(opcode, payload, rsv=RSV1)


def window_of(peer):
    """How many bits the window of this end has, and whether it is kept from message to message."""
    me = "client" if peer.tested == SERVER else "server"
    window = re.search(rf"{me}_max_window_bits=(\d+)", peer.deflate)
    return int(window[1]) if window else 15, f"{me}_no_context_takeover" not in peer.deflate


def takeover(messages, between=()):
    """One compressor for all of them, as far as the handshake lets the sender keep its context.

    `between`: texts that go uncompressed behind each."""

    def run(peer):
        bits, keeps = window_of(peer)
        machine = None
        for message in messages:
            if machine is None or not keeps:
                machine = zlib.compressobj(9, zlib.DEFLATED, -max(9, bits))  # zlib makes no stream for 8
            data = machine.compress(message) + machine.flush(zlib.Z_SYNC_FLUSH)
            peer.write(peer.encode(Send(BINARY, data.removesuffix(TAIL), rsv=RSV1)))
            peer.expect_message(Got(BINARY, message))
            for each in between:
                peer.write(peer.encode(text(each)))
                peer.expect_message(echo(each))

    return run


def hexadecimal(size):
    """Text without anything in it twice, which compresses to half of it."""
    return random.Random(size).randbytes(size // 2).hex().encode()


def comes_back_within(message):
    """The echo comes compressed and refers to nothing but what was agreed: the peer inflates with no more than that."""

    def run(peer):
        peer.write(peer.encode(text(message)))
        got = peer.next_frame()
        if got is None or got.rsv != RSV1:
            raise Wrong(f"not compressed: {got and (got.opcode, got.rsv, len(got.payload))}")
        if peer.inflate(got.payload) != message:
            raise Wrong("it inflates to something else")

    return run


def bits_of(*fields):
    """Bytes of (value, count of bits), each from its lowest bit as RFC 1951 has it; a Huffman code is a string."""
    bits = "".join(field if isinstance(field, str) else f"{field[0]:0{field[1]}b}"[::-1] for field in fields)
    return int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little")


def refers_far_back(bits, whole):
    """Two payloads, one stored, one that refers as far back as a window of `bits` reaches, and what they stand for.

    `whole`: as the blocks of one message; otherwise each is a message of its own, without its tail (section 7.2.1)."""
    size = 2**bits
    window = random.Random(bits).randbytes(size)
    stored = bytes(1) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + window
    # A block of fixed codes: length 258, the last distance below 2^bits + 1, its extra bits, the end; an empty block.
    code = f"{2 * bits - 1:05b}"
    far = bits_of((2, 3), "11000101", code, ((1 << (bits - 2)) - 1, bits - 2), "0000000", (0, 3))
    return stored if whole else stored + bytes(1), far, window, window[:258]


def far_back(over_two):
    """Referred to inside one message, or into the one before where context is kept (section 7.2.2)."""

    def run(peer):
        bits, keeps = window_of(peer)
        stored, far, window, copy = refers_far_back(bits, whole=not (over_two and keeps))
        parts = [(stored, window), (far, copy)] if over_two and keeps else [(stored + far, window + copy)]
        for payload, message in parts:
            peer.write(peer.encode(raw(payload, BINARY)))
            peer.expect_message(Got(BINARY, message))

    return run


def comes_compressed(message):
    """The echo of a long and simple text comes compressed: RSV1 is set, and it is shorter."""

    def run(peer):
        peer.write(peer.encode(small(message)))
        got = peer.next_frame()
        if got is None or got.rsv != RSV1 or len(got.payload) >= len(message):
            raise Wrong(f"not compressed: {got and (got.rsv, len(got.payload))}")
        if peer.inflate(got.payload) != message:
            raise Wrong("it inflates to something else")
        if got.payload.endswith(TAIL):
            raise Wrong("the tail 00 00 ff ff is still there (7.2.1)")

    return run


t("A compressed text message comes back", "7.2", small("Hello"), echo("Hello"))
t("A compressed binary message comes back", "7.2", small(b"\0\1\2" * 50, BINARY), echo(b"\0\1\2" * 50))
t("The RFC's example, Hello in one frame, is read", "7.2.3.1", raw(b"\xf2\x48\xcd\xc9\xc9\x07\x00"), echo("Hello"))
t("The RFC's example in two fragments is read", "7.2.3.1", Send(TEXT, b"\xf2\x48\xcd", rsv=RSV1, fin=False),
  cont(b"\xc9\xc9\x07\x00"), echo("Hello"))
t("The RFC's example with a stored block is read", "7.2.3.3", raw(b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
  echo("Hello"))
t("The RFC's example with BFINAL set is read", "7.2.3.4", raw(b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), echo("Hello"))
t("The RFC's example of two blocks is read", "7.2.3.5", raw(b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
  echo("Hello"))
t("The RFC's example with context, Hello and Hello again, is read where context is kept", "7.2.3.2",
  takeover([b"Hello", b"Hello", b"Hello"]))
t("An empty message as one byte is read", "7.2.3.6", raw(b"\x00"), echo(""))
t("An empty binary message is read", "7.2.3.6", small(b"", BINARY), echo(b""))
t("An uncompressed message is read although compression was agreed", "6", text("plain"), echo("plain"))
t("Compressed and uncompressed messages by turns are read", "6", small("a" * 100), text("b"), small("c" * 100),
  text("d"),
  echo("a" * 100), echo("b"), echo("c" * 100), echo("d"))
t("A long simple text comes back compressed, without its tail", "7.2.1", comes_compressed(b"brume " * 2000))
t("Noise that does not compress comes back", "7.2",
  takeover([zlib.compress(bytes(range(256)) * n) for n in (1, 9, 40)]))
t("200 KiB of text come back", "7.2", small("The quick brown fox. " * 10000), echo("The quick brown fox. " * 10000))
t("Exactly the limit, compressed, comes back", "6455 10.4", small(b"x" * LIMIT, BINARY), echo(b"x" * LIMIT))
t("One byte above the limit after inflating is refused", "6455 10.4", small(b"x" * (LIMIT + 1), BINARY),
  Fails(1009, "large"))
t("A bomb of a thousand to one is refused", "6455 10.4", small(b"\0" * (64 * LIMIT), BINARY), Fails(1009, "large"))
t("A bomb in two fragments is refused", "6455 10.4",
  *(lambda data: [Send(BINARY, data[:100], rsv=RSV1, fin=False), cont(data[100:])])(deflated(b"\0" * (16 * LIMIT))),
  Fails(1009, "large"))
t.each("A message compressed at each level is read", "7.2.1", range(0, 10),
  lambda n: [small("level " * 200, level=n), echo("level " * 200)])
t.each("Stored, fixed and run-length blocks are read", "7.2.1",
  (zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED),
       lambda n: [small("block " * 200, strategy=n), echo("block " * 200)])
t.each("Streams of a smaller window are read", "7.1.2", range(9, 16),
  lambda n: [small("window " * 900, bits=-n), echo("window " * 900)])
t.each("A compressed message in two fragments is read wherever it is cut", "6.1", range(0, 20, 2),
       lambda n: (lambda data: [Send(TEXT, data[:n], rsv=RSV1, fin=False), cont(data[n:]),
       echo("fragment " * 20)])(deflated("fragment " * 20)))
t("A compressed message with a fragment for each byte is read", "6.1",
  *(lambda data: [Send(TEXT, data[:1], rsv=RSV1, fin=False), *[cont(bytes([b]), **MIDDLE) for b in data[1:]],
  cont(b"")])(deflated("byte by byte")),
  echo("byte by byte"))
t("A compressed message byte by byte over TCP is read", "6.1", Pieces([small("slowly " * 10)]), echo("slowly " * 10))
t("A ping between compressed fragments is answered, uncompressed", "6.1",
  *(lambda data: [Send(TEXT, data[:3], rsv=RSV1, fin=False), ping("p"), Ponged(b"p"),
  cont(data[3:])])(deflated("around a ping")), echo("around a ping"))
t("RSV1 on the continuation of a compressed message fails the connection", "6.1",
  Send(TEXT, b"\xf2\x48", rsv=RSV1, fin=False), cont(b"\xcd", rsv=RSV1), Fails(1002, "RSV1"))
t("RSV1 on a ping fails the connection", "6.1", ping(b"x", rsv=RSV1), Fails(1002, "RSV1"))
t("RSV1 on a pong fails the connection", "6.1", pong(b"x", rsv=RSV1), Fails(1002, "RSV1"))
t("RSV1 on a Close fails the connection", "6.1", close(1000, rsv=RSV1), Fails(1002, "RSV1"))
t("RSV2 keeps no meaning", "6455 5.2", text("x", rsv=RSV2), Fails(1002, "RSV2"))
t("RSV1 on a continuation of an uncompressed message fails the connection", "6.1", text("a", **MIDDLE),
  cont("b", rsv=RSV1), Fails(1002, "RSV1"))
t("A block type that does not exist fails the connection", "7.2.2", raw(b"\x06"), CORRUPT)
t("A stored block whose lengths do not agree fails the connection", "7.2.2", raw(b"\x00\x05\x00\x00\x00Hello"), CORRUPT)
t("A distance back beyond the message's start fails the connection", "7.2.2", raw(b"\x02\x07\x3f\x00"), CORRUPT)
t("Bytes that are no deflate stream fail the connection", "7.2.2", raw(b"\xff" * 40), CORRUPT)
t("A stream that stops inside a block fails the connection", "7.2.2", raw(deflated("stops in the middle " * 9)[:20]),
  CORRUPT)
t("A text that inflates to invalid UTF-8 fails the connection", "6455 8.1", small(b"abc\xff"), Fails(1007, ""))
t("A text that inflates to a cut code point fails the connection", "6455 8.1", small(b"abc\xe2\x82"), Fails(1007, ""))
t("A binary message that inflates to invalid UTF-8 comes back", "6455 5.6", small(b"abc\xff", BINARY), echo(b"abc\xff"))
t("A code point over two compressed fragments is valid", "6455 8.1",
  *(lambda data: [Send(TEXT, data[:4], rsv=RSV1, fin=False), cont(data[4:])])(deflated("\u20ac\U0001f32b" * 3)),
  echo("\u20ac\U0001f32b" * 3))
t("Fifty compressed messages in a row come back", "7.2", takeover([b"message %d " % n * 20 for n in range(50)]))
t("A compressed message before a Close came back", "7.2", small("last"), echo("last"), close(1000), Closed(1000))
t("A distance as long as the window, 32,768 bytes where nothing else was agreed, is read", "7.2.2", far_back(False))
t("A distance as long as the window into the message before is read where context is kept", "7.2.2", far_back(True))
t("Uncompressed messages between compressed ones leave the context as it is", "7.2.3.2",
  takeover([b"Hello, Hello", b"Hello, Hello again", b"Hello"], between=("Hello", "other")))
t("A first fragment that ends in its flush's 00 00 ff ff is read", "7.2.1",
  Send(TEXT, deflated("first half, ") + TAIL, rsv=RSV1, fin=False), cont(deflated("second half")),
  echo("first half, second half"))
t("A compressed message whose last fragment is the empty block 00 is read", "7.2.3.6",
  Send(TEXT, deflated("all of it") + TAIL, rsv=RSV1, fin=False), cont(b"\x00"), echo("all of it"))
