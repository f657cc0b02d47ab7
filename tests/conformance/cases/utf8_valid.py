"""Text that is UTF-8 and has to come back, whole and split (RFC 6455, sections 5.6 and 8.1; RFC 3629)."""

from table import Pieces, Table, cont, echo, text

table = t = Table(9, "Valid UTF-8")
MIDDLE = {"fin": False}
MIXED = "\u03ba\u1f79\u03c3\u03bc\u03b5 \u20ac \U0001f32b\ufe0f z"


def whole(sentence, characters):
    t(sentence, "8.1", text(characters), echo(characters))


whole("ASCII text comes back", "Hello, world")
whole("U+0000 is a code point", "\0")
whole("U+007F, the last of one byte, comes back", "\x7f")
whole("U+0080, the first of two bytes, comes back", "\x80")
whole("U+07FF, the last of two bytes, comes back", "\u07ff")
whole("U+0800, the first of three bytes, comes back", "\u0800")
whole("U+0FFF, whose second byte is the highest after 0xE0, comes back", "\u0fff")
whole("U+D7FF, the last before the surrogates, comes back", "\ud7ff")
whole("U+E000, the first after the surrogates, comes back", "\ue000")
whole("U+FFFD, the replacement character, comes back", "\ufffd")
whole("U+FEFF, a byte order mark, is kept", "\ufeffmark")
whole("U+FFFE and U+FFFF, no characters but valid, come back", "\ufffe\uffff")
whole("U+FDD0 to U+FDEF, no characters but valid, come back", "".join(map(chr, range(0xFDD0, 0xFDF0))))
whole("U+10000, the first of four bytes, comes back", "\U00010000")
whole("U+1FFFE and U+1FFFF come back", "\U0001fffe\U0001ffff")
whole("U+3FFFF, the last after 0xF0, comes back", "\U0003ffff")
whole("U+40000, the first after 0xF1, comes back", "\U00040000")
whole("U+100000, the first after 0xF4, comes back", "\U00100000")
whole("U+10FFFF, the last of all, comes back", "\U0010ffff")
whole("Greek, euro sign and emoji in one message come back", MIXED)
whole("An emoji of several code points comes back", "\U0001f469\u200d\U0001f469\u200d\U0001f467")
t.each("The first and last code points of each block of 4096 come back", "8.1",
       [0x1000 * block for block in range(1, 0x110, 16) if not 0xD <= block <= 0xD],
       lambda n: [text(chr(n) + chr(n + 0xFFF)), echo(chr(n) + chr(n + 0xFFF))])
t.each("A message is valid wherever its fragments cut its code points", "8.1", range(len(MIXED.encode()) + 1),
       lambda n: [text(MIXED.encode()[:n], **MIDDLE), cont(MIXED.encode()[n:]), echo(MIXED)])
t("A message with a fragment for each byte is valid", "8.1",
  text(b"", **MIDDLE), *[cont(bytes([b]), **MIDDLE) for b in MIXED.encode()], cont(b""), echo(MIXED))
t("An empty fragment inside a code point changes nothing", "8.1",
  text(b"\xf0\x9f", **MIDDLE), cont(b"", **MIDDLE), cont(b"\x8c\xab"), echo("\U0001f32b"))
t("A text byte by byte over TCP is valid", "8.1", Pieces([text(MIXED)]), echo(MIXED))
t("100000 characters of three bytes come back", "8.1", text("\u20ac" * 100000), echo("\u20ac" * 100000))
t("A long ASCII text with one emoji at its end comes back", "8.1", text("a" * 10001 + "\U0001f32b"),
  echo("a" * 10001 + "\U0001f32b"))
t.each("An emoji at each place around a vector's width comes back", "8.1", range(13, 68, 3),
       lambda n: [text("a" * n + "\U0001f32b" + "b" * 40), echo("a" * n + "\U0001f32b" + "b" * 40)])
