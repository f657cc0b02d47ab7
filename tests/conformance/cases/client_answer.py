"""The server's answer, right and wrong, as a client has to judge it (RFC 6455, section 4.1)."""

from cases.deflate_data import comes_back_within, hexadecimal
from peer import Peer, Wrong
from table import CLIENT, Asked, Closed, Ponged, Refused, Respond, Table, close, echo, ping, response, text

table = t = Table(26, "Client: the answer", roles=(CLIENT,), handshake=False)
WORKS = [text("works"), echo("works")]


def fine(sentence, section, *answers):
    t.each(sentence, section, answers, lambda answer: [Asked(), answer, *WORKS])


def wrong(sentence, section, *answers):
    """The client must not go on, and must say so; this end then has the connection closed."""
    t.each(sentence, section, answers, lambda answer: [Asked(), answer, Refused()])


NAME = "permessage-deflate; server_no_context_takeover"  # what a client asks for that keeps no contexts


def extended(value):
    return response(more=(f"Sec-WebSocket-Extensions: {value}",))


def agree(value=NAME):
    """The answer to an offer, and what was agreed by it."""

    def run(peer):
        if "permessage-deflate" not in ",".join(peer.request_fields.get("sec-websocket-extensions", [])):
            raise Wrong("the client offers no permessage-deflate")
        peer.deflate = value
        peer.respond(extended(value))

    return run


def takes(sentence, section, *values, then=lambda value: []):
    t.each(sentence, section, values, lambda value: [Asked(), agree(value), *WORKS, *then(value)], needs="deflate")


def refuses(sentence, section, *values):
    t.each(sentence, section, values, lambda value: [Asked(), extended(value), Refused()], needs="deflate")


def keeps_context(peer):
    """An answer without server_no_context_takeover: wrong where it was asked for, right where it was not."""
    asked = "server_no_context_takeover" in peer.request_fields["sec-websocket-extensions"][0]
    agree("permessage-deflate")(peer)
    peer.play([Refused()] if asked else WORKS)


def plain_answer(status, *fields, body=b""):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields, "", ""]
    return Respond("\r\n".join(lines), body)


fine("101 with the three fields opens the connection", "4.1", response())
fine("Field names of the answer are case-blind", "4.1",
  Respond("HTTP/1.1 101 OK\r\nUPGRADE: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"))
fine("Upgrade in the answer is case-blind", "4.1", response(Upgrade="WebSocket"), response(Upgrade="WEBSOCKET"))
fine("Connection in the answer is case-blind and may list more", "4.1", response(Connection="upgrade"),
  response(Connection="keep-alive, Upgrade"))
fine("Blanks around the accepted key are ignored", "4.1", response(Sec_WebSocket_Accept="  {accept} \t"))
fine("Fields that the client does not know are ignored", "4.1", response(more=("Server: x", "Date: now", "X-Any: y")))
fine("The reason phrase is free, and may be empty", "9112 4", response("101 Whatever it says"), response("101 "))
t("Frames in the same write as the answer are the first messages", "4.1", Asked(),
  lambda peer: peer.respond(Respond(response().head, peer.encode(text("early")))), echo("early"))
t("A ping in the same write as the answer gets its pong", "5.5.2", Asked(),
  lambda peer: peer.respond(Respond(response().head, peer.encode(ping("early")))), Ponged(b"early"))
t("A Close in the same write as the answer is answered", "5.5.1", Asked(),
  lambda peer: peer.respond(Respond(response().head, peer.encode(close(1001)))), Closed(1001))
wrong("An answer without Upgrade fails the connection", "4.1", response(drop=("Upgrade",)))
wrong("An answer with another Upgrade fails the connection", "4.1", response(Upgrade="h2c"),
  response(Upgrade="websockets"), response(Upgrade=""))
wrong("An answer without Connection fails the connection", "4.1", response(drop=("Connection",)))
wrong("An answer whose Connection lacks the token fails the connection", "4.1", response(Connection="keep-alive"),
  response(Connection="not-upgrade"))
wrong("An answer without Sec-WebSocket-Accept fails the connection", "4.1", response(drop=("Sec-WebSocket-Accept",)))
wrong("A wrong Sec-WebSocket-Accept fails the connection", "4.1",
  response(Sec_WebSocket_Accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), response(Sec_WebSocket_Accept=""))
wrong("A Sec-WebSocket-Accept with something around it is wrong", "4.1", response(Sec_WebSocket_Accept="{accept}X"),
  response(Sec_WebSocket_Accept='"{accept}"'))
wrong("Two Sec-WebSocket-Accept fields fail the connection", "11.3.3",
  response(more=("Sec-WebSocket-Accept: {accept}",)))
wrong("An extension that was not asked for fails the connection", "4.1",
  response(more=("Sec-WebSocket-Extensions: foo",)), response(more=("Sec-WebSocket-Extensions: permessage-foo; a=1",)))
wrong("An extensions field with broken grammar fails the connection", "9.1",
  response(more=("Sec-WebSocket-Extensions: ;",)), response(more=('Sec-WebSocket-Extensions: a="',)))
wrong("A subprotocol that was not asked for fails the connection", "4.1",
  response(more=("Sec-WebSocket-Protocol: chat",)))
