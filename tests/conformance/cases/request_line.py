"""The request line of an upgrade (RFC 6455, 4.2.1; RFC 9112, sections 2 and 3; RFC 9110, section 9)."""

from table import ANY, SERVER, Answer, Table, plain, request

table = t = Table(16, "Handshake: request line", rfc="9112", roles=(SERVER,), handshake=False)
BAD = Answer(400)


def line(sentence, section, *lines, answer=BAD):
    t.each(sentence, section, lines, lambda value: [request(line=value), answer])


line("GET with a path and HTTP/1.1 is upgraded", "6455 4.2.1", "GET /ws/echo HTTP/1.1", answer=Answer(101))
line("A query behind the path is no part of the route", "6455 3", "GET /ws/echo?a=b&c HTTP/1.1",
  "GET /ws/echo? HTTP/1.1", answer=Answer(101))
line("The absolute form of a target is accepted", "3.2.2", "GET http://127.0.0.1:{port}/ws/echo HTTP/1.1",
  "GET ws://127.0.0.1:{port}/ws/echo HTTP/1.1",
     answer=Answer(101))
line("The absolute form's scheme is ASCII case-blind", "3.2.2", "GET HTTP://127.0.0.1:{port}/ws/echo HTTP/1.1",
  answer=Answer(101))
line("A percent-encoded letter of the path is that letter", "9110 4.2.3", "GET /ws/ech%6f HTTP/1.1", answer=Answer(101))
line("POST with all fields of an upgrade is refused with 405 and Allow: GET", "6455 4.2.1", "POST /ws/echo HTTP/1.1",
     answer=Answer(405, {"Allow": "GET"}))
line("HEAD with all fields of an upgrade is refused", "6455 4.2.1", "HEAD /ws/echo HTTP/1.1",
     answer=Answer(405, {"Allow": "GET"}, head_only=True))
