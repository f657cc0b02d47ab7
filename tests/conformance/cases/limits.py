"""Limits that protect memory: message size, fragments, both by default 512 KiB and 1024 (RFC 6455, section 10.4)."""

from frames import BINARY, TEXT
from table import Fails, Got, Ponged, Table, binary, cont, echo, ping, text

table = t = Table(14, "Limits")
LIMIT = 512 * 1024
FRAGMENTS = 1024
TOO_LARGE = Fails(1009, "large")
TOO_MANY = Fails(1008, "fragments", (1009,))
MIDDLE = {"fin": False}

t("A binary message of exactly the limit comes back", "10.4", binary(b"x" * LIMIT), echo(b"x" * LIMIT))
t("A text message of exactly the limit comes back", "10.4", text(b"x" * LIMIT), Got(TEXT, b"x" * LIMIT))
t("A binary message one byte above the limit is refused", "10.4", binary(b"x" * (LIMIT + 1)), TOO_LARGE)
t("A text message one byte above the limit is refused", "10.4", text(b"x" * (LIMIT + 1)), TOO_LARGE)
t("A message above the limit is refused from its header alone", "10.4", binary(declared=LIMIT + 1, form=64, cut=14),
  TOO_LARGE)
t("A message of twice the limit is refused from its header alone", "10.4", text(declared=2 * LIMIT, form=64, cut=14),
  TOO_LARGE)
t("2^31 bytes are refused from the header alone", "10.4", binary(declared=1 << 31, form=64, cut=14), TOO_LARGE)
t("2^32 - 1 bytes are refused from the header alone", "10.4", binary(declared=(1 << 32) - 1, form=64, cut=14),
  TOO_LARGE)
t("2^32 bytes, 0 in 32 bits, are refused from the header alone", "10.4", binary(declared=1 << 32, form=64, cut=14),
  TOO_LARGE)
t("2^32 + 1 bytes, 1 in 32 bits, are refused from the header alone", "10.4",
  binary(declared=(1 << 32) + 1, form=64, cut=14), TOO_LARGE)
t("2^53 bytes are refused from the header alone", "10.4", text(declared=1 << 53, form=64, cut=14), TOO_LARGE)
t("2^60 bytes, the RFC's own example, are refused from the header alone", "10.4",
  binary(declared=1 << 60, form=64, cut=14), TOO_LARGE)
t("2^63 - 1 bytes, the most a header can say, are refused from the header alone", "10.4",
  binary(declared=(1 << 63) - 1, form=64, cut=14), TOO_LARGE)
t("A first fragment above the limit is refused from its header", "10.4",
  binary(declared=LIMIT + 1, form=64, cut=14, **MIDDLE), TOO_LARGE)
t("A second fragment that takes the sum to the limit is let through", "10.4",
  binary(b"a" * (LIMIT // 2), **MIDDLE), cont(b"b" * (LIMIT // 2)), echo(b"a" * (LIMIT // 2) + b"b" * (LIMIT // 2)))
t("A second fragment that takes the sum one byte above the limit is refused from its header", "10.4",
  binary(b"a" * (LIMIT // 2), **MIDDLE), cont(declared=LIMIT // 2 + 1, form=64, cut=14), TOO_LARGE)
t("A second fragment of 2^63 - 1 bytes does not wrap the sum", "10.4",
  binary(b"a" * 100, **MIDDLE), cont(declared=(1 << 63) - 1, form=64, cut=14), TOO_LARGE)
t("A last fragment of one byte above the limit is refused", "10.4", text(b"a" * LIMIT, **MIDDLE), cont("b"), TOO_LARGE)
t("An empty last fragment at the limit is let through", "10.4", text(b"a" * LIMIT, **MIDDLE), cont(""),
  Got(TEXT, b"a" * LIMIT))
t("Control frames between fragments do not count into the sum", "10.4",
  binary(b"a" * (LIMIT - 1), **MIDDLE), ping(b"p" * 125), Ponged(b"p" * 125), cont("b"),
  echo(b"a" * (LIMIT - 1) + b"b"))
t("As many fragments as are allowed make a message", "10.4",
  binary(b"0", **MIDDLE), *[cont(b"x", **MIDDLE) for _ in range(FRAGMENTS - 2)], cont(b"1"),
  Got(BINARY, b"0" + b"x" * (FRAGMENTS - 2) + b"1"))
t("One fragment more than are allowed is refused", "10.4",
  binary(b"0", **MIDDLE), *[cont(b"x", **MIDDLE) for _ in range(FRAGMENTS)], TOO_MANY)
t("Empty fragments for ever are refused, too", "10.4",
  text(b"", **MIDDLE), *[cont(b"", **MIDDLE) for _ in range(FRAGMENTS)], TOO_MANY)
t("Two messages of half the limit each are two messages", "10.4",
  binary(b"a" * (LIMIT // 2 + 1)), binary(b"b" * (LIMIT // 2 + 1)), echo(b"a" * (LIMIT // 2 + 1)),
  echo(b"b" * (LIMIT // 2 + 1)))
t("The count of fragments begins anew with each message", "10.4",
  *[step for _ in range(3) for step in (binary(b"0", **MIDDLE), *[cont(b"", **MIDDLE) for _ in range(500)], cont(b"1"),
  echo(b"01"))])
t("Messages before one above the limit came back", "10.4", text("small"), echo("small"),
  binary(declared=LIMIT + 1, form=64, cut=14), TOO_LARGE)
