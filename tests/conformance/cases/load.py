"""Echo of large and of many small messages, and of many connections (RFC 6455, section 6)."""

import random
import threading

from frames import BINARY
from table import SERVER, Got, Pieces, Ponged, Send, Table, binary, cont, echo, ping, text

table = t = Table(15, "Echo and load")
MIDDLE = {"fin": False}


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def pipelined(messages):
    """Writes all of them without waiting while another thread reads what comes back."""

    def run(peer):
        writer = threading.Thread(target=lambda: peer.write(b"".join(map(peer.encode, messages))))
        writer.start()
        try:
            for message in messages:
                peer.expect_message(Got(message.opcode, message.payload))
        finally:
            writer.join()

    return run


def one_by_one(messages):
    return [step for message in messages for step in (message, Got(message.opcode, message.payload))]


def connections(count, message):
    """That many at a time, each echoing."""

    def run(peer):
        others = [peer.target.open() for _ in range(count)]
        try:
            for other in others:
                other.write(other.encode(message))
            for other in others:
                other.expect_message(Got(message.opcode, message.payload))
        finally:
            for other in others:
                other.socket.close()

    return run


def half_then_rest(payload, opcode=BINARY):
    return [Pieces([Send(opcode, payload)], cuts=(len(payload) // 2,)), Got(opcode, payload)]


t("64 KiB of noise come back", "6.2", binary(noise(65536)), echo(noise(65536)))
t("128 KiB of noise come back", "6.2", binary(noise(131072)), echo(noise(131072)))
t("256 KiB of noise come back", "6.2", binary(noise(262144)), echo(noise(262144)))
t("512 KiB of noise come back", "6.2", binary(noise(524288)), echo(noise(524288)))
t("512 KiB of text come back", "6.2", text("abcdefgh" * 65536), echo("abcdefgh" * 65536))
t("256 KiB of three-byte characters come back", "6.2", text("\u20ac" * 87381), echo("\u20ac" * 87381))
t("A large message in two halves comes back", "6.2", *half_then_rest(noise(300000, 2)))
t("A large message in pieces of 4096 bytes comes back", "6.2", Pieces([binary(noise(262144, 3))], size=4096),
  echo(noise(262144, 3)))
t("A large text in pieces of 1000 bytes comes back", "6.2", Pieces([text("\u00e9" * 50000)], size=1000),
  echo("\u00e9" * 50000))
t("1000 small text messages, each after the one before came back", "6.2",
  *one_by_one([text(f"message {n}") for n in range(1000)]))
t("1000 small binary messages, each after the one before came back", "6.2",
  *one_by_one([binary(n.to_bytes(4, "big")) for n in range(1000)]))
t("1000 empty messages, each after the one before came back", "6.2", *one_by_one([text() for _ in range(1000)]))
t("5000 small messages without waiting come back in order", "6.2",
  pipelined([text(f"message {n}") for n in range(5000)]))
t("5000 empty messages without waiting come back", "6.2", pipelined([binary() for _ in range(5000)]))
t("2000 messages of 1 KiB without waiting come back in order", "6.2",
  pipelined([binary(noise(1024, n)) for n in range(2000)]))
t("200 messages of 16 KiB without waiting come back in order", "6.2",
  pipelined([binary(noise(16384, n)) for n in range(200)]))
t("20 messages of 256 KiB without waiting come back in order", "6.2",
  pipelined([binary(noise(262144, n)) for n in range(20)]))
t("Messages of growing length without waiting come back in order", "6.2",
  pipelined([binary(noise(n * 37, n)) for n in range(400)]))
t("Large and small messages by turns without waiting keep their order", "6.2",
  pipelined([binary(noise(70000 if n % 2 else 3, n)) for n in range(60)]))
t("Text and binary by turns without waiting keep type and order", "6.2",
  pipelined([text(f"{n}") if n % 2 else binary(noise(10, n)) for n in range(2000)]))
t("A ping among a thousand messages is answered in its place", "5.5.2",
  *one_by_one([text(f"{n}") for n in range(500)]), ping("half"), Ponged(b"half"),
  *one_by_one([text(f"{n}") for n in range(500)]))
t("A message in 512 fragments of 1 KiB comes back", "5.4",
  binary(noise(1024, 0), **MIDDLE), *[cont(noise(1024, n), **MIDDLE) for n in range(1, 511)], cont(noise(1024, 511)),
  Got(BINARY, b"".join(noise(1024, n) for n in range(512))))
t("Fifty connections at a time are served", "6.2", connections(50, text("one of fifty")), roles=(SERVER,))
t("Twenty connections at a time with 100 KiB each are served", "6.2", connections(20, binary(noise(100000))),
  roles=(SERVER,))
