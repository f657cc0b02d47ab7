"""The clients that other people wrote.

A peer is called with the address of the echo program as its last argument, "ws://HOST:PORT" or "wss://HOST:PORT". It
opens ADDRESS/ws/echo, and ADDRESS/ws/close to be closed. Its environment has INTEROP_CA, the file of the authority to
trust. It prints a line a case (frame/results.py), "client NAME VERSION", and "stop" when the server has to be told to
end. What it prints on stderr is kept in build/interop/log.
"""

import dataclasses
import pathlib

CLIENTS = pathlib.Path(__file__).resolve().parent.parent / "clients"
BROWSERS = CLIENTS.parent / "browsers"
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-* packages belong to


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    source: str  # where it comes from, for people
    command: tuple
    routes: tuple = ("ws", "wss")


def peers(build):
    """`build`: the folder of compiled peers and of node_modules."""
    modules = build / "node_modules"

    def python(file):
        return (SYSTEM_PYTHON, str(CLIENTS / file))

    def browser(name):  # puppeteer-core wants a younger Node than Debian's
        return (str(modules / "node" / "bin" / "node"), str(BROWSERS / "browser_client.js"), name)

    return (
        Peer("websockets", "Python: Debian's python3-websockets", python("websockets_client.py")),
        Peer("autobahn", "Python: Debian's python3-autobahn", python("autobahn_client.py")),
        Peer("aiohttp", "Python: Debian's python3-aiohttp", python("aiohttp_client.py")),
        Peer("ws", "Node: npm's ws", ("node", str(CLIENTS / "ws_client.js"))),
        Peer("Node 22", "the WebSocket built into Node: npm's node",
             (str(modules / "node" / "bin" / "node"), str(CLIENTS / "builtin_client.js"))),
        Peer("Bun", "the WebSocket built into Bun: npm's bun",
             (str(modules / "bun" / "bin" / "bun.exe"), str(CLIENTS / "builtin_client.js"))),
        Peer("gorilla", "Go: Debian's golang-github-gorilla-websocket-dev", (str(build / "gorilla_client"),)),
        Peer("Beast", "C++: Debian's libboost-dev", (str(build / "beast_client"),)),
        Peer("libwebsockets", "C: Debian's libwebsockets-dev", (str(build / "lws_client"),)),
        Peer("websocketpp", "C++14: Debian's libwebsocketpp-dev", (str(build / "websocketpp_client"),)),
        Peer("Chromium", "Debian's chromium, by npm's puppeteer-core", browser("chromium")),
        Peer("Firefox", "Debian's firefox-esr, by npm's puppeteer-core", browser("firefox")),
    )
