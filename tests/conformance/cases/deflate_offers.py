"""What is agreed on permessage-deflate (RFC 7692, sections 5.1 and 7.1; RFC 6455, section 9.1)."""

import re

from cases.deflate_data import comes_back_within, hexadecimal
from peer import Wrong
from table import SERVER, Answer, Table, echo, request, text

table = t = Table(23, "permessage-deflate: offers", rfc="7692", roles=(SERVER,), handshake=False, needs="deflate")
NAME = "permessage-deflate"
BITS = re.compile(r"(server|client)_max_window_bits=(8|9|1[0-5])")
FLAGS = ("server_no_context_takeover", "client_no_context_takeover")


def agreed(peer):
    """The answer's parameters as a dictionary; what no answer may have is told."""
    value = peer.fields.get("sec-websocket-extensions")
    if value is None:
        raise Wrong("the offer is declined")
    name, *parameters = [part.strip() for part in value.split(";")]
    if name != NAME:
        raise Wrong(f"another extension: {value}")
    seen = {}
    for parameter in parameters:
        key, _, number = parameter.partition("=")
        if key in seen:
            raise Wrong(f"{key} comes twice: {value}")
        if parameter not in FLAGS and not BITS.fullmatch(parameter):
            raise Wrong(f"a parameter that RFC 7692 does not have: {parameter}")
        seen[key] = int(number) if number else True
    return seen


def accepted(*must, **limits):
    """101 with the extension; `must` are in the answer, `limits` are upper bounds of window bits, 0: not there.

    An offer's client_max_window_bits is a hint, which an answer may pass over (section 7.1.2.2)."""

    def judge(peer):
        seen = agreed(peer)
        for name in must:
            if name not in seen:
                raise Wrong(f"{name} is missing: {seen}")
        for name, most in limits.items():
            if most == 0 and name in seen:
                raise Wrong(f"{name} was not offered: {seen}")
            if most and seen.get(name, 15) > most:
                if not name.startswith("client_"):
                    raise Wrong(f"{name} is above {most}: {seen}")
                peer.lenient.append(f"{name} is above {most}: {seen}")

    return [Answer(101), judge, text("works"), echo("works")]


DECLINED = [Answer(101, {"Sec-WebSocket-Extensions": None}), text("works"), echo("works")]


def offer(sentence, section, *values, then=DECLINED):
    t.each(sentence, section, values, lambda value: [request(Sec_WebSocket_Extensions=value), *then])


offer("The plain offer is accepted", "5.1", NAME, then=accepted(client_max_window_bits=0))
offer("server_no_context_takeover is accepted and answered", "7.1.1.1", f"{NAME}; server_no_context_takeover",
  then=accepted("server_no_context_takeover"))
offer("client_no_context_takeover may be offered", "7.1.1.2", f"{NAME}; client_no_context_takeover", then=accepted())
offer("Both no_context_takeover parameters together are accepted", "7.1.1",
  f"{NAME}; client_no_context_takeover; server_no_context_takeover",
      then=accepted("server_no_context_takeover"))
offer("client_max_window_bits without a value only says that it is understood", "7.1.2.2",
  f"{NAME}; client_max_window_bits", then=accepted())
t.each("client_max_window_bits with a value is a hint of what the answer need not be above", "7.1.2.2", range(8, 16),
       lambda n: [request(Sec_WebSocket_Extensions=f"{NAME}; client_max_window_bits={n}"),
       *accepted(client_max_window_bits=n)])
t.each("server_max_window_bits from 9 to 15 is accepted and answered with no more", "7.1.2.1", range(9, 16),
       lambda n: [request(Sec_WebSocket_Extensions=f"{NAME}; server_max_window_bits={n}"),
       *accepted("server_max_window_bits", server_max_window_bits=n)])
t("A window of 8 bits for the server is kept to, or the offer is declined: zlib makes no such stream", "7.1.2.1",
  request(Sec_WebSocket_Extensions=f"{NAME}; server_max_window_bits=8"), *DECLINED)
