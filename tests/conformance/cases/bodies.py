"""How long a request is, and one behind the other (RFC 9112, sections 6, 7, 9; RFC 9110, sections 8.6, 9.3)."""

from peer import Peer, Wrong
from table import ANY, SERVER, Answer, Ended, Pieces, Table, plain

table = t = Table(19, "Bodies and pipelines", rfc="9112", roles=(SERVER,), handshake=False, needs="http")
NOTE = b'{"message": "x"}'
SENT = Answer(200, keep=True)
LAST = Answer(200)
BAD = Answer(400)
LINE = "POST /api/notify HTTP/1.1"
CLOSE = "Connection: close"


def post(*fields, tail=b""):
    return plain(LINE, more=fields, tail=tail)


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


LENGTH = f"Content-Length: {len(NOTE)}"
CHUNKED = "Transfer-Encoding: chunked"


def silent(peer):
    """Nothing comes before more is sent."""
    peer.socket.settimeout(0.3)
    try:
        more = bytes(peer.buffer) or peer.socket.recv(1)
    except TimeoutError:
        more = b""
    if more:
        raise Wrong(f"{more!r} before the body")


def same_length(peer):
    """The field of the answer to HEAD is that of the answer to GET, which was noted."""
    if peer.fields["content-length"] != peer.noted:
        raise Wrong(f"Content-Length {peer.fields['content-length']}, but {peer.noted} for GET")


def framed(sentence, section, *bodies, answer=BAD):
    """Chunked bodies as bytes."""
    t.each(sentence, section, bodies, lambda body: [post(CHUNKED, tail=body), answer])


t("A body of Content-Length bytes is read", "6.3", post(LENGTH, CLOSE, tail=NOTE), LAST)
t("A body that arrives behind the head is waited for", "6.3",
  Pieces([post(LENGTH, CLOSE, tail=NOTE)], cuts=(len(post(LENGTH, CLOSE)),)), LAST)
t("A body byte by byte is read", "6.3", Pieces([post(LENGTH, CLOSE, tail=NOTE)]), LAST)
t("A chunked body of one chunk is read", "7.1", post(CHUNKED, CLOSE, tail=chunked(NOTE)), LAST)
t("A chunked body of many chunks is read", "7.1", post(CHUNKED, CLOSE, tail=chunked(*[bytes([b]) for b in NOTE])), LAST)
t("A chunked body byte by byte is read", "7.1", Pieces([post(CHUNKED, CLOSE, tail=chunked(NOTE[:5], NOTE[5:]))]), LAST)
t("A chunk's size may have leading zeros and capital letters", "7.1",
  post(CHUNKED, CLOSE, tail=b"0010\r\n" + NOTE + b"\r\n0\r\n\r\n"), LAST)
t("Chunk extensions are skipped", "7.1.1",
  post(CHUNKED, CLOSE, tail=b"10;name=value;x\r\n" + NOTE + b"\r\n0;last\r\n\r\n"), LAST)
t("Trailer fields are skipped", "7.1.2",
  post(CHUNKED, CLOSE, tail=b"10\r\n" + NOTE + b"\r\n0\r\nX-Trailer: a\r\nY: b\r\n\r\n"), LAST)
t("Transfer codings are case-blind", "7", post("Transfer-Encoding: Chunked", CLOSE, tail=chunked(NOTE)), LAST)
t("Content-Length beside Transfer-Encoding is refused", "6.3", post(LENGTH, CHUNKED, tail=chunked(NOTE)), BAD)
t("Transfer-Encoding beside Content-Length is refused in the other order, too", "6.3",
  post(CHUNKED, LENGTH, tail=chunked(NOTE)), BAD)
t("Two Content-Length fields that differ are refused", "6.3", post(LENGTH, "Content-Length: 5", tail=NOTE), BAD)
t("Two Content-Length fields that agree are refused", "6.3", post(LENGTH, LENGTH, tail=NOTE), BAD)
t.each("A Content-Length that is no number is refused", "9110 8.6",
  ("+16", "-1", "0x10", "16,16", "16, 16", "1 6", "", "16a", "16.0", "\u00b2"),
       lambda value: [post(f"Content-Length: {value}", tail=NOTE), BAD])
t.each("A Content-Length that no integer holds is refused", "9110 8.6",
  ("18446744073709551616", "99999999999999999999999"),
       lambda value: [post(f"Content-Length: {value}", tail=NOTE), BAD])
t("A declared body above the limit gets 413 before it is sent", "9110 15.5.14", post("Content-Length: 1048577"),
  Answer(413))
t("2^63 bytes of declared body get 413", "9110 15.5.14", post("Content-Length: 9223372036854775808"), Answer(413))
t("A chunked body above the limit gets 413", "9110 15.5.14", post(CHUNKED, tail=b"100001\r\n"), Answer(413))
t("Chunked must be the last coding", "6.1", post("Transfer-Encoding: chunked, gzip", tail=chunked(NOTE)), BAD)
t("Chunked must not be applied twice", "6.1", post("Transfer-Encoding: chunked, chunked", tail=chunked(NOTE)), BAD)
t("Chunked over two lines is applied twice all the same", "6.1", post(CHUNKED, CHUNKED, tail=chunked(NOTE)), BAD)
t("A coding without chunked leaves the length unknown", "6.3", post("Transfer-Encoding: gzip", tail=NOTE), BAD)
t("A coding below chunked that is not known gets 501", "6.1",
  post("Transfer-Encoding: gzip, chunked", tail=chunked(NOTE)), Answer(501))
