"""What brume knows of a client behind a proxy, by Python's websockets (frame/cases.py, PROXY_CASES).

usage: checks_client.py ADDRESS_WITHOUT_PINGS ADDRESS
"""

import asyncio
import json
import os
import platform
import ssl
import sys

import websockets

OWN_ADDRESS = "127.0.0.2"  # every address of 127.0.0.0/8 is this machine's, and the proxy's own is another
SOMEBODY = "203.0.113.9"  # for documentation (RFC 5737)
IDLE_SECONDS = 7  # more than twice the proxy's time-out
CUT_SECONDS = 60
TIMEOUT_SECONDS = 100


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


class Checks:
    def __init__(self, url, url_without_pings):
        self.url, self.url_without_pings = url, url_without_pings
        self.secure = url.startswith("wss:")
        self.ssl = ssl.create_default_context(cafile=os.environ["INTEROP_CA"]) if self.secure else None

    def connect(self, url, path="/ws/echo", origin=None, headers=None, **options):
        return websockets.connect(url + path, ssl=self.ssl, origin=origin, extra_headers=headers or {},
                                  ping_interval=None, open_timeout=TIMEOUT_SECONDS, **options)

    async def seen(self, headers):
        url = self.url.replace("localhost", "127.0.0.1")  # of the family of OWN_ADDRESS
        async with self.connect(url, "/ws/whoami", headers=headers, local_addr=(OWN_ADDRESS, 0)) as connection:
            return json.loads(await connection.recv())

    async def address(self):
        for headers in ({}, {"X-Forwarded-For": SOMEBODY}):
            seen = await self.seen(headers)
            expect(seen["client"] == OWN_ADDRESS, f"sent {headers}: {seen}")

    async def scheme(self):
        wanted, other = ("https", "http") if self.secure else ("http", "https")
        for headers in ({}, {"X-Forwarded-Proto": other}):
            seen = await self.seen(headers)
            expect(seen["scheme"] == wanted, f"sent {headers}: {seen}")
        await self.refused(self.own_origin().replace(wanted + ":", other + ":"))

    def own_origin(self):
        return self.url.replace("ws", "http", 1)

    async def refused(self, origin):
        try:
            await self.connect(self.url, origin=origin)
        except websockets.InvalidStatusCode as refusal:
            expect(refusal.status_code == 403, f"{origin} got {refusal.status_code}")
            return
        expect(False, f"{origin} was let in")

    async def origin(self):
        async with self.connect(self.url, origin=self.own_origin()) as connection:
            await self.echo(connection)
        await self.refused("https://elsewhere.example")
        await self.refused(self.own_origin() + "0")

    async def echo(self, connection):
        await connection.send("are you there?")
        expect(await connection.recv() == "are you there?", "the echo differs")

    async def idle(self):
        await asyncio.gather(self.kept_open(), self.cut())

    async def kept_open(self):
        async with self.connect(self.url) as connection:
            await self.echo(connection)
            await asyncio.sleep(IDLE_SECONDS)
            await self.echo(connection)

    async def cut(self):
        """Otherwise the time-out would not be what the test thinks it is."""
        async with self.connect(self.url_without_pings) as connection:
            await self.echo(connection)
            try:
                await asyncio.wait_for(connection.wait_closed(), CUT_SECONDS)
            except asyncio.TimeoutError:
                expect(False, "without pings the proxy keeps it all the same: the check would check nothing")

    async def run(self):
        print(f"client websockets {websockets.__version__}, Python {platform.python_version()}", flush=True)
        checks = {"address": self.address, "Origin": self.origin, "scheme": self.scheme, "idle": self.idle}
        for name, check in checks.items():
            try:
                await asyncio.wait_for(check(), TIMEOUT_SECONDS)
                print(f"pass {name}", flush=True)
            except Exception as error:  # whatever went wrong belongs to this check alone
                print(f"FAIL {name}: {type(error).__name__} {error}".replace("\n", " "), flush=True)


without_pings, url = sys.argv[-2:]
asyncio.run(Checks(url, without_pings).run())
