"""Sec-WebSocket-Protocol (RFC 6455, sections 4.1, 4.2.2, 11.3.4). The server speaks chat and superchat."""

from table import SERVER, Answer, Table, echo, request, text

table = t = Table(21, "Subprotocols", roles=(SERVER,), handshake=False)
NONE = Answer(101, {"Sec-WebSocket-Protocol": None})
CHAT = Answer(101, {"Sec-WebSocket-Protocol": "chat"})
SUPERCHAT = Answer(101, {"Sec-WebSocket-Protocol": "superchat"})
BAD = Answer(400)


def offer(sentence, *values, answer=BAD, section="4.1"):
    t.each(sentence, section, values, lambda value: [request(Sec_WebSocket_Protocol=value), answer])


t("No offer gets no subprotocol", "4.2.2", request(), NONE)
offer("The one that the server speaks is chosen", "chat", answer=CHAT, section="4.2.2")
offer("The other one that the server speaks is chosen", "superchat", answer=SUPERCHAT, section="4.2.2")
offer("Of two that the server speaks it takes the one it prefers", "chat, superchat", "superchat, chat", answer=CHAT,
  section="4.2.2")
offer("One that it speaks is found among others", "a, b, superchat, c", "mqtt,superchat", answer=SUPERCHAT,
  section="4.2.2")
offer("None that it speaks: the answer has no such field, and the connection is open", "mqtt", "mqtt, amqp",
  answer=NONE, section="4.2.2")
offer("Subprotocols are case-sensitive", "Chat", "CHAT, SuperChat", answer=NONE, section="4.2.2")
offer("A name that only begins like one is another", "chatty", "cha", "chat2", answer=NONE, section="4.2.2")
offer("Blanks around the elements are no part of them", "  chat  ", "mqtt ,\t chat", answer=CHAT, section="4.2.2")
t("Two lines are one list", "11.3.4",
  request(more=("Sec-WebSocket-Protocol: mqtt", "Sec-WebSocket-Protocol: superchat")), SUPERCHAT)
t("Two lines: the server's preference goes over both", "11.3.4",
  request(more=("Sec-WebSocket-Protocol: superchat", "Sec-WebSocket-Protocol: chat")), CHAT)
offer("Every character of a token may stand in a name", "!#$%&'*+-.^_`|~09azAZ, chat", answer=CHAT)
offer("An empty field is refused", "", " ")
offer("An empty element is refused", "chat,,superchat", ",chat", "chat,", "chat, ,superchat")
offer("A blank inside a name is refused", "super chat", "chat superchat")
offer("Separators are no part of a name", "cha(t", "chat/2", "chat;v=1", 'cha"t', "chat=1", "chat@x", "[chat]",
  "{chat}")
offer("A quoted string is no token", '"chat"')
offer("A byte above 0x7E is refused", "ch\xe4t", "\xff")
offer("The same name twice is refused", "chat, chat", "superchat, chat, superchat")
t("The same name in two lines is refused", "4.1",
  request(more=("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat")), BAD)
t("One broken line of two is refused", "4.1",
  request(more=("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: a,,b")), BAD)
offer("Names that differ in case alone are different", "chat, CHAT", answer=CHAT)
offer("A hundred names are a list", ", ".join(f"p{n}" for n in range(99)) + ", chat", answer=CHAT)
offer("More names than a hundred are refused", ", ".join(f"p{n}" for n in range(101)))
offer("Sixteen thousand blanks are passed over in linear time", "chat" + " " * 14000, answer=CHAT)
t("Messages flow on a connection with a subprotocol", "4.2.2", request(Sec_WebSocket_Protocol="chat"), CHAT, text("hi"),
  echo("hi"))
