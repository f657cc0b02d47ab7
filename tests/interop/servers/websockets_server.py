"""Python's websockets as a server (README.md says what such a program does). usage: websockets_server.py"""

import asyncio
import os
import platform
import ssl

import websockets

FRAGMENT_SIZE = 7


def say(*words):
    print(*words, flush=True)


async def serve(connection):
    try:
        async for message in connection:
            if connection.path == "/close":
                code, _, reason = message.partition(" ")
                await connection.close(int(code), reason)
            elif connection.path == "/fragments":
                await connection.send([message[:FRAGMENT_SIZE], message[:0], message[FRAGMENT_SIZE:]])
            else:
                await connection.send(message)
    except websockets.ConnectionClosed:
        pass  # told in any case
    await connection.wait_closed()
    say("closed", connection.close_code, connection.close_reason)


async def main():
    context = None
    if "INTEROP_CERTIFICATE" in os.environ:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(os.environ["INTEROP_CERTIFICATE"], os.environ["INTEROP_KEY"])
    async with websockets.serve(serve, "127.0.0.1", 0, ssl=context, max_size=None) as server:
        say(f"server websockets {websockets.__version__}, Python {platform.python_version()}")
        say("listening", server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
