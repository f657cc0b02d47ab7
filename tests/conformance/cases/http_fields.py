"""Fields of the request's head as HTTP has them (RFC 9112, sections 2.2, 3.2, 5; RFC 9110, section 5; RFC 6585)."""

from table import SERVER, Answer, Pieces, Table, request

table = t = Table(17, "Handshake: fields of HTTP", rfc="9112", roles=(SERVER,), handshake=False)
BAD = Answer(400)
FINE = Answer(101)


def more(sentence, section, *lines, answer=BAD):
    """Each of the lines as one more field line behind the others."""
    t.each(sentence, section, lines, lambda value: [request(more=(value,)), answer])


def host(sentence, *values, answer=BAD):
    t.each(sentence, "3.2", values, lambda value: [request(Host=value), answer])


t("A request without Host is refused", "3.2", request(drop=("Host",)), BAD)
t("Two Host fields are refused even where they agree", "3.2", request(more=("Host: 127.0.0.1:{port}",)), BAD)
t("Two Host fields that differ are refused", "3.2", request(more=("Host: other.example",)), BAD)
host("A Host with a list is refused", "a.example, b.example", "a.example,b.example")
host("An empty Host is refused for an http URI", "")
host("A Host with a path is refused", "a.example/path")
host("A Host with user information is refused", "user@a.example")
host("A Host with a scheme is refused", "http://a.example")
host("A Host with a blank inside is refused", "a example", "a.example 80")
host("A Host with a port that is no number is refused", "a.example:port", "a.example:-1", "a.example:8o")
host("A Host with a port above 65535 is refused", "a.example:65536", "a.example:99999")
host("A Host with two ports is refused", "a.example:80:80")
host("A Host with a broken IPv6 address is refused", "[::1", "::1", "[::g]", "[1:2]", "[]")
host("A Host with a broken percent escape is refused", "a%zz.example", "a%4")
host("A Host that is an IPv6 address is let in", "[::1]:{port}", "[2001:db8::1]", answer=FINE)
host("A Host with a name, with or without a port, is let in", "localhost:{port}", "brume.example", "brume.example:",
  answer=FINE)
t("An absolute target overrides a Host that disagrees", "3.2.2",
  request(line="GET http://127.0.0.1:{port}/ws/echo HTTP/1.1", Host="other.example"), FINE)
t("An absolute target does not make Host unneeded", "3.2",
  request(line="GET http://127.0.0.1:{port}/ws/echo HTTP/1.1", drop=("Host",)), BAD)
more("A blank between a field's name and its colon is refused", "5.1", "X-Field : value", "X-Field\t: value")
more("An empty field name is refused", "5.1", ": value", ":")
more("A field line without a colon is refused", "5", "X-Field", "X-Field value")
more("A field name with a character that no token has is refused", "9110 5.1",
     "X(Field: value", "X/Field: value", "X Field: value", 'X"Field: v', "X\xe9: v", "X@Y: v", "X[1]: v")
t("A field name with a control character is refused", "9110 5.1", request(more=("X\x01Field: value",)), BAD)
t.each("A blank before the first field is refused", "2.2", (" ", "\t"),
       lambda blank: [request(line="GET /ws/echo HTTP/1.1\r\n" + blank + "X-First: a"), BAD])
more("A folded field line is refused", "5.2", "X-Field: value\r\n more", "X-Field: value\r\n\tmore",
  "X-Field:\r\n value",
     answer=Answer(400, says="next line"))
more("A field line that ends in LF alone is refused", "2.2", "X-Field: value\nX-Other: value",
     answer=Answer(400, says="LF alone"))
more("A bare CR in a field's value is refused", "2.2", "X-Field: a\rb", "X-Field: a\r\rb",
     answer=Answer(400, says="CR must be followed"))
more("A NUL in a field's value is refused", "9110 5.5", "X-Field: a\0b", "X-Field: \0",
     answer=Answer(400, says="control character"))
more("Other control characters in a field's value are refused", "9110 5.5", "X-Field: a\x01b", "X-Field: a\x7fb",
  "X-Field: a\x1bb", "X-Field: a\x0bb")
more("A tab in a field's value is let in", "9110 5.5", "X-Field: a\tb", answer=FINE)
more("Bytes above 0x7F in a field that means nothing here are let in", "9110 5.5", "X-Field: caf\xe9", "X-Field: \xff",
  answer=FINE)
more("An empty value is let in", "9110 5.5", "X-Field:", "X-Field: ", answer=FINE)
more("Blanks around a value are no part of it", "9110 5.5", "X-Field:value", "X-Field:  \t value \t ", answer=FINE)
more("Every character of a token may stand in a field's name", "9110 5.6.2", "!#$%&'*+-.^_`|~09azAZ: value",
  answer=FINE)
t("Field names are case-blind", "9110 5.1", request().replace(b"Upgrade:", b"uPGRADE:").replace(b"Sec-WebSocket-Key",
  b"SEC-WEBSOCKET-KEY")
  .replace(b"Host", b"hOST").replace(b"Connection", b"CONNECTION").replace(b"Sec-WebSocket-Version",
  b"sec-websocket-version"), FINE)
t("The order of the fields does not matter", "6455 4.2.1",
  b"\r\n".join([(lines := request().rstrip(b"\r\n").split(b"\r\n"))[0], *reversed(lines[1:]), b"", b""]), FINE)
t("Fields that the server does not know are ignored", "6455 4.2.1",
  request(more=("Cookie: a=b", "User-Agent: x", "X-Any: y")), FINE)
t("A hundred fields are let in", "9110 5.4", request(more=[f"X-Field-{n}: value" for n in range(95)]), FINE)
t("More than a hundred fields get 431", "6585 5", request(more=[f"X-Field-{n}: value" for n in range(96)]), Answer(431))
t("A head above 16 KiB gets 431", "6585 5", request(more=[f"X-Field-{n}: " + "v" * 1000 for n in range(17)]),
  Answer(431))
t("One giant field gets 431 before it ends", "6585 5", request()[:-2] + b"X-Field: " + b"v" * 20000, Answer(431))
t("A head of nearly 16 KiB is let in", "9110 5.4", request(more=[f"X-Field-{n}: " + "v" * 1000 for n in range(15)]),
  FINE)
t("A request byte by byte is read", "2.2", Pieces([request()]), FINE)
t.each("A request cut at any place is read", "2.2", range(1, 160, 9), lambda n: [Pieces([request()], cuts=(n,)), FINE])
t("A head that is never finished gets 408 once its time is over", "9110 15.5.9", request()[:-2], Answer(408))
t("A connection that says nothing is told 408 and ended", "9112 9.5", Answer(408))
