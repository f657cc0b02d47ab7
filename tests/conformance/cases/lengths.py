"""Payload lengths and their three forms (RFC 6455, section 5.2)."""

from frames import BINARY, TEXT
from table import Fails, Pieces, Table, binary, cont, echo, text

table = t = Table(1, "Payload lengths")
LETTERS = bytes(range(97, 123))


def letters(size):
    return (LETTERS * (size // 26 + 1))[:size]


def octets(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


t("An empty text message comes back empty", "5.2", text(), echo(""))
t("An empty binary message comes back empty", "5.2", binary(), echo(b""))
t("A text message of one byte comes back", "5.2", text("a"), echo("a"))
t.each("Each length from 2 to 124 bytes is told in 7 bits, both ways", "5.2", range(2, 125, 7),
       lambda n: [binary(octets(n)), echo(octets(n))])
t("125 bytes are the most that 7 bits tell", "5.2", text(letters(125)), echo(letters(125), TEXT))
t("126 bytes need the 16-bit length", "5.2", text(letters(126)), echo(letters(126), TEXT))
t("127 bytes, the number that announces 64 bits, are told in 16 bits", "5.2", text(letters(127)),
  echo(letters(127), TEXT))
t("128 bytes in a text message come back", "5.2", text(letters(128)), echo(letters(128), TEXT))
t("255 bytes fill the low byte of a 16-bit length", "5.2", binary(octets(255)), echo(octets(255)))
t("256 bytes need the high byte of a 16-bit length, in network byte order", "5.2", binary(octets(256)),
  echo(octets(256)))
t("258 bytes, 0x0102, tell a wrong byte order from a right one", "5.2", binary(octets(258)), echo(octets(258)))
t("65535 bytes are the most that 16 bits tell", "5.2", binary(octets(65535)), echo(octets(65535)))
t("65535 bytes of text come back", "5.2", text(letters(65535)), echo(letters(65535), TEXT))
t("65536 bytes need the 64-bit length", "5.2", binary(octets(65536)), echo(octets(65536)))
t("65536 bytes of text come back", "5.2", text(letters(65536)), echo(letters(65536), TEXT))
t("66051 bytes, 0x010203, tell each byte of a 64-bit length apart", "5.2", binary(octets(66051)), echo(octets(66051)))
t("A 16-bit length for no byte at all fails the connection", "5.2", text(b"", form=16), Fails(1002, "length"))
t.each("A 16-bit length that 7 bits hold, up to 125, fails the connection", "5.2", (1, 2, 64, 124, 125),
       lambda n: [binary(octets(n), form=16), Fails(1002, "length")])
t("The RFC's own example, 124 as 126, 0, 124, fails the connection", "5.2",
  text(letters(124), form=16), Fails(1002, "length"))
t("A 64-bit length for no byte at all fails the connection", "5.2", binary(b"", form=64), Fails(1002, "length"))
t.each("A 64-bit length that 7 bits hold fails the connection", "5.2", (1, 125),
       lambda n: [text(letters(n), form=64), Fails(1002, "length")])
t.each("A 64-bit length that 16 bits hold fails the connection", "5.2", (126, 256, 65534, 65535),
       lambda n: [binary(octets(n), form=64), Fails(1002, "length")])
t("The top bit of a 64-bit length must be 0: 2^63", "5.2", binary(b"x", form=64, declared=1 << 63),
  Fails(1002, "length"))
t("The top bit of a 64-bit length must be 0: 2^64 - 1", "5.2",
  text(b"x", form=64, declared=(1 << 64) - 1), Fails(1002, "length"))
t("The top bit of a length is judged although the rest of the length is missing", "5.2",
  binary(b"", form=64, declared=1 << 63, cut=3), Fails(1002, "length"))
t("A length that is too long a form is judged once its bytes are there, before the mask and the payload", "5.2",
  binary(b"", form=16, declared=100, cut=4), Fails(1002, "length"))
t("A 64-bit length is known not to be the shortest before its last byte", "5.2",
  binary(b"", form=64, declared=0x1234, cut=9), Fails(1002, "length"))
t("A continuation frame's length must be in its shortest form, too", "5.2",
  text("a", fin=False), cont("b", form=16), Fails(1002, "length"))
t("Messages of 125, 126, 65535 and 65536 bytes in one write come back in order", "5.2",
  *[binary(octets(n)) for n in (125, 126, 65535, 65536)], *[echo(octets(n)) for n in (125, 126, 65535, 65536)])
t.each("A frame in 16-bit form comes back whatever byte of its header the write ends at", "5.2", range(1, 9),
       lambda n: [Pieces([text(letters(300))], cuts=(n,)), echo(letters(300), TEXT)])
t.each("A frame in 64-bit form comes back whatever byte of its header the write ends at", "5.2", range(1, 15),
       lambda n: [Pieces([binary(octets(65600))], cuts=(n,)), echo(octets(65600), BINARY)])