line("Each other method that HTTP defines is refused with 405 and Allow: GET", "6455 4.2.1",
     *[f"{name} /ws/echo HTTP/1.1" for name in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")],
     answer=Answer(405, {"Allow": "GET"}))
line("A method that nobody defined is refused with 501", "9110 9.1", "FETCH /ws/echo HTTP/1.1", "X /ws/echo HTTP/1.1",
  answer=Answer(501))
line("Methods are case-sensitive: get is none", "9110 9.1", "get /ws/echo HTTP/1.1", "Get /ws/echo HTTP/1.1",
  answer=Answer(501, also=(400, 405)))
line("A method that is no token is refused with 400", "3.1", "G(T /ws/echo HTTP/1.1", "G/T /ws/echo HTTP/1.1",
  'G"T /ws/echo HTTP/1.1', "G\xc9T /ws/echo HTTP/1.1")
line("An empty method is refused", "3.1", " /ws/echo HTTP/1.1")
line("HTTP/1.0 cannot upgrade: 400", "9110 7.8", "GET /ws/echo HTTP/1.0", answer=Answer(400, also=(426, 505)))
line("HTTP/2.0 in a request line is refused with 505", "9110 15.6.6", "GET /ws/echo HTTP/2.0", answer=Answer(505))
line("HTTP/0.9, 1.2, 1.9 and 3.0 are refused with 505", "9110 15.6.6",
  *[f"GET /ws/echo HTTP/{n}" for n in ("0.9", "1.2", "1.9", "3.0")], answer=Answer(505, also=(101, 400)))
t("The preface of HTTP/2 is refused with 505", "9110 15.6.6", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Answer(505))
line("A version without its minor number is malformed", "2.3", "GET /ws/echo HTTP/1", "GET /ws/echo HTTP/1.")
line("A version with more digits is malformed", "2.3", "GET /ws/echo HTTP/1.10", "GET /ws/echo HTTP/11.1",
  "GET /ws/echo HTTP/01.1")
line("The name of the version is case-sensitive", "2.3", "GET /ws/echo http/1.1", "GET /ws/echo Http/1.1")
line("Another name of a protocol is malformed", "2.3", "GET /ws/echo HTCPCP/1.1", "GET /ws/echo XTTP/1.1",
  "GET /ws/echo WS/1.1")
line("A blank behind the version is malformed", "3", "GET /ws/echo HTTP/1.1 ", "GET /ws/echo HTTP/1.1\t")
line("Two blanks between method and target are malformed", "3", "GET  /ws/echo HTTP/1.1")
line("Two blanks before the version are malformed", "3", "GET /ws/echo  HTTP/1.1")
line("Tabs instead of blanks are malformed", "3", "GET\t/ws/echo\tHTTP/1.1")
line("A blank before the method is malformed", "3", " GET /ws/echo HTTP/1.1")
line("A request line without a version is malformed", "3", "GET /ws/echo", "GET",
     answer=Answer(400, says="single spaces"))
line("A blank inside the target is malformed", "3.2", "GET /ws/ echo HTTP/1.1")
line("The asterisk form is for OPTIONS alone", "3.2.4", "GET * HTTP/1.1")
line("The authority form is for CONNECT alone", "3.2.3", "GET 127.0.0.1:{port} HTTP/1.1")
line("A target without a leading slash is malformed", "3.2.1", "GET ws/echo HTTP/1.1")
line("A fragment in the target is refused", "6455 3", "GET /ws/echo#part HTTP/1.1", "GET /ws/echo# HTTP/1.1")
line("A control character in the target is refused", "3.2", "GET /ws/\x01echo HTTP/1.1", "GET /ws/echo\x7f HTTP/1.1")
line("A NUL in the request line is refused", "3.2", "GET /ws/echo\0 HTTP/1.1", "GET\0/ws/echo HTTP/1.1")
line("A byte above 0x7F in the target is refused", "3.2", "GET /ws/\xe9cho HTTP/1.1")
line("A bare CR in the request line is refused", "2.2", "GET /ws/echo\r HTTP/1.1", "GET /ws/\recho HTTP/1.1",
     answer=Answer(400, says="CR must be followed"))
line("An absolute form with a broken authority is refused", "3.2.2", "GET http://[::1/ws/echo HTTP/1.1",
  "GET http:///ws/echo HTTP/1.1", "GET https:///ws/echo HTTP/1.1", "GET http://user@127.0.0.1:{port}/ws/echo HTTP/1.1")
line("An absolute form of another scheme is refused", "3.2.2", "GET ftp://127.0.0.1/ws/echo HTTP/1.1")
line("A path that no route has gets 404", "6455 4.2.2", "GET /ws/none HTTP/1.1", "GET /ws HTTP/1.1",
  "GET /ws/echo/more HTTP/1.1", answer=Answer(404))
line("A path is case-sensitive", "6455 4.2.2", "GET /WS/ECHO HTTP/1.1", answer=Answer(404))
line("A path with .. never leaves its place", "9110 17.3", "GET /../ws/echo HTTP/1.1", "GET /ws/../ws/echo HTTP/1.1",
  "GET /%2e%2e/ws/echo HTTP/1.1",
     answer=Answer(404, also=(400,)))
line("A broken percent escape or an escaped NUL in the path gets 404 or 400", "9110 4.2", "GET /ws/ech%6 HTTP/1.1",
  "GET /ws/echo%00 HTTP/1.1", "GET /ws/echo%zz HTTP/1.1",
     answer=Answer(404, also=(400,)))
t("A request line above the limit of a head gets 414", "3", request(line="GET /" + "a" * 17000 + " HTTP/1.1"),
  Answer(414))
t("A request line that never ends gets 414 at the limit", "3", b"GET /" + b"a" * 17000, Answer(414))
t("One empty line before the request line is skipped", "2.2", b"\r\n" + request(), Answer(101))
t("A second empty line before the request line is refused", "2.2", b"\r\n\r\n" + request(), BAD)
t("A request line that ends in LF alone is refused", "2.2", request().replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n", 1),
  Answer(400, says="LF alone"))
t("Bytes of TLS on a plain port get 400", "3", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), BAD)
t("A plain request for a page is answered as HTTP", "9110 9.3.1", plain("GET / HTTP/1.1", more=("Connection: close",)),
  Answer(200, {"Content-Type": ANY}))
