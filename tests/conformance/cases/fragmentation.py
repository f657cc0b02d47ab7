"""Messages in fragments (RFC 6455, section 5.4)."""

from frames import TEXT
from table import Fails, Got, Pieces, Table, binary, close, Closed, cont, echo, text

table = t = Table(7, "Fragmentation")
MIDDLE = {"fin": False}

t("Text in two fragments comes back as one message", "5.4", text("Hel", **MIDDLE), cont("lo"), echo("Hello"))
t("Binary in two fragments comes back as one message", "5.4", binary(b"\0\1", **MIDDLE), cont(b"\2"), echo(b"\0\1\2"))
t("Text in three fragments comes back in order", "5.4", text("a", **MIDDLE), cont("b", **MIDDLE), cont("c"),
  echo("abc"))
t("Text in a hundred fragments of one byte comes back", "5.4",
  text("0", **MIDDLE), *[cont(str(n % 10), **MIDDLE) for n in range(1, 99)], cont("9"),
  echo("".join(str(n % 10) for n in range(100))))
t("An empty first fragment is legal", "5.4", text("", **MIDDLE), cont("all"), echo("all"))
t("An empty middle fragment is legal", "5.4", text("a", **MIDDLE), cont("", **MIDDLE), cont("b"), echo("ab"))
t("An empty last fragment is legal", "5.4", text("all", **MIDDLE), cont(""), echo("all"))
t("Three empty fragments are one empty message", "5.4", text("", **MIDDLE), cont("", **MIDDLE), cont(""), echo(""))
t("Two empty fragments are one empty binary message", "5.4", binary(b"", **MIDDLE), cont(b""), echo(b""))
t("The type is that of the first fragment: binary", "5.4", binary(b"\xff", **MIDDLE), cont(b"\xfe"), echo(b"\xff\xfe"))
t("Two fragmented messages in a row are two messages", "5.4",
  text("a", **MIDDLE), cont("b"), binary(b"c", **MIDDLE), cont(b"d"), echo("ab"), echo(b"cd"))
t("Fragments of 60000 and 60000 bytes come back as 120000", "5.4",
  binary(b"x" * 60000, **MIDDLE), cont(b"y" * 60000), echo(b"x" * 60000 + b"y" * 60000))
t("Fragments of each length form come back joined", "5.4",
  binary(b"a" * 125, **MIDDLE), cont(b"b" * 126, **MIDDLE), cont(b"c" * 65536),
  echo(b"a" * 125 + b"b" * 126 + b"c" * 65536))
t("Fragments byte by byte come back joined", "5.4", Pieces([text("Hel", **MIDDLE), cont("lo")]), echo("Hello"))
t.each("A message in two fragments comes back wherever TCP cuts it", "5.4", range(1, 17),
       lambda n: [Pieces([text("Hel", **MIDDLE), cont("lo")], cuts=(n,)), echo("Hello")])
t("A continuation frame first of all fails the connection", "5.4", cont("x"), Fails(1002, "continuation"))
t("A continuation frame without FIN first of all fails the connection", "5.4", cont("x", **MIDDLE),
  Fails(1002, "continuation"))
t("An empty continuation frame first of all fails the connection", "5.4", cont(), Fails(1002, "continuation"))
t("A continuation frame after a whole message fails the connection", "5.4",
  text("whole"), echo("whole"), cont("x"), Fails(1002, "continuation"))
t("A continuation frame after a finished fragmented message fails the connection", "5.4",
  text("a", **MIDDLE), cont("b"), echo("ab"), cont("c"), Fails(1002, "continuation"))
t("A continuation frame without a start is refused at its first byte", "5.4", cont("x", cut=1),
  Fails(1002, "continuation"))
t("A text frame inside a fragmented text message fails the connection", "5.4",
  text("a", **MIDDLE), text("b"), Fails(1002, "message"))
t("A binary frame inside a fragmented binary message fails the connection", "5.4",
  binary(b"a", **MIDDLE), binary(b"b"), Fails(1002, "message"))
t("A binary frame inside a fragmented text message fails the connection", "5.4",
  text("a", **MIDDLE), binary(b"b"), Fails(1002, "message"))
t("A text frame inside a fragmented binary message fails the connection", "5.4",
  binary(b"a", **MIDDLE), text("b"), Fails(1002, "message"))
t("A second message's first fragment inside a message fails the connection", "5.4",
  text("a", **MIDDLE), text("b", **MIDDLE), Fails(1002, "message"))
t("A new message inside a message is refused at its first byte", "5.4",
  text("a", **MIDDLE), text("b", cut=1), Fails(1002, "message"))
t("A new message inside one fails it although the first fragment was empty", "5.4",
  text("", **MIDDLE), text("b"), Fails(1002, "message"))
t("A message that is never finished is not delivered, and Close is answered", "5.4",
  text("a", **MIDDLE), cont("b", **MIDDLE), close(1000), Closed(1000))
t("A new message inside one fails it after any number of fragments", "5.4",
  text("a", **MIDDLE), *[cont("b", **MIDDLE) for _ in range(20)], binary(b"c"), Fails(1002, "message"))
t("200 KiB in 50 fragments come back as one message", "5.4",
  text(b"z" * 4096, **MIDDLE), *[cont(b"z" * 4096, **MIDDLE) for _ in range(48)], cont(b"z" * 4096),
  Got(TEXT, b"z" * 204800))
