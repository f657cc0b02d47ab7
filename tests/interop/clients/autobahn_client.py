"""Autobahn's Python client through the cases. usage: autobahn_client.py ADDRESS"""

import asyncio
import urllib.parse

import autobahn
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import (PerMessageDeflateOffer, PerMessageDeflateResponse,
                                         PerMessageDeflateResponseAccept)

import cases


def accept(answer):
    return PerMessageDeflateResponseAccept(answer) if isinstance(answer, PerMessageDeflateResponse) else None


class Client(WebSocketClientProtocol):
    label = f"autobahn {autobahn.__version__}"
    cannot = {}

    def __init__(self):
        super().__init__()
        loop = asyncio.get_running_loop()
        self.opened, self.ended = loop.create_future(), loop.create_future()
        self.messages, self.pongs = asyncio.Queue(), asyncio.Queue()

    @classmethod
    async def connect(cls, url, compressed, ssl_context):
        factory = WebSocketClientFactory(url)
        factory.protocol = cls
        factory.setProtocolOptions(
            maxMessagePayloadSize=0, openHandshakeTimeout=cases.TIMEOUT_SECONDS,
            closeHandshakeTimeout=cases.TIMEOUT_SECONDS, perMessageCompressionOffers=[PerMessageDeflateOffer()] if compressed else [],
            perMessageCompressionAccept=accept)
        address = urllib.parse.urlsplit(url)
        _, connection = await asyncio.get_running_loop().create_connection(
            factory, address.hostname, address.port, ssl=ssl_context)
        await connection.opened
        return connection

    def onOpen(self):
        self.opened.set_result(None)

    def onMessage(self, payload, isBinary):
        self.messages.put_nowait(payload if isBinary else payload.decode())

    def onPong(self, payload):
        self.pongs.put_nowait(payload)

    def onClose(self, wasClean, code, reason):
        if not self.opened.done():
            self.opened.set_exception(AssertionError(f"not opened: {code} {reason}"))
        self.ended.set_result((code if wasClean else 1006, reason or ""))

    def is_compressed(self):
        return self.websocket_extensions_in_use != []

    async def send(self, payload):
        if isinstance(payload, str):
            self.sendMessage(payload.encode(), False)
        else:
            self.sendMessage(payload, True)

    async def send_fragments(self, parts):
        self.beginMessage(isBinary=isinstance(parts[0], bytes))
        for part in parts:
            self.sendMessageFrame(part if isinstance(part, bytes) else part.encode())
        self.endMessage()

    async def receive(self):
        return await self.messages.get()

    async def ping(self, payload):
        self.sendPing(payload)
        cases.expect(await self.pongs.get() == payload, "the pong differs")

    async def close(self, code, reason):
        self.sendClose(code, reason)

    async def closed(self):
        return await self.ended


cases.main(Client)
