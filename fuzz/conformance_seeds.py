"""Writes what the cases of the conformance suite send as seeds of the harness that takes such bytes.

usage: conformance_seeds.py DIRECTORY

Run at the root of the tree (`make fuzz-seeds` does, and keeps of DIRECTORY/NAME what reaches something new). The same
cases give the same files. Steps that are functions of a live connection send what depends on it, and are left out; so
are seeds of more than 4 KiB, from which a fuzzer learns nothing that shorter ones do not say faster.
"""

import hashlib
import pathlib
import sys

sys.path[:0] = ["tests/conformance", "tests/e2e"]

import catalogue  # noqa: E402
from frames import BINARY, CLOSE, TEXT, frame  # noqa: E402
from table import CLIENT, SERVER, Dial, Pieces, Respond, Send  # noqa: E402

LARGEST = 4096
KEY = bytes.fromhex("37fa213d")
# As handshake_fuzz.cpp numbers them (kNames), from the character 0 on, of which the remainder by 12 is 0.
HANDSHAKE_FIELDS = ["upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "content-length",
                    "transfer-encoding", "sec-websocket-protocol", "sec-websocket-extensions", "origin", "", "host"]
WHOLE_WINDOW = 6 << 2  # deflate_fuzz.cpp: 15 bits


def encoded(item, role):
    """The bytes of one item as they go out to who has that role."""
    if isinstance(item, bytes):
        return item.replace(b"{port}", b"8080")
    masked = role != CLIENT if item.masked is None else item.masked
    key = (KEY if item.key is None else item.key) if masked else None
    return frame(item.opcode, item.payload, key, item.fin, item.rsv, item.form, item.declared)[: item.cut]


def sent_by(script):
    """All frames and bytes of a script, and the size of its pieces (0: as they come)."""
    items, pieces = [], 0
    for step in script:
        if isinstance(step, (Send, bytes)):
            items.append(step)
        elif isinstance(step, Pieces):
            items += step.frames
            pieces = step.size
    return items, pieces


def of_frames(case, items, pieces):
    """Seeds of what is sent once the handshake is done."""
    for role in case.roles:
        stream = b"".join(encoded(item, role) for item in items)
        # frame_decoder_fuzz.cpp: bit 0 the receiver, bit 5 compression; then the pieces, 0: single bytes.
        choice = (role == CLIENT) | (0x20 if case.needs == "deflate" else 0)
        yield "frame_decoder", bytes([choice, 0 if pieces == 1 else 1 + pieces % 64]) + stream
    frames = [item for item in items if isinstance(item, Send)]
    for item in frames:
        if item.opcode == CLOSE:
            yield "close_payload", item.payload
        if item.opcode == TEXT and item.rsv == 0:
            masked = bytes(byte ^ KEY[i % 4] for i, byte in enumerate(item.payload))
            yield "kernels", KEY + bytes([3, 1]) + masked
    compressed = [item.payload for item in frames if item.rsv == 4 and item.fin and item.opcode in (TEXT, BINARY)]
    for payload in compressed:
        yield "deflate", bytes([7 << 5 | WHOLE_WINDOW]) + payload
    for first, second in zip(compressed, compressed[1:]):
        if len(first) < 256:
            yield "deflate", bytes([6 << 5 | WHOLE_WINDOW | 1, len(first)]) + first + second


def of_request(data, pieces):
    """Seeds of a request's bytes."""
    yield "request_head", bytes([0, 0 if pieces == 1 else 1 + pieces % 64]) + data
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    fields = [(name.strip().lower().decode("latin-1"), value.strip()) for name, _, value in
              (line.partition(b":") for line in head[1:])]
    lines = [bytes([ord("0") + HANDSHAKE_FIELDS.index(name)]) + value for name, value in fields if name in HANDSHAKE_FIELDS]
    if all(b"\n" not in line for line in lines):
        choice = (0 if head[0].startswith(b"GET ") else 0x10) | (0x40 if head[0].endswith(b"/1.0") else 0)
        yield "handshake", bytes([choice]) + b"\n".join(lines)
    offers = [value for name, value in fields if name == "sec-websocket-extensions"]
    for number in (0, 3) if offers else ():
        yield "deflate", bytes([number << 5 | WHOLE_WINDOW | 3]) + b"\n".join(offers)


def of_client(script):
    """Seeds of what a client is given: the answer, and where to go."""
    for step in script:
        if isinstance(step, Respond):
            answer = step.head.encode("latin-1").replace(b"{accept}", b"\xfe")
            yield "client_handshake", bytes([0, 7]) + b"\n" + answer + step.then
        elif isinstance(step, Dial):
            yield "url", b"\0ws://127.0.0.1:8080" + step.resource.encode("latin-1")


def seeds():
    for table in catalogue.load():
        for case in table.cases:
            for script in case.scripts:
                items, pieces = sent_by(script)
                if case.handshake and items:
                    yield from of_frames(case, items, pieces)
                elif SERVER in case.roles and items and isinstance(items[0], bytes):
                    yield from of_request(b"".join(encoded(item, SERVER) for item in items), pieces)
                yield from of_client(script)


def main():
    directory = pathlib.Path(sys.argv[1])
    counts = {}
    for name, data in seeds():
        if len(data) > LARGEST:
            continue
        path = directory / name / hashlib.sha1(data).hexdigest()
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        counts[name] = counts.get(name, 0) + 1
    for name, count in sorted(counts.items()):
        print(f"fuzz: {count} seeds of {name} from the conformance cases")


if __name__ == "__main__":
    main()
