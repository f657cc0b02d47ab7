"""Masks: a client's frames have one, a server's have none (RFC 6455, sections 5.1, 5.3, 10.3)."""

from frames import BINARY
from table import CLIENT, SERVER, Fails, Got, Pieces, Ponged, Table, binary, close, cont, echo, ping, pong, text

table = t = Table(6, "Masking")
TO_SERVER, TO_CLIENT = {"roles": (SERVER,)}, {"roles": (CLIENT,)}
EVERY_BYTE = bytes(range(256))

t("A client's text frame without a mask fails the connection", "5.1", text("x", masked=False), Fails(1002, "mask"),
  **TO_SERVER)
t("A client's binary frame without a mask fails the connection", "5.1", binary(b"x", masked=False), Fails(1002, "mask"),
  **TO_SERVER)
t("A client's empty frame without a mask fails the connection", "5.1", text(masked=False), Fails(1002, "mask"),
  **TO_SERVER)
t("A client's ping without a mask fails the connection, and no pong goes out", "5.1", ping("x", masked=False),
  Fails(1002, "mask"), **TO_SERVER)
t("A client's pong without a mask fails the connection", "5.1", pong(masked=False), Fails(1002, "mask"), **TO_SERVER)
t("A client's Close without a mask is a broken rule, not a close", "5.1", close(1000, masked=False),
  Fails(1002, "mask"), **TO_SERVER)
t("A client's continuation frame without a mask fails the connection", "5.1",
  text("a", fin=False), cont("b", masked=False), Fails(1002, "mask"), **TO_SERVER)
t("A client's unmasked frame is refused at its second byte", "5.1", binary(b"x" * 100, masked=False, cut=2),
  Fails(1002, "mask"), **TO_SERVER)
t("A client's unmasked frame of a giant length is refused before the length", "5.1",
  binary(masked=False, form=64, declared=1 << 62, cut=10), Fails(1002, "mask"), **TO_SERVER)
t("A client's unmasked frame after masked ones fails the connection", "5.1",
  text("right"), echo("right"), text("wrong", masked=False), Fails(1002, "mask"), **TO_SERVER)
t("A mask of zeros is a mask", "5.3", text("in clear", key=bytes(4)), echo("in clear"), **TO_SERVER)
t("A mask of 0xff bytes is a mask", "5.3", binary(EVERY_BYTE, key=b"\xff" * 4), echo(EVERY_BYTE), **TO_SERVER)
t.each("Each byte of the mask is used in its place", "5.3", range(4),
       lambda n: [binary(EVERY_BYTE, key=bytes(0xA5 * (i == n) for i in range(4))), echo(EVERY_BYTE)], **TO_SERVER)
t("The same mask on two frames is read all the same", "5.3",
  text("one", key=b"abcd"), text("two", key=b"abcd"), echo("one"), echo("two"), **TO_SERVER)
t("Each fragment has a mask of its own, that begins anew with it", "5.3",
  binary(b"abcde", fin=False, key=b"1234"), cont(b"fghij", key=b"5678"), echo(b"abcdefghij"), **TO_SERVER)
t.each("A masked payload of each length up to 64 is unmasked to its last byte", "5.3", range(0, 65, 3),
       lambda n: [binary(EVERY_BYTE[:n], key=b"\x11\x22\x33\x44"), echo(EVERY_BYTE[:n])], **TO_SERVER)
t("A masked payload in pieces of 3 bytes is unmasked across the pieces", "5.3",
  Pieces([binary(EVERY_BYTE * 2, key=b"\x9a\x7b\x5c\x3d")], size=3), echo(EVERY_BYTE * 2), **TO_SERVER)
t("The mask itself may be split from the payload", "5.3",
  Pieces([binary(b"payload", key=b"\x01\x80\xff\x7f")], cuts=(4,)), echo(b"payload"), **TO_SERVER)
t("A message whose masked bytes look like a frame is unmasked first", "5.3",
  binary(bytes(a ^ b for a, b in zip(b"\x88\x80\0\0\0\0", b"abcdab")), key=b"abcd"),
  Got(BINARY, bytes(a ^ b for a, b in zip(b"\x88\x80\0\0\0\0", b"abcdab"))), **TO_SERVER)
t("A large masked payload is unmasked", "5.3", binary(EVERY_BYTE * 1024, key=b"\xde\xad\xbe\xef"),
  echo(EVERY_BYTE * 1024), **TO_SERVER)
t("A server masks none of what it sends: text, binary, pong and Close", "5.1",
  text("a"), binary(b"b"), ping("c"), echo("a"), echo(b"b"), Ponged(b"c"), **TO_SERVER)
t("A server's masked text frame fails the connection", "5.1", text("x", masked=True), Fails(1002, "mask"), **TO_CLIENT)
t("A server's masked binary frame fails the connection", "5.1", binary(b"x", masked=True), Fails(1002, "mask"),
  **TO_CLIENT)
t("A server's masked ping fails the connection, and no pong goes out", "5.1", ping("x", masked=True),
  Fails(1002, "mask"), **TO_CLIENT)
t("A server's masked Close is a broken rule, not a close", "5.1", close(1000, masked=True), Fails(1002, "mask"),
  **TO_CLIENT)
t("A server's masked continuation frame fails the connection", "5.1",
  text("a", fin=False), cont("b", masked=True), Fails(1002, "mask"), **TO_CLIENT)
t("A server's mask of zeros is a mask", "5.1", text("x", masked=True, key=bytes(4)), Fails(1002, "mask"), **TO_CLIENT)
t("A server's masked frame is refused at its second byte", "5.1", text("x" * 50, masked=True, cut=2),
  Fails(1002, "mask"), **TO_CLIENT)
t("A client masks each frame with a key of its own", "5.3",
  *[step for n in range(50) for step in (text(f"{n}"), echo(f"{n}"))], **TO_CLIENT)
t("A client masks an empty frame, too", "5.1", text(), echo(""), **TO_CLIENT)
