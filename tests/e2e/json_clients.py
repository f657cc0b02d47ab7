"""Clients of the applications: a WebSocket that speaks JSON, and HTTP requests that answer JSON."""

import http.client
import json

from raw_websocket import TEXT, TIMEOUT_SECONDS, RawWebSocket
from server_program import expect

BACKENDS = ("io_uring", "epoll")


class JsonSocket(RawWebSocket):
    def send_json(self, **message):
        self.send(TEXT, json.dumps(message).encode())

    def receive_json(self):
        opcode, payload = self.receive()
        expect(opcode == TEXT, f"got {(opcode, payload[:80])}, not a text message")
        return json.loads(payload)

    def expect_json(self, ignore=(), **wanted):
        """The next message has exactly these members, besides those to ignore, which must be there. Returns it."""
        got = self.receive_json()
        for name in ignore:
            expect(name in got, f"no {name!r} in {got}")
        rest = {name: value for name, value in got.items() if name not in ignore}
        expect(rest == wanted, f"got {got}, wanted {wanted}")
        return got


def request(port, method, path, body=None, headers=None):
    """Returns (status, headers, text)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def get_json(port, path):
    status, headers, text = request(port, "GET", path)
    expect(status == 200, f"GET {path}: {status} {text[:200]}")
    expect(headers["Content-Type"] == "application/json", f"GET {path}: {headers['Content-Type']}")
    return json.loads(text)


def post(port, path, body, headers=None):
    """Posts a value as JSON, or a string as it is; returns (status, what the JSON answer says)."""
    text = body if isinstance(body, str) else json.dumps(body)
    status, _, answer = request(port, "POST", path, text.encode(), headers)
    return status, json.loads(answer)


def expect_page(port, path, title):
    """A page with that title and a policy that lets nothing inline or foreign run. Returns its text."""
    status, headers, text = request(port, "GET", path)
    expect(status == 200 and f"<title>{title}</title>" in text, f"GET {path}: {status} {text[:200]}")
    policy = headers["Content-Security-Policy"]
    expect("default-src 'none'" in policy and "unsafe" not in policy, f"GET {path}: policy {policy}")
    return text
