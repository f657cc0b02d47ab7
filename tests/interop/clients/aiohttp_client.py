"""aiohttp's client through the cases. usage: aiohttp_client.py ADDRESS"""

import aiohttp

import cases


class Client:
    label = f"aiohttp {aiohttp.__version__}"
    cannot = {
        "fragmented": "aiohttp sends whole messages: send_str(), send_bytes() and send_json() are all that sends; "
        "aiohttp's Client Reference, ClientWebSocketResponse.",
    }

    def __init__(self, session, connection):
        self.session, self.connection = session, connection
        self.end = None

    @classmethod
    async def connect(cls, url, compressed, ssl_context):
        session = aiohttp.ClientSession()
        return cls(session, await session.ws_connect(
            url, ssl=ssl_context, compress=15 if compressed else 0, max_msg_size=0, autoping=False))

    def is_compressed(self):
        return self.connection.compress != 0

    async def send(self, payload):
        try:
            await (self.connection.send_str if isinstance(payload, str) else self.connection.send_bytes)(payload)
        except ConnectionResetError:
            pass  # closed() says how

    async def next(self, wanted):
        """The next message of a wanted type; pings are answered, pongs left out."""
        while True:
            message = await self.connection.receive()
            if message.type == aiohttp.WSMsgType.CLOSE:
                self.end = message.data, message.extra
            if message.type in wanted:
                return message
            if message.type == aiohttp.WSMsgType.PING:
                await self.connection.pong(message.data)
            else:
                cases.expect(message.type == aiohttp.WSMsgType.PONG, f"{message.type!r}, {message.data}")

    async def receive(self):
        return (await self.next((aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY))).data

    async def ping(self, payload):
        await self.connection.ping(payload)
        got = (await self.next((aiohttp.WSMsgType.PONG,))).data
        cases.expect(got == payload, f"pong with {got}")

    async def close(self, code, reason):
        await self.connection.close(code=code, message=reason.encode())
        self.end = self.connection.close_code, ""  # it keeps the code alone

    async def closed(self):
        if not self.end:
            await self.next((aiohttp.WSMsgType.CLOSE,))
        await self.session.close()
        return self.end


cases.main(Client)
