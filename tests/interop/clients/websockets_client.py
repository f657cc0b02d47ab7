"""Python's websockets through the cases. usage: websockets_client.py ADDRESS"""

import websockets

import cases


class Client:
    label = f"websockets {websockets.__version__}"
    cannot = {}

    def __init__(self, connection):
        self.connection = connection

    @classmethod
    async def connect(cls, url, compressed, ssl_context):
        return cls(await websockets.connect(
            url, max_size=None, compression="deflate" if compressed else None, ssl=ssl_context))

    def is_compressed(self):
        return any(extension.name == "permessage-deflate" for extension in self.connection.extensions)

    async def send(self, payload):
        try:
            await self.connection.send(payload)
        except websockets.ConnectionClosed:
            pass  # closed() says how

    async def send_fragments(self, parts):
        await self.connection.send(parts)

    async def receive(self):
        return await self.connection.recv()

    async def ping(self, payload):
        await (await self.connection.ping(payload))

    async def close(self, code, reason):
        await self.connection.close(code, reason)

    async def closed(self):
        await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


cases.main(Client)
