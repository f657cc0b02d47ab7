"""Codes and reasons of Close frames (RFC 6455, sections 5.5.1 and 7.4)."""

from frames import CLOSE
from table import Closed, Fails, Pieces, Send, Table, close, echo, text

table = t = Table(12, "Close codes and reasons")
CODE = Fails(1002, "close code")
NAMES = {1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
         1007: "invalid payload", 1008: "policy violation", 1009: "message too big", 1010: "mandatory extension",
         1011: "internal error"}
REASON = "bis sp\u00e4ter \U0001f44b"

for code, name in NAMES.items():
    t(f"Close {code}, {name}, is answered with the same code", "7.4.1", close(code), Closed(code))
t.each("Close 1012 to 1014, which IANA has registered since, are answered with the same code", "7.4.2",
  (1012, 1013, 1014),
       lambda n: [close(n), Closed(n)])
t("Close 3000, the first for libraries, is answered with the same code", "7.4.2", close(3000), Closed(3000))
t("Close 3999, the last for libraries, is answered with the same code", "7.4.2", close(3999), Closed(3999))
t("Close 4000, the first for private use, is answered with the same code", "7.4.2", close(4000), Closed(4000))
t("Close 4999, the last for private use, is answered with the same code", "7.4.2", close(4999), Closed(4999))
t("Close without a body is answered without one", "5.5.1", close(), Closed(None))
t("Close with a code and a reason is answered with the code", "5.5.1", close(1000, "done"), Closed(1000))
t("Close with a reason beyond ASCII is answered with the code", "5.5.1", close(3000, REASON), Closed(3000))
t("Close with a reason of 123 bytes, the most there may be, is answered", "5.5.1", close(1000, b"r" * 123),
  Closed(1000))
t("Close with a reason of one byte is answered", "5.5.1", close(1000, b"r"), Closed(1000))
t.each("Close codes 0 to 999 are not used", "7.4.2", (0, 1, 126, 255, 999), lambda n: [close(n), CODE])
t("Close 1004, reserved without a meaning, fails the connection", "7.4.1", close(1004), CODE)
t("Close 1005, which means that there was no code, must not be sent", "7.4.1", close(1005), CODE)
t("Close 1006, which means that there was no Close, must not be sent", "7.4.1", close(1006), CODE)
t("Close 1015, which means that TLS failed, must not be sent", "7.4.1", close(1015), CODE)
t.each("Close codes from 1016 to 2999, kept for the protocol's future, fail the connection", "7.4.2",
       (1016, 1100, 2000, 2999), lambda n: [close(n), CODE])
t.each("Close codes from 5000 on are not defined", "7.4.2", (5000, 9999, 32768, 65535), lambda n: [close(n), CODE])
t("A forbidden code with a reason fails the connection all the same", "7.4.1", close(1006, "lost"), CODE)
t("A Close with a payload of one byte fails the connection", "5.5.1", Send(CLOSE, b"\x03"), Fails(1002, "one byte"))
t("A Close of one byte that could begin no code fails the connection", "5.5.1", Send(CLOSE, b"\xff"),
  Fails(1002, "one byte"))
t.each("A Close reason that is no UTF-8 fails the connection", "5.5.1",
  (b"\xff", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
       lambda data: [close(1000, data), Fails(1007, "reason", (1002,))])
t.each("A Close reason cut inside a code point fails the connection", "5.5.1", (b"\xe2\x82", b"ok \xf0\x9f\x8c"),
       lambda data: [close(1000, data), Fails(1007, "reason", (1002,))])
t("A Close of 126 bytes fails the connection", "5.5", close(1000, b"r" * 124), Fails(1002, "control"))
t("A Close without FIN fails the connection", "5.5", close(1000, fin=False), Fails(1002, "fragmented"))
t("A Close with a 16-bit length for 2 bytes fails the connection", "5.5", close(1000, form=16), Fails(1002, ""))
t("A Close byte by byte is answered once it is whole", "5.5.1", Pieces([close(1001, "slow")]), Closed(1001))
t.each("A Close is answered wherever TCP cuts it", "5.5.1", range(1, 8),
       lambda n: [Pieces([close(4001, "x")], cuts=(n,)), Closed(4001)])
t("A forbidden code after messages: they came back", "7.4.1", text("a"), echo("a"), close(1005), CODE)
