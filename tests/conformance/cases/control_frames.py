"""Pings and pongs (RFC 6455, sections 5.5, 5.5.2, 5.5.3)."""

from frames import PONG, read_frame
from table import SERVER, Fails, Pieces, Ponged, Table, binary, echo, ping, pong, text

table = t = Table(3, "Pings and pongs")
LONGEST = bytes(range(125))


def skip_pongs(peer):
    """Those that went out before it was too much."""
    while True:
        while (found := read_frame(peer.buffer)) is None:
            if not peer.receive_more():
                return
        if found[0].opcode != PONG:
            return
        del peer.buffer[: found[1]]


t("An empty ping gets an empty pong", "5.5.2", ping(), Ponged())
t("A ping with a payload gets the same payload back", "5.5.2", ping("are you there?"), Ponged(b"are you there?"))
t("A ping of one byte is answered with it", "5.5.3", ping(b"\0"), Ponged(b"\0"))
t("A ping of 124 bytes is answered with them", "5.5.3", ping(LONGEST[:124]), Ponged(LONGEST[:124]))
t("A ping of 125 bytes, the most there may be, is answered", "5.5", ping(LONGEST), Ponged(LONGEST))
t.each("A ping's payload need not be UTF-8", "5.5.2", (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82"),
       lambda data: [ping(data), Ponged(data)])
t("A ping with zeros alone is answered with zeros", "5.5.3", ping(b"\0" * 125), Ponged(b"\0" * 125))
t("Ten pings are answered, each before the next is sent", "5.5.2",
  *[step for n in range(10) for step in (ping(f"ping {n}"), Ponged(f"ping {n}".encode()))])
t("Two pings in one write are both answered", "5.5.3", ping("one"), ping("two"), Ponged(b"one"), Ponged(b"two"))
t("A ping byte by byte is answered once it is whole", "5.5.2", Pieces([ping("slowly")]), Ponged(b"slowly"))
t.each("A ping of 125 bytes is answered wherever the write ends in it", "5.5.2", (1, 2, 5, 6, 7, 60, 130),
       lambda n: [Pieces([ping(LONGEST)], cuts=(n,)), Ponged(LONGEST)])
t("A ping of 126 bytes fails the connection", "5.5", ping(LONGEST + b"x"), Fails(1002, "control"))
t("A ping with a 64-bit length fails the connection", "5.5", ping(b"x" * 70000, cut=20), Fails(1002, "control"))
t("A short ping in a 16-bit length fails the connection", "5.5", ping("x", form=16), Fails(1002, ""))
t("A ping too long is refused at its second byte", "5.5", ping(LONGEST + b"x", cut=2), Fails(1002, "control"))
t("A ping without FIN fails the connection", "5.5", ping("x", fin=False), Fails(1002, "fragmented"))
t("An empty ping without FIN fails the connection", "5.5", ping(fin=False), Fails(1002, "fragmented"))
t("An unasked empty pong is ignored", "5.5.3", pong(), text("after"), echo("after"))
t("An unasked pong with a payload is ignored", "5.5.3", pong("heartbeat"), text("after"), echo("after"))
t("An unasked pong of 125 bytes is ignored", "5.5.3", pong(LONGEST), binary(b"after"), echo(b"after"))
t("Ten unasked pongs are ignored, and a ping after them is answered", "5.5.3",
  *[pong(f"{n}") for n in range(10)], ping("real"), Ponged(b"real"))
t("A pong is not answered with a pong", "5.5.3", pong("a"), ping("b"), Ponged(b"b"))
t("A pong of 126 bytes fails the connection", "5.5", pong(LONGEST + b"x"), Fails(1002, "control"))
t("A pong with a 64-bit length fails the connection", "5.5", pong(b"x" * 70000, cut=20), Fails(1002, "control"))
t("A pong without FIN fails the connection", "5.5", pong("x", fin=False), Fails(1002, "fragmented"))
t("A control frame without FIN is refused at its first byte", "5.5", pong("x", fin=False, cut=1),
  Fails(1002, "fragmented"))
t("A ping behind an unfinished one's bytes is that one's payload", "5.5.2",
  Pieces([ping("abcdef"), ping("x")], cuts=(3, 9)), Ponged(b"abcdef"), Ponged(b"x"))
t("A message, a ping and a message in one write are each answered", "5.5.2",
  text("a"), ping("b"), text("c"), echo("a"), Ponged(b"b"), echo("c"))
# A server alone: the client under test is a program that ends with its connection, and pings that still come then reset it.
t("Twice as many pings a second as are let through are too many: the flood is ended by policy", "10.4",
  *[ping() for _ in range(300)], skip_pongs, Fails(1008, "rate"), roles=(SERVER,))
