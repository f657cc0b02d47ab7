"""Rows through proxies: peers with their cases, and what brume knows of who is behind the proxy."""

import dataclasses
import pathlib

from frame import cases
from frame.peers import SYSTEM_PYTHON, Peer
from frame.results import Result
from frame.rows import ClientRow, check_backend, follow
from proxies import programs
from proxies.routes import PROXIED
from server_program import CheckFailed

CLIENT = pathlib.Path(__file__).resolve().parent / "checks_client.py"
GROUP = "Their clients, brume's server behind a proxy"
CHECKS = "What brume knows behind a proxy"
PEERS = ("websockets", "ws")
SOURCES = (Peer("nginx", "Debian's nginx", (), ()), Peer("HAProxy", "Debian's haproxy", (), ()))

# The proxy of the test gives up a connection that is idle for so long, and brume pings ten times as often.
TIMEOUT = "3s"
PINGS = ("--ping-interval", "300")
NO_PINGS = ("--ping-interval", "0")


@dataclasses.dataclass(frozen=True)
class ProxiedRow(ClientRow):
    group: str = GROUP

    def variants(self, variants):
        return variants[0], variants[-1]


@dataclasses.dataclass(frozen=True)
class ChecksRow:
    """checks_client.py against two echo programs, each behind a proxy of its own: one that pings, one that does not."""

    route: object
    name: str = "websockets"
    columns: tuple = cases.PROXY_NAMES
    group: str = CHECKS

    def variants(self, variants):
        return variants[0], variants[-1]

    def run(self, variant, setting):
        result = Result(self, variant)
        try:
            with (
                self.route.open(variant, setting, TIMEOUT, PINGS) as endpoint,
                self.route.open(variant, setting, TIMEOUT, NO_PINGS) as without_pings,
            ):
                check_backend(result, endpoint.server, variant.backend)
                command = (SYSTEM_PYTHON, str(CLIENT), without_pings.url)
                follow(command, endpoint.url, setting, result, endpoint.server.terminate, "checks")
        except (CheckFailed, OSError) as failure:
            result.failed("runs", str(failure))
        result.require(self.columns)
        return result


def rows(peers):
    commands = {peer.name: peer.command for peer in peers}
    proxied = [ProxiedRow(name, route, commands[name]) for name in PEERS for route in PROXIED]
    return [*proxied, *map(ChecksRow, PROXIED)]


def versions():
    """Of the proxies that are installed; one that is not makes its rows red."""
    for name, command in (("nginx", "nginx"), ("HAProxy", "haproxy")):
        try:
            yield name, programs.version(command)
        except CheckFailed:
            continue
