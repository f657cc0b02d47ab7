"""Control frames between the fragments of a message (RFC 6455, sections 5.4 and 5.5)."""

from frames import CLOSE
from table import Closed, Fails, Pieces, Ponged, Send, Table, binary, close, cont, echo, ping, pong, text

table = t = Table(8, "Control frames between fragments")
MIDDLE = {"fin": False}

t("A ping between two fragments is answered before the message is complete", "5.4",
  text("a", **MIDDLE), ping("p"), Ponged(b"p"), cont("b"), echo("ab"))
t("A ping in the same write as the fragments around it is answered first", "5.4",
  text("a", **MIDDLE), ping("p"), cont("b"), Ponged(b"p"), echo("ab"))
t("An empty ping between fragments is answered", "5.4", binary(b"a", **MIDDLE), ping(), Ponged(), cont(b"b"),
  echo(b"ab"))
t("A ping of 125 bytes between fragments leaves the message untouched", "5.4",
  text("a", **MIDDLE), ping(b"p" * 125), Ponged(b"p" * 125), cont("b"), echo("ab"))
t("A ping between each two of ten fragments is answered each time", "5.4",
  text("0", **MIDDLE), *[step for n in range(1, 10) for step in (ping(f"p{n}"), Ponged(f"p{n}".encode()),
  cont(str(n), **MIDDLE))],
  cont(""), echo("0123456789"))
t("Two pings between two fragments are both answered", "5.4",
  text("a", **MIDDLE), ping("1"), ping("2"), Ponged(b"1"), Ponged(b"2"), cont("b"), echo("ab"))
t("A pong between fragments is ignored", "5.4", text("a", **MIDDLE), pong("x"), cont("b"), echo("ab"))
t("Ping and pong between fragments: one is answered, one ignored", "5.4",
  text("a", **MIDDLE), pong("x"), ping("p"), Ponged(b"p"), cont("b"), echo("ab"))
t("A ping before the first fragment and one after the last are answered", "5.4",
  ping("1"), Ponged(b"1"), text("a", **MIDDLE), cont("b"), echo("ab"), ping("2"), Ponged(b"2"))
t("A ping after an empty first fragment is answered", "5.4", text("", **MIDDLE), ping("p"), Ponged(b"p"), cont("b"),
  echo("b"))
t("A Close between fragments ends the connection; the message is lost", "5.5.1", text("a", **MIDDLE), close(1000),
  Closed(1000))
t("A Close without a code between fragments is answered without one", "5.5.1", text("a", **MIDDLE), close(),
  Closed(None))
t("A Close with another code between fragments is echoed", "5.5.1", binary(b"a", **MIDDLE), close(3005, "why"),
  Closed(3005))
t("Fragments after a Close between fragments complete nothing", "5.5.1",
  text("a", **MIDDLE), close(1000), cont("b"), Closed(1000))
t("A ping without FIN between fragments fails the connection", "5.5", text("a", **MIDDLE), ping("p", **MIDDLE),
  Fails(1002, "fragmented"))
t("A ping too long between fragments fails the connection", "5.5", text("a", **MIDDLE), ping(b"p" * 126),
  Fails(1002, "control"))
t("A Close of one byte between fragments fails the connection", "5.5.1",
  text("a", **MIDDLE), Send(CLOSE, b"x"), Fails(1002, "one byte"))
t("A ping inside a split code point leaves the text valid", "5.4",
  text(b"\xe2\x82", **MIDDLE), ping("p"), Ponged(b"p"), cont(b"\xac"), echo("\u20ac"))
t("A ping whose payload is no UTF-8 inside a text message harms nothing", "5.4",
  text("a", **MIDDLE), ping(b"\xff"), Ponged(b"\xff"), cont("b"), echo("ab"))
t("A ping byte by byte between fragments is answered", "5.4",
  text("a", **MIDDLE), Pieces([ping("slow")]), Ponged(b"slow"), cont("b"), echo("ab"))
t.each("Fragments and a ping come through wherever TCP cuts them", "5.4", range(1, 21),
       lambda n: [Pieces([text("a", **MIDDLE), ping("p"), cont("b")], cuts=(n,)), Ponged(b"p"), echo("ab")])
t("Everything byte by byte: fragment, ping, fragment, pong, fragment", "5.4",
  Pieces([text("a", **MIDDLE), ping("p"), cont("b", **MIDDLE), pong("q"), cont("c")]), Ponged(b"p"), echo("abc"))
t("Control frames between large fragments leave each byte in its place", "5.4",
  binary(b"a" * 40000, **MIDDLE), ping("1"), Ponged(b"1"), cont(b"b" * 40000, **MIDDLE), ping("2"), Ponged(b"2"),
  cont(b"c"),
  echo(b"a" * 40000 + b"b" * 40000 + b"c"))
t("A control frame does not begin a message: a continuation after a ping alone fails", "5.4",
  ping("p"), Ponged(b"p"), cont("x"), Fails(1002, "continuation"))
t("A control frame does not end a message: a new message after a ping inside one fails", "5.4",
  text("a", **MIDDLE), ping("p"), Ponged(b"p"), text("b"), Fails(1002, "message"))
