"""The cases (../frame/cases.py) for a Python client, which brings how it connects.

The client is a class whose instances are connections, with these coroutines:
  connect(url, compressed, ssl_context or None)   a class method; `compressed`: permessage-deflate is offered
  send(payload)                 str or bytes
  send_fragments(parts)         one message, a fragment for each part
  receive()                     -> str or bytes
  ping(payload)                 returns once the pong with this payload is there
  close(code, reason)
  closed()                      -> (code, reason), once the connection is closed
and is_compressed(), `label` (its name and version), and `cannot`: cases it cannot do, each with the reason.
"""

import asyncio
import os
import platform
import random
import ssl
import sys

TIMEOUT_SECONDS = 30
LIMIT_BYTES = 1 << 20
TEXT = "Grüße, 世界 🌫️👋🏽 and one more: 👩‍👩‍👧‍👦"
REASON = "bis später 👋"


def letters(size):
    return ("abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]


def some_bytes(size):
    return bytes((index * 7 + (index >> 8)) & 255 for index in range(size))


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


class Cases:
    def __init__(self, client, url):
        self.client, self.url = client, url
        self.ssl = ssl.create_default_context(cafile=os.environ["INTEROP_CA"]) if url.startswith("wss:") else None

    async def connect(self, path="/ws/echo", compressed=False):
        return await self.client.connect(self.url + path, compressed, self.ssl)

    async def expect_echo(self, connection, payload):
        await connection.send(payload)
        await self.expect_message(connection, payload)

    async def expect_message(self, connection, payload):
        got = await connection.receive()
        expect(type(got) is type(payload), f"a {type(got).__name__} came back")
        expect(got == payload, f"the echo differs: {len(got)} for {len(payload)}")

    async def echoes(self, *payloads):
        connection = await self.connect()
        for payload in payloads:
            await self.expect_echo(connection, payload)
        await self.close(connection, 1000, "")

    async def close(self, connection, code, reason):
        await connection.close(code, reason)
        got, got_reason = await connection.closed()
        expect(got == code and got_reason in ("", reason), f"closed with {got} {got_reason!r}")

    async def text(self):
        await self.echoes(TEXT)

    async def binary(self):
        await self.echoes(some_bytes(70000))

    async def empty(self):
        await self.echoes("", b"")

    async def fragmented(self):
        connection = await self.connect()
        for parts in (["in ", "", "four", " parts 🌫️"], [b"\0\1", b"", some_bytes(3000), b"\xff"]):
            await connection.send_fragments(parts)
            await self.expect_message(connection, type(parts[0])().join(parts))
        await self.close(connection, 1000, "")

    async def largest(self):
        await self.echoes(letters(LIMIT_BYTES), some_bytes(LIMIT_BYTES))

    async def compressed(self):
        connection = await self.connect(compressed=True)
        expect(connection.is_compressed(), "permessage-deflate was not agreed on")
        for number in range(4):
            await self.expect_echo(connection, f"number {number} of messages that are alike, " * 500)
        for payload in ("", b"", "short", random.Random(7).randbytes(70000), letters(LIMIT_BYTES)):
            await self.expect_echo(connection, payload)
        await self.close(connection, 1000, "")

    async def ping(self):
        connection = await self.connect()
        await connection.ping(b"are you there?")
        await self.expect_echo(connection, "after the ping")
        await self.close(connection, 1000, "")

    async def close_1000(self):
        await self.close(await self.connect(), 1000, "done, thank you")

    async def close_3000(self):
        await self.close(await self.connect(), 3000, REASON)

    async def closed_4001(self):
        connection = await self.connect("/ws/close")
        await connection.send(f"4001 {REASON}")
        got = await connection.closed()
        expect(got == (4001, REASON), f"closed with {got}")

    async def closed_1009(self):
        for payload in (letters(LIMIT_BYTES + 1), some_bytes(LIMIT_BYTES + 1)):
            connection = await self.connect()
            await connection.send(payload)
            code, _ = await connection.closed()
            expect(code == 1009, f"closed with {code}")

    async def closed_1001(self):
        connection = await self.connect()
        await self.expect_echo(connection, "before")
        print("stop", flush=True)
        code, _ = await connection.closed()
        expect(code == 1001, f"closed with {code}")

    async def run(self):
        print(f"client {self.client.label}, Python {platform.python_version()}", flush=True)
        for name, action in {
            "text": self.text, "binary": self.binary, "empty": self.empty, "fragmented": self.fragmented,
            "1 MiB": self.largest, "compressed": self.compressed, "ping": self.ping, "close 1000": self.close_1000,
            "close 3000": self.close_3000, "closed 4001": self.closed_4001, "closed 1009": self.closed_1009,
            "closed 1001": self.closed_1001,
        }.items():
            if name in self.client.cannot:
                print(f"cannot {name}: {self.client.cannot[name]}", flush=True)
                continue
            try:
                await asyncio.wait_for(action(), TIMEOUT_SECONDS)
                print(f"pass {name}", flush=True)
            except Exception as error:  # whatever went wrong belongs to this case alone
                print(f"FAIL {name}: {type(error).__name__} {error}".replace("\n", " "), flush=True)


def main(client):
    asyncio.run(Cases(client, sys.argv[1]).run())
