"""The ways from a peer to the echo program: directly in clear ("ws"), directly by TLS ("wss")."""

import contextlib
import dataclasses

from frame.cases import LIMIT_BYTES
from server_program import EchoServer

HOST = "localhost"  # what the certificate is for


@dataclasses.dataclass(frozen=True)
class Variant:
    """How the echo program is started: each row is run under every variant."""

    backend: str  # io_uring or epoll
    compression: str  # on (no context takeover) or takeover

    def __str__(self):
        return f"{self.backend}, {self.compression}"

    def options(self):
        return ["--io", self.backend, "--compression", self.compression, "--max-message", str(LIMIT_BYTES)]


VARIANTS = tuple(
    Variant(backend, compression) for backend in ("io_uring", "epoll") for compression in ("on", "takeover"))


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a run of everything shares."""

    build: object  # pathlib.Path of what was compiled and installed; configurations and logs go there, too
    certificates: object  # tls_certificates.Certificates
    certificate: str  # of HOST and 127.0.0.1
    key: str


@dataclasses.dataclass(frozen=True)
class Endpoint:
    url: str
    server: object  # the echo program


class Direct:
    def __init__(self, name):
        self.name = name

    @contextlib.contextmanager
    def open(self, variant, setting):
        tls = ["--tls-cert", setting.certificate, "--tls-key", setting.key] if self.name == "wss" else []
        with EchoServer(*variant.options(), *tls) as server:
            yield Endpoint(f"{self.name}://{HOST}:{server.port}", server)


ROUTES = {route.name: route for route in (Direct("ws"), Direct("wss"))}
