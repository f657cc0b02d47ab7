"""RSV1, RSV2 and RSV3 where no extension gives them a meaning (RFC 6455, section 5.2)."""

from frames import RSV1, RSV2, RSV3
from table import Fails, Pieces, Ponged, Table, binary, close, cont, echo, ping, pong, text

table = t = Table(4, "Reserved bits")
BITS = ((RSV1, "RSV1"), (RSV2, "RSV2"), (RSV3, "RSV3"))

for bit, name in BITS:
    t(f"{name} on a text frame fails the connection", "5.2", text("x", rsv=bit), Fails(1002, name))
    t(f"{name} on a binary frame fails the connection", "5.2", binary(b"x", rsv=bit), Fails(1002, name))
    t(f"{name} on a ping fails the connection, and no pong goes out", "5.2", ping("x", rsv=bit), Fails(1002, name))
    t(f"{name} on a pong fails the connection although a pong means nothing", "5.2", pong(rsv=bit), Fails(1002, name))
    t(f"{name} on a Close is a broken rule, not a close", "5.2", close(1000, rsv=bit), Fails(1002, name))
    t(f"{name} on a continuation frame fails the connection", "5.2",
      text("a", fin=False), cont("b", rsv=bit), Fails(1002, name))
    t(f"{name} on the first of two fragments fails the connection at once", "5.2",
      text("a", fin=False, rsv=bit), Fails(1002, name))
    t(f"{name} after messages that were right: they came back, the connection fails", "5.2",
      text("right"), echo("right"), text("wrong", rsv=bit), Fails(1002, name))
t("RSV1 and RSV2 together fail the connection", "5.2", text("x", rsv=RSV1 | RSV2), Fails(1002, "RSV"))
t("RSV2 and RSV3 together fail the connection", "5.2", binary(b"x", rsv=RSV2 | RSV3), Fails(1002, "RSV"))
t("All reserved bits together fail the connection", "5.2", text("x", rsv=7), Fails(1002, "RSV"))
t("A reserved bit is judged from the first byte alone", "5.2", text("x", rsv=RSV2, cut=1), Fails(1002, "RSV2"))
t("A reserved bit on an empty frame counts", "5.2", text(rsv=RSV3), Fails(1002, "RSV3"))
t("A reserved bit on a frame with a giant length is judged before the length", "5.2",
  binary(rsv=RSV1, form=64, declared=1 << 62, cut=14), Fails(1002, "RSV1"))
t("A reserved bit on a control frame between fragments fails the connection", "5.2",
  text("a", fin=False), ping("p", rsv=RSV2), Fails(1002, "RSV2"))
t("A ping before a frame with a reserved bit is answered", "5.2",
  ping("p"), Ponged(b"p"), text("x", rsv=RSV1), Fails(1002, "RSV1"))
t("A frame with a reserved bit byte by byte fails the connection", "5.2",
  Pieces([text("x", rsv=RSV3)]), Fails(1002, "RSV3"))
