"""The words in which cases are written: a table for each class, frames to send, and what has to come back.

A case is a sentence, the section it comes from and one or more scripts. A script is a list of steps, played on a
connection of its own: frames and bytes are sent, everything else is expected. Scripts of frames say nothing of who is
the server: the same one drives a server and, roles turned, a client. A loop over lengths, bytes or splits is one case
of many scripts.
"""

import dataclasses

from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload

ANY = object()  # for a reason: whatever it says
SERVER, CLIENT = "server", "client"


@dataclasses.dataclass
class Case:
    number: str
    sentence: str
    section: str  # "6455 5.2"
    scripts: list
    roles: tuple
    handshake: bool  # done before the script begins
    needs: str  # "": the server as it is; "deflate"; "http": the server with routes that take a body


class Table:
    """One class: calling it adds a case. `rfc` is that of sections written without one."""

    def __init__(self, number, title, rfc="6455", roles=(SERVER, CLIENT), handshake=True, needs=""):
        self.number, self.title, self.rfc = number, title, rfc
        self.roles, self.handshake, self.needs = roles, handshake, needs
        self.cases = []

    def __call__(self, sentence, section, *steps, **changes):
        return self.each(sentence, section, [None], lambda _: list(steps), **changes)

    def each(self, sentence, section, values, script, **changes):
        """One case for all `values`: `script(value)` gives the steps of each."""
        settings = {"roles": self.roles, "handshake": self.handshake, "needs": self.needs, **changes}
        scripts = [script(value) for value in values]
        section = section if section[:4].isdigit() and " " in section else f"{self.rfc} {section}"
        self.cases.append(Case(f"{self.number}.{len(self.cases) + 1}", sentence, section, scripts, **settings))


# ---- what is sent


@dataclasses.dataclass
class Send:
    """A frame. `masked` and `key`: None is what the sender's role asks for; `cut`: only its first bytes go out."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masked: bool | None = None
    key: bytes | None = None
    form: int | None = None
    declared: int | None = None
    cut: int | None = None


def as_bytes(payload):
    return payload.encode() if isinstance(payload, str) else bytes(payload)


def text(payload=b"", **settings):
    return Send(TEXT, as_bytes(payload), **settings)


def binary(payload=b"", **settings):
    return Send(BINARY, as_bytes(payload), **settings)


def cont(payload=b"", **settings):
    return Send(CONTINUATION, as_bytes(payload), **settings)


def ping(payload=b"", **settings):
    return Send(PING, as_bytes(payload), **settings)


def pong(payload=b"", **settings):
    return Send(PONG, as_bytes(payload), **settings)


def close(code=None, reason=b"", **settings):
    return Send(CLOSE, b"" if code is None else close_payload(code, as_bytes(reason)), **settings)


@dataclasses.dataclass
class Pieces:
    """Frames (or bytes) cut into pieces of `size` bytes, or where `cuts` says, each in a write of its own."""

    frames: list
    size: int = 1
    cuts: tuple = ()


# ---- what is expected


@dataclasses.dataclass
class Got:
    """A message; strictly in one frame, as an echo may well be cut anew (RFC 6455, section 5.4)."""

    opcode: int
    payload: bytes


def echo(payload, opcode=None):
    kind = TEXT if isinstance(payload, str) else BINARY
    return Got(kind if opcode is None else opcode, as_bytes(payload))


@dataclasses.dataclass
class Ponged:
    payload: bytes = b""


@dataclasses.dataclass
class Fails:
    """The connection is failed: strictly a Close with this code and a reason that has `says` in it, then TCP's end.

    Section 7.1.7 asks for the Close with SHOULD alone: another code that fits (`also`), another reason or none, or an
    end without Close is right but not strict."""

    code: int
    says: str = ""
    also: tuple = ()


@dataclasses.dataclass
class Closed:
    """The peer's answer to a Close: strictly the same code (None: no body), no reason needed; then TCP's end."""

    code: int | None
    reason: object = ANY


@dataclasses.dataclass
class Ended:
    """TCP ends, and nothing comes before that."""


@dataclasses.dataclass
class Answer:
    """An HTTP answer; strictly this status, and with it Connection: close and TCP's end unless `keep`."""

    status: int
    fields: dict = dataclasses.field(default_factory=dict)  # name -> value, None: not there, ANY: there
    also: tuple = ()
    keep: bool = False
    body: bytes | None = None
    says: str = ""  # in the content
    head_only: bool = False  # the answer to HEAD: Content-Length, but no content


@dataclasses.dataclass
class Asked:
    """The client's opening handshake: `check(request)` raises what is wrong with it."""

    check: object = None


@dataclasses.dataclass
class Respond:
    """The server's answer to it, with {accept} filled in."""

    head: str
    then: bytes = b""


@dataclasses.dataclass
class Refused:
    """The client fails the connection: it sends not a byte more, ends TCP, and its exit status is not 0."""


@dataclasses.dataclass
class Dial:
    """The resource that the client is told to connect to; the runner looks for it, it is no step of its own."""

    resource: str


# ---- opening handshakes as text; {port} is filled in

UPGRADE = {
    "Host": "127.0.0.1:{port}",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(line="GET /ws/echo HTTP/1.1", drop=(), more=(), tail=b"", **fields):
    """An upgrade request with other fields (`_` stands for `-`), without some, and with more lines behind them."""
    replaced = {name.replace("_", "-").lower(): value for name, value in fields.items()}
    kept = {name: replaced.pop(name.lower(), value) for name, value in UPGRADE.items() if name not in drop}
    lines = [f"{name}: {value}" for name, value in {**kept, **replaced}.items()] + list(more)
    return "".join(each + "\r\n" for each in [line, *lines, ""]).encode("latin-1") + tail


def plain(line="GET / HTTP/1.1", more=(), host="127.0.0.1:{port}", tail=b""):
    """A request that asks for no WebSocket."""
    lines = [line, *([f"Host: {host}"] if host is not None else []), *more, ""]
    return "".join(each + "\r\n" for each in lines).encode("latin-1") + tail


def response(status="101 Switching Protocols", drop=(), more=(), version="HTTP/1.1", **fields):
    all_fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "{accept}"}
    replaced = {name.replace("_", "-").lower(): value for name, value in fields.items()}
    kept = {name: replaced.pop(name.lower(), value) for name, value in all_fields.items() if name not in drop}
    lines = [f"{name}: {value}" for name, value in {**kept, **replaced}.items()] + list(more)
    return Respond("".join(each + "\r\n" for each in [f"{version} {status}", *lines, ""]))