t.each("A Transfer-Encoding that only looks like chunked is refused", "6.1",
  ("xchunked", "chunked;q=1", '"chunked"', "chu nked", ""),
       lambda value: [post(f"Transfer-Encoding: {value}", tail=chunked(NOTE)), Answer(400, also=(501,))])
t("Transfer-Encoding in an HTTP/1.0 request is refused", "6.1",
  plain("POST /api/notify HTTP/1.0", more=(CHUNKED,), tail=chunked(NOTE)), BAD)
framed("A chunk size that is no hexadecimal number is refused", "7.1", b"x\r\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n",
  b"\r\n", b"g\r\n")
framed("A chunk size of 17 digits is refused", "7.1", b"00000000000000001\r\n")
framed("A chunk size of 2^64 - 1 is above every limit", "7.1", b"ffffffffffffffff\r\n", answer=Answer(413, also=(400,)))
framed("A chunk size's line that ends in LF alone is refused", "7.1", b"10\n" + NOTE + b"\r\n0\r\n\r\n")
framed("A chunk longer than its size is refused", "7.1", b"5\r\nhello!\r\n0\r\n\r\n")
framed("A chunk that does not end in CRLF is refused", "7.1", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n")
framed("A control character in a chunk extension is refused", "7.1.1", b"5;a\x01=b\r\nhello\r\n0\r\n\r\n", b"5;a\0\r\n")
framed("Chunk extensions for ever are refused", "7.1.1", b"1;" + b"a" * 20000)
framed("A broken trailer field is refused", "7.1.2", b"0\r\nno colon\r\n\r\n", b"0\r\n: v\r\n\r\n",
  b"0\r\nA b: v\r\n\r\n")
framed("Trailers for ever are refused", "7.1.2", b"0\r\n" + b"A: bbbbbbbb\r\n" * 2000)
t("A body on GET is refused", "9110 9.3.1", plain("GET / HTTP/1.1", more=("Content-Length: 5",), tail=b"hello"), BAD)
t("A chunked body on GET is refused", "9110 9.3.1", plain("GET / HTTP/1.1", more=(CHUNKED,), tail=chunked(b"hello")),
  BAD)
t("Two requests one behind the other are answered in order", "9.3.2",
  plain("GET / HTTP/1.1") + post(LENGTH, CLOSE, tail=NOTE),
  Answer(200, {"Content-Type": ANY}, keep=True), LAST)
t("Three requests in one write are answered in order", "9.3.2",
  post(LENGTH, tail=NOTE) * 2 + post(LENGTH, CLOSE, tail=NOTE), SENT, SENT, LAST)
t("A request behind a chunked body is read from the byte after it", "9.3.2",
  post(CHUNKED, tail=chunked(NOTE)) + post(LENGTH, CLOSE, tail=NOTE), SENT, LAST)
t("Requests one behind the other byte by byte are answered in order", "9.3.2",
  Pieces([post(LENGTH, tail=NOTE) + post(LENGTH, CLOSE, tail=NOTE)]), SENT, LAST)
t("Connection: close ends the connection behind the answer; what follows is not read", "9.6",
  post(LENGTH, CLOSE, tail=NOTE) + post(LENGTH, tail=NOTE), LAST)
t("A refused request ends the connection; what follows is not read", "9.6",
  plain("GET / HTTP/1.1", more=("Content-Length: x",)) + post(LENGTH, tail=NOTE), BAD)
t("A persistent connection serves a second request later", "9.3", post(LENGTH, tail=NOTE), SENT,
  post(LENGTH, CLOSE, tail=NOTE), LAST)
t("HTTP/1.0 without keep-alive is closed behind its answer", "9.3", plain("GET / HTTP/1.0"), LAST)
t("HTTP/1.0 with keep-alive is kept, and told so", "9.3", plain("GET / HTTP/1.0", more=("Connection: keep-alive",)),
  Answer(200, {"Connection": "keep-alive"}, keep=True), plain("GET / HTTP/1.1", more=(CLOSE,)), LAST)
t("HEAD has the length of GET's content, and no content", "9110 9.3.2", plain("GET / HTTP/1.1"),
  Answer(200, keep=True), lambda peer: setattr(peer, "noted", peer.fields["content-length"]),
  plain("HEAD / HTTP/1.1", more=(CLOSE,)), Answer(200, head_only=True), same_length)
t("A method that the path does not take gets 405 with those it takes", "9110 15.5.6",
  plain("DELETE /api/notify HTTP/1.1"), Answer(405, {"Allow": "POST"}))
t("Expect: 100-continue is answered before the body is sent", "9110 10.1.1",
  post(LENGTH, CLOSE, "Expect: 100-continue"),
  Answer(100, keep=True), NOTE, LAST)
t("An answer has a Date", "9110 6.6.1", plain("GET / HTTP/1.1", more=(CLOSE,)), Answer(200, {"Date": ANY}))
t("A head that ends before it is whole is not served", "8", plain("GET / HTTP/1.1")[:-4],
  Peer.end_sending, Ended())
t("Expect: 100-continue in an HTTP/1.0 request is ignored", "9110 10.1.1",
  plain("POST /api/notify HTTP/1.0", more=(LENGTH, "Expect: 100-continue")), silent, NOTE, LAST)
