"""The server's answer, right and wrong, as a client has to judge it (RFC 6455, section 4.1)."""

from table import CLIENT, Asked, Closed, Ponged, Refused, Respond, Table, close, echo, ping, response, text

table = t = Table(26, "Client: the answer", roles=(CLIENT,), handshake=False)
WORKS = [text("works"), echo("works")]


def fine(sentence, section, *answers):
    t.each(sentence, section, answers, lambda answer: [Asked(), answer, *WORKS])


def wrong(sentence, section, *answers):
    """The client must not go on, and must say so; this end then has the connection closed."""
    t.each(sentence, section, answers, lambda answer: [Asked(), answer, Refused()])


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
