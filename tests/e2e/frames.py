"""WebSocket frames as bytes (RFC 6455, section 5.2): any frame that can be written down, right or wrong."""

import dataclasses
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1, RSV2, RSV3 = 4, 2, 1


def apply_mask(payload, key):
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def frame(opcode, payload=b"", key=None, fin=True, rsv=0, form=None, declared=None):
    """`key`: None leaves the frame unmasked; `form`: 7, 16 or 64 bits of length, else the shortest; `declared`: the
    length that the header says where that is not the payload's."""
    size = len(payload) if declared is None else declared
    if form is None:
        form = 7 if size < 126 else 16 if size < 65536 else 64
    mask_bit = 0 if key is None else 0x80
    header = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if form == 7:
        header += bytes([mask_bit | size])
    elif form == 16:
        header += struct.pack("!BH", mask_bit | 126, size)
    else:
        header += struct.pack("!BQ", mask_bit | 127, size)
    return header + payload if key is None else header + key + apply_mask(payload, key)


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


@dataclasses.dataclass
class Frame:
    fin: bool
    rsv: int
    opcode: int
    key: bytes | None
    form: int
    payload: bytes


def read_frame(buffer):
    """The frame at the front of `buffer` and how many bytes it takes, or None while some are missing."""
    if len(buffer) < 2:
        return None
    size, form, at = buffer[1] & 127, 7, 2
    if size >= 126:
        form = 16 if size == 126 else 64
        at += form // 8
        if len(buffer) < at:
            return None
        size = int.from_bytes(buffer[2:at], "big")
    key = None
    if buffer[1] & 0x80:
        key = bytes(buffer[at : at + 4])
        at += 4
    if len(buffer) < at + size:
        return None
    payload = bytes(buffer[at : at + size])
    first = buffer[0]
    return (
        Frame(bool(first & 0x80), first >> 4 & 7, first & 15, key, form, apply_mask(payload, key) if key else payload),
        at + size,
    )
