"""Text that is no UTF-8 (RFC 6455, section 8.1; RFC 3629, section 4)."""

from table import Fails, Table, cont, text

table = t = Table(10, "Invalid UTF-8")
BAD = Fails(1007, "UTF-8")
MIDDLE = {"fin": False}


def bad(sentence, *values):
    t.each(sentence, "8.1", values, lambda data: [text(data), BAD])


bad("A lone continuation byte 0x80 fails the connection", b"\x80")
bad("A lone continuation byte 0xBF fails the connection", b"\xbf")
bad("Any lone continuation byte between them fails the connection", *[bytes([n]) for n in range(0x81, 0xBF, 5)])
bad("A continuation byte after a whole code point fails the connection", b"\xc3\xa9\x80", b"\xe2\x82\xac\x80",
  b"\xf0\x9f\x8c\xab\x80")
bad("0xC0 and 0xC1, which only begin overlong forms, fail the connection", b"\xc0\x80", b"\xc0\xaf", b"\xc1\x80",
  b"\xc1\xbf")
bad("An overlong form of three bytes for '/' fails the connection", b"\xe0\x80\xaf")
bad("The highest overlong form of three bytes, U+07FF, fails the connection", b"\xe0\x9f\xbf")
bad("An overlong form of four bytes for '/' fails the connection", b"\xf0\x80\x80\xaf")
bad("The highest overlong form of four bytes, U+FFFF, fails the connection", b"\xf0\x8f\xbf\xbf")
bad("An overlong NUL, as some encode it, fails the connection", b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80")
bad("The first high surrogate, U+D800, fails the connection", b"\xed\xa0\x80")
bad("The last high surrogate, U+DBFF, fails the connection", b"\xed\xaf\xbf")
bad("The first low surrogate, U+DC00, fails the connection", b"\xed\xb0\x80")
bad("The last low surrogate, U+DFFF, fails the connection", b"\xed\xbf\xbf")
bad("A pair of surrogates in three bytes each is no UTF-8", b"\xed\xa0\xbd\xed\xb8\x80", b"\xed\xaf\xbf\xed\xbf\xbf")
bad("U+110000, the first above all code points, fails the connection", b"\xf4\x90\x80\x80")
bad("U+1FFFFF, the highest that four bytes could hold, fails the connection", b"\xf7\xbf\xbf\xbf")
bad("0xF5 to 0xF7 begin nothing", b"\xf5\x80\x80\x80", b"\xf6\x80\x80\x80", b"\xf7\x80\x80\x80")
bad("Forms of five bytes fail the connection", b"\xf8\x88\x80\x80\x80", b"\xf9\x80\x80\x80\x80",
  b"\xfb\xbf\xbf\xbf\xbf")
bad("Forms of six bytes fail the connection", b"\xfc\x84\x80\x80\x80\x80", b"\xfd\xbf\xbf\xbf\xbf\xbf")
bad("0xFE fails the connection", b"\xfe")
bad("0xFF fails the connection", b"\xff")
bad("A start byte of two followed by ASCII fails the connection", b"\xc3a")
bad("A start byte of three followed by ASCII fails the connection", b"\xe2a\x80", b"\xe2\x82a")
bad("A start byte of four followed by ASCII fails the connection", b"\xf0a\x80\x80", b"\xf0\x9fa\x80", b"\xf0\x9f\x8ca")
bad("A start byte followed by another start byte fails the connection", b"\xc3\xc3\xa9", b"\xe2\xe2\x82\xac",
  b"\xf0\xf0\x9f\x8c\xab")
bad("Two bytes cut at the end of the message fail the connection", b"\xc3", b"abc\xdf")
bad("Three bytes cut at the end of the message fail the connection", b"\xe2", b"\xe2\x82", b"abc\xe2\x82")
bad("Four bytes cut at the end of the message fail the connection", b"\xf0", b"\xf0\x9f", b"\xf0\x9f\x8c",
  b"abc\xf0\x9f\x8c")
bad("Latin-1 text fails the connection", "déjà vu".encode("latin-1"))
bad("UTF-16 text fails the connection", "\ufeffhi".encode("utf-16-le"))
bad("A bad byte after valid text fails the connection", "valid until \u20ac".encode() + b"\xff")
bad("A bad byte before valid text fails the connection", b"\xff and valid")
bad("A bad byte in the middle of a long ASCII text fails the connection",
    *[b"a" * n + b"\x80" + b"a" * (100 - n) for n in range(0, 100, 7)])
t("A bad byte in the last fragment fails the connection", "8.1", text("a", **MIDDLE), cont(b"\xff"), BAD)
t("A code point cut at the end of the last fragment fails the connection", "8.1", text(b"\xe2", **MIDDLE),
  cont(b"\x82"), BAD)
t("A code point cut before an empty last fragment fails the connection", "8.1", text(b"\xe2\x82", **MIDDLE), cont(b""),
  BAD)
