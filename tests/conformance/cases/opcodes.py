"""Opcodes 3 to 7 and 11 to 15, which nobody has defined (RFC 6455, section 5.2)."""

from table import Fails, Pieces, Ponged, Send, Table, echo, ping, text

table = t = Table(5, "Opcodes")
DATA, CONTROL = (3, 4, 5, 6, 7), (11, 12, 13, 14, 15)

for opcode in DATA + CONTROL:
    kind = "data" if opcode in DATA else "control"
    t(f"Opcode {opcode}, a reserved {kind} opcode, fails the connection", "5.2", Send(opcode, b"x"),
        Fails(1002, "opcode"))
t.each("A reserved data opcode on an empty frame fails the connection", "5.2", DATA,
       lambda n: [Send(n), Fails(1002, "opcode")])
t.each("A reserved control opcode on an empty frame fails the connection", "5.2", CONTROL,
       lambda n: [Send(n), Fails(1002, "opcode")])
t.each("A reserved opcode is judged from the first byte alone", "5.2", DATA + CONTROL,
       lambda n: [Send(n, b"x", cut=1), Fails(1002, "opcode")])
t.each("A reserved opcode with a giant length is judged before the length", "5.2", DATA + CONTROL,
       lambda n: [Send(n, form=64, declared=1 << 62, cut=14), Fails(1002, "opcode")])
t.each("A reserved data opcode inside a fragmented message fails the connection", "5.2", DATA,
       lambda n: [text("a", fin=False), Send(n, b"x"), Fails(1002, "opcode")])
t.each("A reserved control opcode inside a fragmented message fails the connection", "5.2", CONTROL,
       lambda n: [text("a", fin=False), Send(n, b"x"), Fails(1002, "opcode")])
t.each("A reserved opcode after a message: that one came back", "5.2", DATA + CONTROL,
       lambda n: [text("right"), echo("right"), Send(n, b"x"), Fails(1002, "opcode")])
t.each("A reserved opcode after a ping: that one was answered", "5.2", DATA + CONTROL,
       lambda n: [ping("p"), Ponged(b"p"), Send(n, b"x"), Fails(1002, "opcode")])
t.each("A reserved data opcode without FIN fails the connection", "5.2", DATA,
       lambda n: [Send(n, b"x", fin=False), Fails(1002, "opcode")])
t.each("A reserved control opcode without FIN fails the connection", "5.2", CONTROL,
       lambda n: [Send(n, b"x", fin=False), Fails(1002, "")])
t.each("A frame with a reserved opcode, byte by byte, fails the connection", "5.2", (3, 15),
       lambda n: [Pieces([Send(n, b"xyz")]), Fails(1002, "opcode")])
t.each("What follows a reserved opcode in the same write is not processed", "7.1.7", (4, 12),
       lambda n: [Send(n, b"x"), text("not to come back"), ping("nor this"), Fails(1002, "opcode")])