wrong("200 instead of 101 fails the connection", "4.1", plain_answer("200 OK", body=b"<html>"))
wrong("A redirection that is not followed fails the connection", "4.1",
  plain_answer("301 Moved", "Location: http://127.0.0.1:1/"))
wrong("401 and 403 fail the connection", "4.1", plain_answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'),
  plain_answer("403 Forbidden"))
wrong("404, 426, 500 and 503 fail the connection", "4.1",
  *[plain_answer(s) for s in ("404 Not Found", "426 Upgrade Required", "500 Oops", "503 Busy")])
wrong("A status that is no number fails the connection", "9112 4", response("1O1 Switching"), response("abc"),
  response("1011 X"))
wrong("An answer of HTTP/1.0 fails the connection", "4.1", response(version="HTTP/1.0"))
wrong("An answer that is no HTTP fails the connection", "9112 4", Respond("SSH-2.0-OpenSSH\r\n\r\n"),
  Respond("\x15\x03\x01\0\2\2\x28\r\n\r\n"))
wrong("A broken field in the answer fails the connection", "9112 5", response(more=("X A: b",)),
  response(more=("no colon",)), response(more=("X-A\r\n : b",)), response("101 X\r\n X-A: b"))
wrong("A head without an end fails the connection at a limit", "9112 2.2",
  Respond("HTTP/1.1 101 X\r\n" + "X-A: " + "a" * 300000))
fine("A folded field in the answer is one field", "9112 5.2", response(more=("X-A: a\r\n b", "X-B: a\r\n\t\r\n b")),
  response(Connection="keep-alive,\r\n\tUpgrade"))
takes("server_no_context_takeover alone agrees on compression", "7692 7.1.1.1", NAME,
      then=lambda _: [comes_back_within(hexadecimal(1000))] * 2)
takes("client_no_context_takeover in the answer is kept to: no message refers to one before it", "7692 7.1.1.2",
      f"{NAME}; client_no_context_takeover", then=lambda _: [comes_back_within(hexadecimal(1000))] * 3)
takes("client_max_window_bits in the answer is kept to: nothing refers farther back", "7692 7.1.2.2",
      *[f"{NAME}; client_max_window_bits={n}" for n in range(9, 15)],
      then=lambda value: [comes_back_within(hexadecimal(2 ** int(value.rpartition("=")[2]) + 300) * 3)] * 2)
takes("client_max_window_bits of 8 and 15 in the answer are taken", "7692 7.1.2.2",
      f"{NAME}; client_max_window_bits=8", f"{NAME}; client_max_window_bits=15",
      then=lambda _: [text("long enough " * 200), echo("long enough " * 200)])
takes("server_max_window_bits in the answer is taken although it was not asked for", "7692 7.1.2.1",
      *[f"{NAME}; server_max_window_bits={n}" for n in range(8, 16)], f'{NAME}; server_max_window_bits="10"')
t("An answer has to grant server_no_context_takeover where it was asked for", "7692 7.1.1.1", Asked(), keeps_context,
  needs="deflate")
refuses("An answer with a parameter that RFC 7692 does not have fails the connection", "7692 7", f"{NAME}; unknown",
        f"{NAME}; level=9", f"{NAME}; Client_no_context_takeover")
refuses("An answer with a parameter of an invalid value fails the connection", "7692 7",
        *[f"{NAME}; {each}" for each in (
            "client_no_context_takeover=1", "server_max_window_bits", "client_max_window_bits",
            *[f"{side}_max_window_bits={n}" for side in ("server", "client")
              for n in ("7", "16", "08", "010", "x", "-9")])],
        "permessage-deflate; server_no_context_takeover=1")
refuses("An answer with the same parameter twice fails the connection", "7692 7", f"{NAME}; server_no_context_takeover",
        f"{NAME}; server_max_window_bits=10; server_max_window_bits=10",
        f"{NAME}; client_max_window_bits=10; client_max_window_bits=11")
refuses("An answer that takes two extensions for RSV1 fails the connection", "7692 5", f"{NAME}, {NAME}",
        f"{NAME}, x-webkit-deflate-frame", f"permessage-bzip2, {NAME}")
fine("One interim answer or more before 101 is read", "9110 15.2",
  Respond("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" + response().head),
  Respond("HTTP/1.1 100 Continue\r\n\r\n" + "HTTP/1.1 199 \r\nX-A: b\r\n\r\n" * 2 + response().head))
wrong("A right answer behind the content of a refusal is none", "9112 6.3",
  Respond("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno" + response().head),
  Respond("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" + response().head),
  Respond("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n" + response().head))
wrong("A refusal whose length is invalid ends the connection", "9112 6.3",
  *[Respond("HTTP/1.1 404 Not Found\r\n" + lengths + "\r\n\r\n") for lengths in (
      "Content-Length: x", "Content-Length: -1", "Content-Length: 2\r\nContent-Length: 3", "Content-Length: 2, 3")])
t.each("A refusal whose content is cut off is a refusal all the same", "9112 8",
  ("Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nabc"),
  lambda rest: [Asked(), Respond("HTTP/1.1 404 Not Found\r\n" + rest), Peer.end_sending, Refused()])
