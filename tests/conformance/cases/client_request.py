"""The client's opening handshake: what it sends (RFC 6455, section 4.1). The runner is the server."""

import base64
import re

from peer import Wrong
from table import CLIENT, Asked, Dial, Table, echo, response, text

table = t = Table(25, "Client: its handshake", roles=(CLIENT,), handshake=False)
PARAMETER = re.compile(r"(server|client)_no_context_takeover|client_max_window_bits|"
                       r"(server|client)_max_window_bits=([89]|1[0-5])")
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def one(peer, name):
    values = peer.request_fields.get(name.lower(), [])
    if len(values) != 1:
        raise Wrong(f"{name}: {values}, not one value")
    return values[0]


def must(condition, complaint):
    if not condition:
        raise Wrong(complaint)


def asked(sentence, section, check, *resources, **settings):
    t.each(sentence, section, resources or ("/ws/echo",), lambda resource: [
        Dial(resource), Asked(lambda peer: check(peer, resource)), response(), text("works"), echo("works")],
           **settings)


def tokens(peer, name):
    return [token.strip().lower() for token in ",".join(peer.request_fields.get(name, [])).split(",")]


def key_is_fresh(peer, _):
    key = one(peer, "Sec-WebSocket-Key")
    must(key not in peer.target.keys, f"the key {key} comes twice")
    peer.target.keys.add(key)


def te_is_right(peer, _):
    te = tokens(peer, "te")
    must("chunked" not in te, f"TE: {te}")
    must(te == [""] or "te" in tokens(peer, "connection"), peer.request_fields)


def offers_deflate(peer, _):
    """One element or more, each of permessage-deflate with parameters that RFC 7692 has, none twice."""
    for element in one(peer, "Sec-WebSocket-Extensions").split(","):
        name, *parameters = [part.strip() for part in element.split(";")]
        must(name == "permessage-deflate", element)
        must(all(PARAMETER.fullmatch(each) for each in parameters), element)
        must(len({each.partition("=")[0] for each in parameters}) == len(parameters), element)


def waits(peer, _):
    """Nothing behind the head before the answer: the head was read as far as it came, and a pause brings no more."""
    peer.socket.settimeout(0.3)
    try:
        more = bytes(peer.buffer) or peer.socket.recv(1)
    except TimeoutError:
        more = b""
    must(not more, f"{more!r} before the answer")


def version_of(peer):
    return peer.request_line.rpartition(" ")[2]


asked("The request is GET", "4.1", lambda p, r: must(p.request_line.startswith("GET "), p.request_line))
asked("The version of HTTP is at least 1.1", "4.1", lambda p, r: must(version_of(p) == "HTTP/1.1", p.request_line))
asked("The request line is three words with single blanks", "9112 3", lambda p,
  r: must(p.request_line.count(" ") == 2, p.request_line))
asked("The target is the path that was asked for", "4.1", lambda p,
  r: must(p.request_line.split()[1] == r, p.request_line), "/ws/echo", "/a/b/c")
asked("The query belongs to the target", "3", lambda p, r: must(p.request_line.split()[1] == r, p.request_line),
  "/ws?a=b", "/?x")
asked("An empty path becomes /", "3", lambda p, r: must(p.request_line.split()[1] == "/", p.request_line), "")
asked("A query without a path gets the / before it", "3", lambda p,
  r: must(p.request_line.split()[1] == "/?q=1", p.request_line), "?q=1")
asked("Percent escapes stay as they are", "3", lambda p, r: must(p.request_line.split()[1] == r, p.request_line),
  "/a%20b", "/%23")
asked("There is one Host, with the port as it is not the default", "4.1", lambda p,
  r: must(one(p, "Host") == f"127.0.0.1:{p.port}", p.request_fields))
asked("There is one Upgrade, and it is websocket", "4.1", lambda p,
  r: must(one(p, "Upgrade").lower() == "websocket", p.request_fields))
asked("Connection has the token Upgrade", "4.1", lambda p,
  r: must("upgrade" in tokens(p, "connection"), p.request_fields))
asked("The key is 16 bytes in Base64", "4.1", lambda p,
  r: must(len(base64.b64decode(one(p, "Sec-WebSocket-Key"), validate=True)) == 16, p.request_fields))
asked("The key is 24 characters", "4.1", lambda p, r: must(len(one(p, "Sec-WebSocket-Key")) == 24, p.request_fields))
asked("Each connection has a key of its own", "4.1", key_is_fresh, *["/ws/echo"] * 5)
asked("The version is 13, once", "4.1", lambda p, r: must(one(p, "Sec-WebSocket-Version") == "13", p.request_fields))
asked("A client that is no browser sends no Origin, or one", "4.1", lambda p,
  r: must(len(p.request_fields.get("origin", [])) <= 1, p.request_fields))
asked("Nothing follows the request before the answer", "4.1", waits)
asked("There is no body", "4.1", lambda p, r: must(not {"content-length", "transfer-encoding"} & set(p.request_fields),
  p.request_fields))
asked("Every field's name is a token", "9110 5.1", lambda p,
  r: must(all(TOKEN.fullmatch(n) for n in p.request_fields), p.request_fields))
asked("No value has a control character", "9110 5.5",
      lambda p, r: must(all(c >= " " or c == "\t" for v in p.request_fields.values() for c in "".join(v)),
      p.request_fields))
asked("No field of the handshake comes twice", "11.3",
      lambda p, r: must(all(len(v) == 1 for n, v in p.request_fields.items() if n.startswith("sec-websocket")),
      p.request_fields))
asked("Subprotocols, where there are any, are different tokens", "4.1",
      lambda p, r: must(all(TOKEN.fullmatch(x) for x in tokens(p,
      "sec-websocket-protocol") if x or "sec-websocket-protocol" in p.request_fields), p.request_fields))
asked("TE, where it is sent, is listed in Connection and does not name chunked", "9110 10.1.4", te_is_right)
asked("The offer of compression is one of permessage-deflate, and a server that declines it is talked to", "7692 5",
  offers_deflate, needs="deflate")
