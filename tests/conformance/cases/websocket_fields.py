"""The fields of the opening handshake (RFC 6455, sections 4.2, 4.4, 11.3)."""

from table import SERVER, Answer, Pieces, Table, echo, plain, request, text

table = t = Table(18, "Handshake: fields of WebSocket", roles=(SERVER,), handshake=False)
BAD = Answer(400)
FINE = Answer(101)
UPGRADE_REQUIRED = Answer(426, {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}, also=(400,))


def field(sentence, section, name, *values, answer=BAD):
    t.each(sentence, section, values, lambda value: [request(**{name: value}), answer])


t("The RFC's own key gets the RFC's own answer", "1.3", request(),
  Answer(101, {"Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}))
field("Another key gets the answer that belongs to it", "4.2.2", "Sec_WebSocket_Key", "AQIDBAUGBwgJCgsMDQ4PEA==",
  "x3JJHMbDL1EzLkh9GBhXDw==", answer=FINE)
field("A key of zeros is as good as any", "4.2.1", "Sec_WebSocket_Key", "AAAAAAAAAAAAAAAAAAAAAA==", answer=FINE)
field("A key with + and / is Base64", "4.2.1", "Sec_WebSocket_Key", "++++++++++++++++++++/Q==",
  "//////////////////////"[:22] + "==", answer=FINE)
field("Spare bits of the last character that are not zero are let in: the RFC's sample in 4.1 has them", "4.1",
  "Sec_WebSocket_Key",
      "AQIDBAUGBwgJCgsMDQ4PEC==", "AQIDBAUGBwgJCgsMDQ4PEP==", answer=FINE)
t("A request without a key is refused", "4.2.1", request(drop=("Sec-WebSocket-Key",)),
  Answer(400, says="no Sec-WebSocket-Key"))
t("Two keys are refused", "11.3.1", request(more=("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==",)), BAD)
t("The same key twice is refused, too", "11.3.1", request(more=("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",)), BAD)
field("An empty key is refused", "4.2.1", "Sec_WebSocket_Key", "")
field("A key of 15 or 17 bytes is refused", "4.2.1", "Sec_WebSocket_Key", "AQIDBAUGBwgJCgsMDQ4P",
  "AQIDBAUGBwgJCgsMDQ4PEBE=")
field("A key of 18 bytes, 24 characters without padding, is refused", "4.2.1", "Sec_WebSocket_Key",
  "AQIDBAUGBwgJCgsMDQ4PEBES")
field("A key without its padding is refused", "4.2.1", "Sec_WebSocket_Key", "AQIDBAUGBwgJCgsMDQ4PEA",
  "AQIDBAUGBwgJCgsMDQ4PEA=")
field("A key with a character that Base64 does not have is refused", "4.2.1", "Sec_WebSocket_Key",
      "AQIDBAUGBwgJCgsMDQ4P-A==", "AQIDBAUGBwgJCgsMDQ4P_A==", "AQIDBAUGB!gJCgsMDQ4PEA==", "AQIDBAUGB=gJCgsMDQ4PEA==")
field("A key with a blank inside is refused", "4.2.1", "Sec_WebSocket_Key", "AQIDBAUGBw gJCgsMDQ4PEA=",
  "AQIDBAUGBwgJCgs DQ4PEA==")
field("A key of a thousand characters is refused", "4.2.1", "Sec_WebSocket_Key", "A" * 998 + "==")
field("Two keys in one field are refused", "4.2.1", "Sec_WebSocket_Key",
  "dGhlIHNhbXBsZSBub25jZQ==, AQIDBAUGBwgJCgsMDQ4PEA==")
t("A request without a version is refused", "4.2.1", request(drop=("Sec-WebSocket-Version",)), Answer(400, also=(426,)))
t("Two versions in two fields are refused", "11.3.5", request(more=("Sec-WebSocket-Version: 13",)), BAD)
t("Two versions that differ are refused", "11.3.5", request(more=("Sec-WebSocket-Version: 8",)), BAD)
field("Version 12 gets 426 with the version the server speaks", "4.2.2", "Sec_WebSocket_Version", "12",
  answer=UPGRADE_REQUIRED)
field("Versions 0, 7 and 8, of drafts, get 426 with the version the server speaks", "4.4", "Sec_WebSocket_Version", "0",
  "7", "8", answer=UPGRADE_REQUIRED)
field("Versions 14, 25 and 255 get 426 with the version the server speaks", "4.4", "Sec_WebSocket_Version", "14", "25",
  "255", answer=UPGRADE_REQUIRED)
field("A version with a leading zero is not 13", "4.3", "Sec_WebSocket_Version", "013", answer=UPGRADE_REQUIRED)
field("A list of versions in a request is not 13", "4.3", "Sec_WebSocket_Version", "13, 8", "8, 13", "13,13",
  answer=UPGRADE_REQUIRED)
field("A version that is no number is not 13", "4.3", "Sec_WebSocket_Version", "", "thirteen", "0x0d", "13.0", "+13",
  "1 3", answer=UPGRADE_REQUIRED)
field("A version of a hundred digits is not 13", "4.3", "Sec_WebSocket_Version", "1" * 100, answer=UPGRADE_REQUIRED)
t("A request without Upgrade gets 426 that says what to upgrade to", "4.2.1", request(drop=("Upgrade",)),
  UPGRADE_REQUIRED)
field("An Upgrade to something else gets 426", "4.2.1", "Upgrade", "h2c", "websockets", "web socket", "TLS/1.0", "",
  answer=UPGRADE_REQUIRED)
field("Upgrade is ASCII case-blind", "4.2.1", "Upgrade", "WebSocket", "WEBSOCKET", "wEbSoCkEt", answer=FINE)
field("Upgrade may list other protocols, too", "4.2.1", "Upgrade", "h2c, websocket", "websocket, foo/2", answer=FINE)
t("Upgrade may be spread over two lines", "9110 5.3", request(more=("Upgrade: foo",)), FINE)
t("A request without Connection is refused", "4.2.1", request(drop=("Connection",)), BAD)
field("A Connection without the token upgrade is refused", "4.2.1", "Connection", "keep-alive", "close", "", "upgraded",
  "not-upgrade", "Up grade")
field("Connection is ASCII case-blind", "4.2.1", "Connection", "upgrade", "UPGRADE", "uPgRaDe", answer=FINE)
field("Connection may list other tokens, too", "4.2.1", "Connection", "keep-alive, Upgrade", "Upgrade, HTTP2-Settings",
  "keep-alive,Upgrade", answer=FINE)
t("Connection may be spread over two lines", "9110 5.3", request(more=("Connection: keep-alive",)), FINE)
t("A plain GET of the WebSocket path gets 426", "9110 15.5.22", plain("GET /ws/echo HTTP/1.1"), UPGRADE_REQUIRED)
t("A body on an upgrade is refused: Content-Length", "9110 9.3.1", request(more=("Content-Length: 5",), tail=b"hello"),
  BAD)
t("Content-Length: 0 on an upgrade is let in", "9110 8.6", request(more=("Content-Length: 0",)), FINE)
t("Any Transfer-Encoding on an upgrade is refused", "9112 6.1",
  request(more=("Transfer-Encoding: chunked",), tail=b"0\r\n\r\n"), BAD)
t("The answer has neither Content-Length nor a body", "9110 15.2.2", request(),
  Answer(101, {"Content-Length": None, "Transfer-Encoding": None}))
t("The answer names no subprotocol and no extension where none was offered", "4.2.2", request(),
  Answer(101, {"Sec-WebSocket-Protocol": None, "Sec-WebSocket-Extensions": None}))
t("Frames in the same write as the handshake are the first of the connection", "4.1",
  request(), text("early"), text("bird"), FINE, echo("early"), echo("bird"))
t.each("A frame that begins in the handshake's write and ends in the next is read", "4.1", (1, 3, 6, 10),
       lambda n: [Pieces([request(), text("early")], cuts=(len(request()) + n,)), FINE, echo("early")])
t("Bytes behind a refused handshake are not read as another request", "9112 9.6",
  request(drop=("Sec-WebSocket-Key",), tail=request()), BAD)
t("The key is hashed as it was sent, blanks around it left out", "4.2.2",
  request(Sec_WebSocket_Key=" \t dGhlIHNhbXBsZSBub25jZQ== \t"), FINE)
t("An upgrade that expects 100-continue hears 100 before 101", "9110 7.8", request(Expect="100-continue"),
  Answer(100, keep=True), FINE, text("works"), echo("works"))
t("A refused upgrade that expects 100-continue does not hear it", "9110 10.1.1",
  request(Expect="100-continue", drop=("Sec-WebSocket-Key",)), BAD)
