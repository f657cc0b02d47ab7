"""Invalid UTF-8 is known at its first impossible byte, whatever else is missing (RFC 6455, section 8.1).

A message that is wrong is never finished here: who waited for the rest would not answer in time.
"""

from table import Fails, Pieces, Ponged, Table, cont, echo, ping, text

table = t = Table(11, "UTF-8, fail fast")
BAD = Fails(1007, "UTF-8")
MIDDLE = {"fin": False}
LONG = 60000  # bytes that never come


class Cut:
    """A text frame that announces `size` bytes and brings only `data`."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def __call__(self, peer):
        peer.write(peer.encode(text(self.data, form=16, declared=self.size)))


def fast(sentence, *values, section="8.1"):
    t.each(sentence, section, values, lambda data: [Cut(data, len(data) + LONG), BAD])


fast("0xFF in the middle of a frame fails at once", b"abc\xff")
fast("0xFE at a frame's start fails at once", b"\xfe")
fast("A lone continuation byte in the middle of a frame fails at once", b"abc\x80", b"abc\xbf")
fast("0xC0 or 0xC1 fails at once, before a second byte", b"\xc0", b"abc\xc1")
fast("0xF5 and above fail at once, before a second byte", b"\xf5", b"\xf8", b"\xfc")
fast("An overlong form of three bytes fails at its second byte", b"\xe0\x80", b"abc\xe0\x9f")
fast("An overlong form of four bytes fails at its second byte", b"\xf0\x80", b"abc\xf0\x8f")
fast("A surrogate fails at its second byte", b"\xed\xa0", b"abc\xed\xbf")
fast("A code point above U+10FFFF fails at its second byte", b"\xf4\x90", b"abc\xf4\xbf")
fast("A start byte followed by ASCII fails at the ASCII", b"\xc3a", b"\xe2\x82a", b"\xf0\x9f\x8ca")
fast("A bad byte behind a long valid text fails at once", b"a" * 5000 + b"\xff")
fast("A bad byte behind valid code points of each length fails at once", "a\u00e9\u20ac\U0001f32b".encode() + b"\x80")
fast("A bad byte with valid bytes behind it, in a frame that is not whole, fails at once", b"\xff" + b"a" * 1000)
t("A bad byte in a first fragment fails before the last one comes", "8.1", text(b"abc\xff", **MIDDLE), BAD)
t("A bad byte in a second fragment fails before the last one comes", "8.1", text("abc", **MIDDLE),
  cont(b"\xff", **MIDDLE), BAD)
t("A code point that a second fragment makes impossible fails at that byte", "8.1",
  text(b"\xe2\x82", **MIDDLE), cont(b"\x41", **MIDDLE), BAD)
t("A code point cut between two fragments may still become valid: no failure yet", "8.1",
  text(b"\xe2\x82", **MIDDLE), ping("alive?"), Ponged(b"alive?"), cont(b"\xac"), echo("\u20ac"))
t("An overlong form over two fragments fails at its second byte", "8.1", text(b"\xe0", **MIDDLE),
  cont(b"\x80", **MIDDLE), BAD)
t("A surrogate over two fragments fails at its second byte", "8.1", text(b"\xed", **MIDDLE), cont(b"\xa0", **MIDDLE),
  BAD)
t("A code point above U+10FFFF over two fragments fails at its second byte", "8.1",
  text(b"\xf4", **MIDDLE), cont(b"\x90", **MIDDLE), BAD)
t("A surrogate over three fragments of one byte fails at the second of them", "8.1",
  text(b"a", **MIDDLE), cont(b"\xed", **MIDDLE), cont(b"\xb0", **MIDDLE), BAD)
t("A bad byte after a ping inside a code point fails at once", "8.1",
  text(b"\xe2", **MIDDLE), ping("p"), Ponged(b"p"), cont(b"\xff", **MIDDLE), BAD)
t("A bad text byte by byte fails at its bad byte", "8.1", Pieces([text(b"abc\xff", **MIDDLE)]), BAD)
t("A valid message before a bad one came back", "8.1", text("right"), echo("right"), text(b"\xff", **MIDDLE), BAD)
t("What follows the bad byte in the same write is not processed", "7.1.7",
  text(b"\xff"), text("not to come back"), ping("nor this"), BAD)
