"""Python's websockets through the cases: one line for each, "pass NAME" or "FAIL NAME: reason".

usage: python_client.py PORT. Prints "stop" when the server has to be told to stop, for the last case.
"""

import asyncio
import json
import pathlib
import platform
import sys

import websockets

TIMEOUT_SECONDS = 30


def load(case):
    if "text" in case:
        return case["text"]
    if case["type"] == "text":
        return "".join(chr(ord("a") + index % 26) for index in range(case["size"]))
    return bytes((index * 7 + (index >> 8)) & 255 for index in range(case["size"]))


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


class Client:
    def __init__(self, port):
        self.url = f"ws://127.0.0.1:{port}/ws/echo"

    def connect(self):
        return websockets.connect(self.url, max_size=None)

    async def run(self, name, action):
        try:
            await asyncio.wait_for(action, TIMEOUT_SECONDS)
            print(f"pass {name}", flush=True)
        except Exception as error:  # whatever went wrong belongs to this case alone
            print(f"FAIL {name}: {type(error).__name__} {error}".replace("\n", " "), flush=True)

    async def echo(self, case):
        async with self.connect() as connection:
            payload = load(case)
            await connection.send(payload)
            expect(await connection.recv() == payload, "the echo differs")

    async def fragmented(self):
        async with self.connect() as connection:
            parts = ["in ", "", "four", " parts 🌫️"]
            await connection.send(parts)
            expect(await connection.recv() == "".join(parts), "the echo differs")

    async def ping(self):
        async with self.connect() as connection:
            await (await connection.ping(b"are you there?"))
            await connection.send("after the ping")
            expect(await connection.recv() == "after the ping", "the echo differs")

    async def refused(self, case):
        async with self.connect() as connection:
            try:
                await connection.send(load(case))
                await connection.recv()
            except websockets.ConnectionClosed:
                pass
            await connection.wait_closed()
            expect(connection.close_code == case["code"], f"closed with {connection.close_code}")

    async def close(self, case):
        async with self.connect() as connection:
            await connection.close(case["code"], case["reason"])
            got = (connection.close_code, connection.close_reason)
            expect(got == (case["code"], case["reason"]) or got == (case["code"], ""), f"closed with {got}")

    async def stopped(self):
        async with self.connect() as connection:
            await connection.send("before")
            await connection.recv()
            print("stop", flush=True)
            await connection.wait_closed()
            expect(connection.close_code == 1001, f"closed with {connection.close_code}")


async def main():
    print(f"client websockets {websockets.__version__}, Python {platform.python_version()}", flush=True)
    cases = json.loads(pathlib.Path(__file__).with_name("cases.json").read_text())
    client = Client(int(sys.argv[1]))
    for case in cases["echo"]:
        await client.run(case["name"], client.echo(case))
    await client.run("four fragments", client.fragmented())
    await client.run("ping is answered", client.ping())
    for case in cases["refused"]:
        await client.run(case["name"], client.refused(case))
    for case in cases["close"]:
        await client.run(case["name"], client.close(case))
    await client.run("server stops with 1001", client.stopped())


asyncio.run(main())
