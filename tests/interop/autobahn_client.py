"""Autobahn's Python client through the cases, plain and compressed: a line for each, "pass NAME" or "FAIL NAME: reason".

usage: autobahn_client.py PORT. A line "note TEXT" is for people. Prints "stop" when the server has to be told to stop.
"""

import asyncio
import json
import pathlib
import platform
import sys

import autobahn
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import (PerMessageDeflateOffer, PerMessageDeflateResponse,
                                         PerMessageDeflateResponseAccept)

TIMEOUT_SECONDS = 30
MANY = 500


def load(case):
    """The payload, and whether it is binary."""
    if "text" in case:
        return case["text"].encode(), False
    if case["type"] == "text":
        return "".join(chr(ord("a") + index % 26) for index in range(case["size"])).encode(), False
    return bytes((index * 7 + (index >> 8)) & 255 for index in range(case["size"])), True


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


class Connection(WebSocketClientProtocol):
    def __init__(self):
        super().__init__()
        loop = asyncio.get_running_loop()
        self.opened, self.closed, self.messages = loop.create_future(), loop.create_future(), asyncio.Queue()
        self.pongs = asyncio.Queue()

    def onOpen(self):
        self.opened.set_result(None)

    def onMessage(self, payload, isBinary):
        self.messages.put_nowait((payload, isBinary))

    def onPong(self, payload):
        self.pongs.put_nowait(payload)

    def onClose(self, wasClean, code, reason):
        if not self.opened.done():
            self.opened.set_exception(AssertionError(f"not opened: {code} {reason}"))
        self.closed.set_result((wasClean, code, reason))

    async def expect_echo(self, payload, binary):
        got = await self.messages.get()
        expect(got == (payload, binary), f"{len(got[0])} bytes came back, binary {got[1]}; {len(payload)} were sent")

    def is_compressed(self):
        return self.websocket_extensions_in_use != []


class Client:
    """One way of connecting; its cases' names end in it."""

    def __init__(self, port, offers, suffix):
        self.port, self.offers, self.suffix = port, offers, suffix

    async def connect(self):
        factory = WebSocketClientFactory(f"ws://127.0.0.1:{self.port}/ws/echo")
        factory.protocol = Connection
        factory.setProtocolOptions(
            maxMessagePayloadSize=0, openHandshakeTimeout=TIMEOUT_SECONDS, closeHandshakeTimeout=TIMEOUT_SECONDS,
            perMessageCompressionOffers=self.offers,
            perMessageCompressionAccept=lambda answer: PerMessageDeflateResponseAccept(answer)
            if isinstance(answer, PerMessageDeflateResponse) else None)
        _, connection = await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", self.port)
        await connection.opened
        return connection

    async def run(self, name, action):
        name += self.suffix
        try:
            await asyncio.wait_for(action, TIMEOUT_SECONDS)
            print(f"pass {name}", flush=True)
        except Exception as error:  # whatever went wrong belongs to this case alone
            print(f"FAIL {name}: {type(error).__name__} {error}".replace("\n", " "), flush=True)

    async def close(self, connection, code=1000, reason=None):
        connection.sendClose(code, reason)
        clean, got, _ = await connection.closed
        expect(clean and got == code, f"closed with {got}, clean {clean}")

    async def echo(self, case):
        connection = await self.connect()
        payload, binary = load(case)
        connection.sendMessage(payload, binary)
        await connection.expect_echo(payload, binary)
        await self.close(connection)

    async def fragmented(self):
        connection = await self.connect()
        text = "many fragments 🌫️ of one message ".encode() * 20
        connection.sendMessage(text, False, fragmentSize=7)
        await connection.expect_echo(text, False)
        await self.close(connection)

    async def many(self):
        connection = await self.connect()
        for number in range(MANY):
            connection.sendMessage(f"message {number} ".encode() * (1 + number % 40), number % 2 == 1)
        for number in range(MANY):
            await connection.expect_echo(f"message {number} ".encode() * (1 + number % 40), number % 2 == 1)
        await self.close(connection)

    async def ping(self):
        connection = await self.connect()
        connection.sendPing(b"are you there?")
        expect(await connection.pongs.get() == b"are you there?", "the pong differs")
        await self.close(connection)

    async def refused(self, case):
        connection = await self.connect()
        connection.sendMessage(*load(case))
        _, code, _ = await connection.closed
        expect(code == case["code"], f"closed with {code}")

    async def closing(self, case):
        await self.close(await self.connect(), case["code"], case["reason"])

    async def stopped(self):
        connection = await self.connect()
        connection.sendMessage(b"before", False)
        await connection.expect_echo(b"before", False)
        print("stop", flush=True)
        _, code, _ = await connection.closed
        expect(code == 1001, f"closed with {code}")

    async def all_cases(self, cases):
        for case in cases["echo"]:
            await self.run(case["name"], self.echo(case))
        await self.run("fragments of 7 bytes", self.fragmented())
        await self.run(f"{MANY} messages without waiting", self.many())
        await self.run("ping is answered", self.ping())
        for case in cases["refused"]:
            await self.run(case["name"], self.refused(case))
        for case in cases["close"]:
            await self.run(case["name"], self.closing(case))


async def main():
    print(f"client autobahn {autobahn.__version__}, Python {platform.python_version()}", flush=True)
    cases = json.loads(pathlib.Path(__file__).with_name("cases.json").read_text())
    port = int(sys.argv[1])
    plain = Client(port, [], "")
    await plain.all_cases(cases)
    compressed = Client(port, [PerMessageDeflateOffer()], ", compressed")
    connection = await compressed.connect()
    agreed = connection.is_compressed()
    await compressed.close(connection)
    if agreed:
        await compressed.all_cases(cases)
    else:
        print("note autobahn: not run compressed: the server declines permessage-deflate", flush=True)
    await plain.run("server stops with 1001", plain.stopped())


asyncio.run(main())
