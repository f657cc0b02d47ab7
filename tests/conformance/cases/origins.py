"""Whose pages may connect: the Origin field (RFC 6455, sections 4.2.2 and 10.2; RFC 6454)."""

from table import SERVER, Answer, Table, request

table = t = Table(20, "Origin", roles=(SERVER,), handshake=False)
FORBIDDEN = Answer(403)
FINE = Answer(101)


def origin(sentence, *pairs, answer=FORBIDDEN, section="10.2"):
    """Pairs of Host and Origin."""
    t.each(sentence, section, pairs, lambda pair: [request(Host=pair[0], Origin=pair[1]), answer])


t("A client that is no browser sends no Origin and is let in", "10.2", request(), FINE)
origin("The same origin is let in", ("brume.example:{port}", "{http}://brume.example:{port}"), answer=FINE)
origin("An address as origin is let in where it is the Host", ("127.0.0.1:{port}", "{http}://127.0.0.1:{port}"),
  answer=FINE)
origin("An IPv6 address as origin is let in where it is the Host", ("[::1]:8080", "{http}://[::1]:8080"), answer=FINE)
origin("The host is compared ASCII case-blind", ("BRUME.example", "{http}://brume.EXAMPLE"),
  ("brume.example", "{http}://Brume.Example"), answer=FINE)
origin("A missing port is the default of Origin's scheme, which is the server's",
       ("brume.example:{default}", "{http}://brume.example"), ("brume.example", "{http}://brume.example:{default}"),
       answer=FINE)
origin("A missing port is the default of Origin's scheme: https, as behind a proxy that ends TLS",
       ("brume.example:443", "https://brume.example"), ("brume.example", "https://brume.example"),
       ("brume.example", "https://brume.example:443"), answer=FINE)
origin("The scheme is case-blind", ("brume.example", "{HTTP}://brume.example"), answer=FINE)
origin("ws and wss are origins like http and https", ("brume.example", "{ws}://brume.example"),
  ("brume.example:443", "wss://brume.example"), answer=FINE)
origin("Another host is refused", ("brume.example", "{http}://evil.example"))
origin("Another port is refused", ("brume.example:8080", "{http}://brume.example:8081"),
  ("brume.example", "{http}://brume.example:8080"))
origin("The other scheme's default port is refused", ("brume.example:{other}", "{http}://brume.example"),
  ("brume.example:80", "https://brume.example"))
origin("A host that only begins like it is refused", ("good.example", "{http}://good.example.evil"),
  ("good.example", "{http}://good.examples"))
origin("A host that only ends like it is refused", ("good.example", "{http}://evilgood.example"),
  ("good.example", "{http}://evil.good.example"))
origin("A subdomain's parent is refused", ("app.good.example", "{http}://good.example"))
origin("null, of a sandboxed page or a file, is refused", ("brume.example", "null"))
origin("An empty Origin is refused", ("brume.example", ""))
origin("An Origin without a scheme is refused", ("brume.example", "brume.example"),
  ("brume.example", "//brume.example"))
origin("An Origin of another scheme is refused", ("brume.example", "file://brume.example"),
  ("brume.example", "ftp://brume.example"),
       ("brume.example", "chrome-extension://brume.example"))
origin("An Origin with a path is refused", ("brume.example", "{http}://brume.example/"),
  ("brume.example", "{http}://brume.example/page"))
origin("An Origin with user information is refused", ("brume.example", "{http}://brume.example@evil.example"),
  ("brume.example", "{http}://user@brume.example"))
origin("Two origins in one field are refused", ("brume.example", "{http}://brume.example {http}://evil.example"),
  ("brume.example", "{http}://brume.example, {http}://evil.example"))
origin("An Origin with a broken port is refused", ("brume.example", "{http}://brume.example:x"),
  ("brume.example", "{http}://brume.example:99999"))
t("Two Origin fields are refused although both are right", "10.2",
  request(Host="brume.example", Origin="{http}://brume.example", more=("Origin: {http}://brume.example",)), FORBIDDEN)
t("Two Origin fields of which one is foreign are refused", "10.2",
  request(Host="brume.example", Origin="{http}://brume.example", more=("Origin: {http}://evil.example",)), FORBIDDEN)
t("The authority of an absolute target counts, not Host", "9112 3.2.2",
  request(line="GET http://brume.example/ws/echo HTTP/1.1", Host="evil.example", Origin="{http}://brume.example"), FINE)
t("A foreign Origin that equals Host but not the absolute target is refused", "9112 3.2.2",
  request(line="GET http://brume.example/ws/echo HTTP/1.1", Host="evil.example", Origin="{http}://evil.example"),
  FORBIDDEN)