offer("All four parameters together are accepted", "7.1",
      f"{NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
       "client_max_window_bits=11",
      then=accepted("server_no_context_takeover", server_max_window_bits=12, client_max_window_bits=11))
offer("A quoted value is a value", "7.1.2.1", f'{NAME}; server_max_window_bits="10"',
  then=accepted("server_max_window_bits", server_max_window_bits=10))
offer("An unknown parameter declines the offer", "7", f"{NAME}; unknown", f"{NAME}; level=9",
  f"{NAME}; server_max_window_bits=10; x=1")
offer("server_no_context_takeover with a value declines the offer", "7.1.1.1", f"{NAME}; server_no_context_takeover=1",
  f"{NAME}; server_no_context_takeover=true")
offer("client_no_context_takeover with a value declines the offer", "7.1.1.2", f"{NAME}; client_no_context_takeover=0")
offer("server_max_window_bits without a value declines the offer", "7.1.2.1", f"{NAME}; server_max_window_bits")
offer("server_max_window_bits out of range declines the offer", "7.1.2.1",
      *[f"{NAME}; server_max_window_bits={n}" for n in ("0", "7", "16", "99", "256", "4294967305")])
offer("client_max_window_bits out of range declines the offer", "7.1.2.2",
  *[f"{NAME}; client_max_window_bits={n}" for n in ("0", "7", "16", "99")])
offer("A number with a leading zero is none", "7.1.2", f"{NAME}; server_max_window_bits=08",
  f"{NAME}; server_max_window_bits=010", f"{NAME}; client_max_window_bits=09")
offer("A value that is no number declines the offer", "7.1.2", f"{NAME}; server_max_window_bits=x",
  f"{NAME}; client_max_window_bits=1x", f"{NAME}; client_max_window_bits=-9")
offer("The same parameter twice declines the offer", "7",
  f"{NAME}; server_no_context_takeover; server_no_context_takeover",
      f"{NAME}; server_max_window_bits=10; server_max_window_bits=10",
      f"{NAME}; client_max_window_bits; client_max_window_bits=10")
offer("The second offer is taken where the first is declined", "5.1", f"{NAME}; unknown, {NAME}",
  f"{NAME}; server_max_window_bits=7, {NAME}",
      then=accepted(server_max_window_bits=15))
offer("The first offer is preferred where both could be taken", "5",
  f"{NAME}; server_no_context_takeover; server_max_window_bits=10, {NAME}",
      then=accepted("server_max_window_bits", server_max_window_bits=10))
t("Offers on two lines are one list", "5.1",
  request(more=(f"Sec-WebSocket-Extensions: {NAME}; unknown",
  f"Sec-WebSocket-Extensions: {NAME}; server_max_window_bits=11")),
  *accepted("server_max_window_bits", server_max_window_bits=11))
offer("An unknown extension before it does not matter, and is not answered", "6455 9.1", f"foo; a=1, {NAME}",
  f"x-webkit-deflate-frame, {NAME}", then=accepted())
offer("A broken list is refused although the offer in it is right", "6455 9.1", f"{NAME},,foo", f"{NAME};",
  f'{NAME}; client_max_window_bits=""', then=[Answer(400)])
offer("A parameter that differs in case is unknown", "7", f"{NAME}; Server_no_context_takeover")
t("Where server_no_context_takeover was agreed no message refers to one before it", "7.2.1",
  request(Sec_WebSocket_Extensions=f"{NAME}; server_no_context_takeover"), Answer(101), agreed,
  *[comes_back_within(hexadecimal(1000))] * 3)
t.each("Where server_max_window_bits was agreed nothing refers farther back than that window", "7.2.1", range(9, 15),
       lambda n: [request(Sec_WebSocket_Extensions=f"{NAME}; server_max_window_bits={n}"), Answer(101), agreed,
       *[comes_back_within(hexadecimal(2**n + 300) * 3)] * 2])
