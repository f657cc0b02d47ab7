"""Messages and frames as a whole: types, bytes kept as they are, frames split and joined by TCP (5.2, 5.6, 6)."""

from frames import BINARY, TEXT
from table import Closed, Got, Pieces, Ponged, Table, binary, close, cont, echo, ping, pong, text

table = t = Table(2, "Frames and messages")
EVERY_BYTE = bytes(range(256))

t("A text message comes back as text", "5.6", text("Hello"), echo("Hello"))
t("A binary message comes back as binary", "5.6", binary(b"Hello"), echo(b"Hello"))
t("A binary message with every byte comes back unchanged", "5.6", binary(EVERY_BYTE), echo(EVERY_BYTE))
t("A binary message is not judged as text: bytes that are no UTF-8 come back", "5.6",
  binary(b"\xff\xfe\xc0\x80\xed\xa0\x80"), echo(b"\xff\xfe\xc0\x80\xed\xa0\x80"))
t("A text message with a NUL comes back with it", "5.6", text("a\0b"), echo("a\0b"))
t("A text message of NULs alone comes back", "5.6", text(b"\0" * 32), Got(TEXT, b"\0" * 32))
t("A text message with line ends and tabs comes back unchanged", "5.6", text("a\r\n\tb\n\r"), echo("a\r\n\tb\n\r"))
t("A text message that looks like an HTTP request is just a message", "6.2",
  text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), echo("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
t("A binary message that looks like a Close frame is just a message", "6.2",
  binary(b"\x88\x02\x03\xe8"), echo(b"\x88\x02\x03\xe8"))
t("Text after binary after text: each message has its own type", "6.2",
  text("a"), binary(b"b"), text("c"), echo("a"), echo(b"b"), echo("c"))
t("Two messages in one write are two messages", "6.2", text("one"), text("two"), echo("one"), echo("two"))
t("A hundred messages in one write come back in order", "6.2",
  *[text(f"message {n}") for n in range(100)], *[echo(f"message {n}") for n in range(100)])
t("An empty message between two others is a message", "6.2", text("a"), text(""), text("b"), echo("a"), echo(""),
  echo("b"))
t("Twenty empty messages are twenty messages", "6.2", *[binary() for _ in range(20)], *[echo(b"") for _ in range(20)])
t("A message byte by byte comes back", "5.2", Pieces([text("byte by byte")]), echo("byte by byte"))
t("Three messages byte by byte come back", "5.2", Pieces([text("one"), binary(b"\0\1"), text("")]),
  echo("one"), echo(b"\0\1"), echo(""))
t("A message in pieces that do not fit the mask's four bytes comes back", "5.3",
  Pieces([binary(EVERY_BYTE * 4)], size=3), echo(EVERY_BYTE * 4))
t.each("A message in pieces of each odd size comes back", "5.2", (5, 7, 13, 63, 127),
       lambda n: [Pieces([binary(EVERY_BYTE * 3)], size=n), echo(EVERY_BYTE * 3)])
t("A write that ends in the middle of the next frame's header loses nothing", "5.2",
  Pieces([text("first"), text("second" * 40)], cuts=(12,)), echo("first"), echo("second" * 40))
t.each("Two frames cut at each byte of the second are two messages", "5.2", range(1, 12),
       lambda n: [text("first"), echo("first"), Pieces([text("second")], cuts=(n,)), echo("second")])
t("A message of 20000 bytes in pieces of 1000 comes back whole", "5.2",
  Pieces([binary(EVERY_BYTE * 80)], size=1000), Got(BINARY, EVERY_BYTE * 80))
t("Data before and after a ping in one write keep their order", "6.2",
  text("before"), ping("p"), echo("before"), Ponged(b"p"), text("after"), echo("after"))
t("A Close behind a message in one write is answered after the message was", "6.2",
  text("last"), echo("last"), close(1000), Closed(1000))
t("A message after a fragmented one is a new message", "6.2",
  text("a", fin=False), cont("b"), text("c"), echo("ab"), echo("c"))
t("A binary message after fragmented text is binary", "6.2",
  text("a", fin=False), cont("b"), binary(b"\xff"), echo("ab"), echo(b"\xff"))
t("A pong that nobody asked for does not disturb the messages around it", "5.5.3",
  text("a"), pong("x"), text("b"), echo("a"), echo("b"))
