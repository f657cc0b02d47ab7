"""The ways to the echo program through a proxy: nginx or HAProxy, and how the proxy says for whom it speaks."""

import contextlib
import dataclasses
import typing

from frame.routes import HOST, Endpoint
from proxies import programs
from server_program import EchoServer

TRUSTED = ("--trusted-proxy", "127.0.0.1")
PROXY_PROTOCOL = ("--proxy-protocol", "127.0.0.1")
TIMEOUT = "60s"  # of the proxy, for a connection on which nothing happens: what Debian's nginx has


def haproxy_v2(setting, backend, timeout):
    return programs.haproxy(setting, backend, timeout, proxy_v2=True)


@contextlib.contextmanager
def haproxy_tls_passed_through(setting, backend, timeout):
    with programs.haproxy_tcp(setting, backend, timeout) as port:
        yield None, port


@dataclasses.dataclass(frozen=True)
class Proxied:
    name: str
    scheme: str  # ws or wss
    start: typing.Callable  # (setting, backend, timeout): a context with the ports in clear and by TLS
    options: tuple  # of the echo program: whom it believes
    tls_passed_through: bool = False

    @contextlib.contextmanager
    def open(self, variant, setting, timeout=TIMEOUT, options=()):
        tls = ("--tls-cert", setting.certificate, "--tls-key", setting.key) if self.tls_passed_through else ()
        with EchoServer("--host", "127.0.0.1", *variant.options(), *self.options, *tls, *options) as server:
            with self.start(setting, f"127.0.0.1:{server.port}", timeout) as (plain, by_tls):
                yield Endpoint(f"{self.scheme}://{HOST}:{by_tls if self.scheme == 'wss' else plain}", server)


PROXIED = (
    Proxied("nginx ws", "ws", programs.nginx, TRUSTED),
    Proxied("nginx wss", "wss", programs.nginx, TRUSTED),
    Proxied("HAProxy ws", "ws", programs.haproxy, TRUSTED),
    Proxied("HAProxy wss", "wss", programs.haproxy, TRUSTED),
    Proxied("HAProxy v2 ws", "ws", haproxy_v2, PROXY_PROTOCOL),
    Proxied("HAProxy v2 wss", "wss", haproxy_v2, PROXY_PROTOCOL),
    Proxied("HAProxy v2 TLS", "wss", haproxy_tls_passed_through, PROXY_PROTOCOL, True),
)
