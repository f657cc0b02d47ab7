"""Sec-WebSocket-Extensions: the grammar, and extensions nobody knows (RFC 6455, sections 4.2.2, 9.1, 11.3.2)."""

from frames import RSV1
from table import SERVER, Answer, Fails, Table, echo, request, text

table = t = Table(22, "Extensions", roles=(SERVER,), handshake=False)
NONE = Answer(101, {"Sec-WebSocket-Extensions": None})
BAD = Answer(400)


def offer(sentence, *values, answer=BAD, section="9.1"):
    t.each(sentence, section, values, lambda value: [request(Sec_WebSocket_Extensions=value), answer])


t("No offer gets no extension", "9.1", request(), NONE)
offer("An extension nobody knows is not answered", "foo", "x-private", answer=NONE, section="4.2.2")
offer("An unknown extension with parameters is not answered", "foo; a; b=1", "bar; baz=2", answer=NONE)
offer("Several unknown extensions are not answered", "foo, bar; baz=2", "a, b, c, d", answer=NONE)
t("Unknown extensions on several lines are not answered", "11.3.2",
  request(more=("Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: bar; baz=2")), NONE)
offer("A quoted value that is a token is legal", 'foo; bar="baz"', 'foo; bar="b\\az"', answer=NONE)
offer("Blanks around ; = and , are legal", "foo ; a = 1 , bar", "foo\t;\ta", answer=NONE)
offer("Names of what other languages have built in are just names", "constructor", "__proto__; toString=1",
  "hasOwnProperty", answer=NONE)
offer("The deflate-frame of drafts is unknown here", "x-webkit-deflate-frame", "deflate-frame", answer=NONE)
offer("permessage-bzip2 or -foo is not permessage-deflate", "permessage-bzip2", "permessage-deflat",
  "permessage-deflate2", answer=NONE)
offer("An empty offer of extensions is refused", "", " ")
offer("An empty element between extensions is refused", "foo,,bar", ",foo", "foo,")
offer("A parameter without a name is refused", "foo;", "foo; ;a", "foo; =1", "foo;;a")
offer("A parameter with = and no value is refused", "foo; a=", "foo; a= ;b")
offer("A quoted value that is empty is refused, as it is no token", 'foo; a=""')
offer("A quoted value with a character that no token has is refused", 'foo; a="b c"', 'foo; a="b,c"', 'foo; a="b;c"',
  'foo; a="b\xe4c"')
offer("A quoted value that does not end is refused", 'foo; a="b', 'foo; a="', 'foo; a="b\\"')
offer("A quoted value with something behind it is refused", 'foo; a="b"c', 'foo; a="b" c')
offer("A backslash outside quotes is refused", "fo\\o", "foo; a=\\b")
offer("Two tokens without a separator are refused", "foo bar", "foo; a b")
offer("A separator as name is refused", "(foo)", "foo/1", "@", "=1", '"foo"')
offer("A byte above 0x7E in a name is refused", "f\xf6\xf6", "\xff")
t("One broken line of extensions beside a right one is refused", "9.1",
  request(more=("Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: bar;")), BAD)
offer("Ten thousand escaped characters are passed over in linear time", 'foo; a="' + "\\c" * 7000 + '"', answer=NONE)
offer("Ten thousand parameters are passed over in linear time", "foo" + "; a" * 5000, answer=NONE)
t("An extension that was not agreed gives RSV1 no meaning", "9.1", request(Sec_WebSocket_Extensions="foo"), NONE,
  text("x", rsv=RSV1), Fails(1002, "RSV1"))
t("Messages flow on a connection whose offer was not taken", "9.1", request(Sec_WebSocket_Extensions="foo; a=1"), NONE,
  text("hi"), echo("hi"))
