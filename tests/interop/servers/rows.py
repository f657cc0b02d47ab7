"""Rows of brume's client (build/bin/wscat) against servers that other people wrote."""

import dataclasses
import pathlib
import random

from frame import cases
from frame.peers import SYSTEM_PYTHON
from frame.results import Result
from frame.routes import HOST, ROUTES
from server_program import CheckFailed, expect
from servers.programs import Server, Wscat, has_option
from tls_certificates import Certificates

HERE = pathlib.Path(__file__).resolve().parent
GROUP = "brume's client, their servers"
CERTIFICATES = "brume's client, certificates it must not accept"
TEXT = "Grüße, 世界 🌫️👋🏽 and one more: 👩‍👩‍👧‍👦"
REASON = "bis später 👋"
OTHER_HOST = "other.test"
NO_CONNECTION = 3  # wscat's exit code


def letters(size):
    return ("abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]


def some_bytes(size):
    return bytes((index * 7 + (index >> 8)) & 255 for index in range(size))


def peers(build):
    """Name -> command."""
    modules = build / "node_modules"
    return {
        "websockets": (SYSTEM_PYTHON, str(HERE / "websockets_server.py")),
        "ws": ("node", str(HERE / "ws_server.js")),
        "Bun": (str(modules / "bun" / "bin" / "bun.exe"), str(HERE / "bun_server.js")),
        "gorilla": (str(build / "gorilla_server"),),
        "Beast": (str(build / "beast_server"),),
    }


class Session:
    """The cases (frame/cases.py), each with a wscat of its own against one server."""

    def __init__(self, url, server, backend, compression, options):
        self.url, self.server, self.backend, self.compression = url, server, backend, compression
        self.options = options

    def wscat(self, *options, path="/"):
        return Wscat(self.url + path, self.backend, *self.options, *options)

    def echoes(self, *payloads, options=(), path="/", words=()):
        with self.wscat(*options, path=path) as wscat:
            for payload in payloads:
                wscat.expect_echo(payload)
            wscat.end_input()
            wscat.finish(0, "closed 1000", *words)
        self.server.expect_closed(1000, "")

    def closes(self, code, reason):
        with self.wscat("--close-code", str(code), "--close-reason", reason) as wscat:
            wscat.expect_echo("before")
            wscat.end_input()
            wscat.finish(0, f"closed {code}", "(local)")
        self.server.expect_closed(code, reason)

    def closed_4001(self):
        with self.wscat(path="/close") as wscat:
            wscat.send(f"4001 {REASON}")
            wscat.finish(1, f"closed 4001 {REASON} (peer)")
        expect(self.server.line().startswith("closed 4001"), "the server saw another code")

    def compressed(self):
        expect(has_option("--compression"), "wscat has no option --compression")
        alike = [f"number {number} of messages that are alike, " * 500 for number in range(4)]
        others = ["", b"", "short", random.Random(7).randbytes(70000), letters(cases.LIMIT_BYTES)]
        self.echoes(*alike, *others, options=("--compression", self.compression), words=(", compressed",))

    def ping(self):
        self.echoes("after the ping", options=("--ping",), words=("pong wscat",))

    def actions(self):
        return {
            "text": lambda: self.echoes(TEXT),
            "binary": lambda: self.echoes(some_bytes(70000)),
            "empty": lambda: self.echoes("", b""),
            "fragmented": lambda: self.echoes(TEXT, some_bytes(3000), path="/fragments"),
            "1 MiB": lambda: self.echoes(letters(cases.LIMIT_BYTES), some_bytes(cases.LIMIT_BYTES)),
            "compressed": self.compressed,
            "ping": self.ping,
            "close 1000": lambda: self.closes(1000, "done, thank you"),
            "close 3000": lambda: self.closes(3000, REASON),
            "closed 4001": self.closed_4001,
        }


def run_cases(result, actions):
    for name, action in actions.items():
        if name in result.outcomes:
            continue  # what the server cannot do
        try:
            action()
            result.passed(name)
        except (CheckFailed, OSError, ValueError) as failure:
            result.failed(name, str(failure).replace("\n", " "))


def take_into(result):
    def take(line):
        word, _, rest = line.partition(" ")
        if word == "server":
            result.version = rest
        else:
            result.take(line)

    return take


@dataclasses.dataclass(frozen=True)
class ServerRow:
    name: str
    route: object
    command: tuple
    columns: tuple = tuple(name for name in cases.NAMES if name not in ("closed 1009", "closed 1001"))
    group: str = GROUP

    def variants(self, variants):
        return variants

    def run(self, variant, setting):
        result = Result(self, variant)
        secure = self.route.name == "wss"
        try:
            with Server(self.command, (setting.certificate, setting.key) if secure else None) as server:
                url = f"{self.route.name}://{HOST}:{server.listen(take_into(result))}"
                options = ("--ca", setting.certificates.ca) if secure else ()
                run_cases(result, Session(url, server, variant.backend, variant.compression, options).actions())
        except (CheckFailed, OSError) as failure:
            result.failed("runs", str(failure))
        result.require(self.columns)
        return result


@dataclasses.dataclass(frozen=True)
class CertificateRow:
    """The server has a good certificate for another host, of an authority of its own."""

    name: str
    route: object
    command: tuple
    columns: tuple = cases.CERTIFICATE_NAMES
    group: str = CERTIFICATES

    def variants(self, variants):
        return variants[:1]

    def run(self, variant, setting):
        result = Result(self, variant)

        def unknown_authority(url):
            options = ("--ca", setting.certificates.ca, "--server-name", OTHER_HOST)
            with Wscat(url, variant.backend, *options) as wscat:
                wscat.finish(NO_CONNECTION, "tls: ", "certificate_refused")

        def wrong_name(url, own):
            with Wscat(url, variant.backend, "--ca", own.ca) as wscat:
                wscat.finish(NO_CONNECTION, "tls: ", "host_mismatch")
            with Wscat(url, variant.backend, "--ca", own.ca, "--server-name", OTHER_HOST) as wscat:
                wscat.expect_echo("hello")
                wscat.end_input()
                wscat.finish(0, "closed 1000")

        try:
            with Certificates() as own, Server(self.command, own.issue(OTHER_HOST, f"DNS:{OTHER_HOST}")) as server:
                url = f"wss://{HOST}:{server.listen(lambda line: None)}/"
                actions = {"unknown CA": lambda: unknown_authority(url), "wrong name": lambda: wrong_name(url, own)}
                run_cases(result, actions)
        except (CheckFailed, OSError) as failure:
            result.failed("runs", str(failure))
        result.require(self.columns)
        return result


def rows(build):
    commands = peers(build)
    made = [ServerRow(name, ROUTES[route], command) for name, command in commands.items() for route in ("ws", "wss")]
    return [*made, *(CertificateRow(name, ROUTES["wss"], command) for name, command in commands.items())]
