#!/usr/bin/env python3
"""The notifications program over WebSocket and HTTP, on each backend: whom a notification reaches, and what is refused."""

import datetime

from json_clients import BACKENDS, JsonSocket, expect_page, post, request
from server_program import ServerProgram, expect, run_check

REFUSED = [
    ("", "line 1, column 1"),
    ('{"user_id": "ann",\n "message": oops}', "line 2, column 13"),
    ('{"message": "x"', "line 1, column 16"),
    ("[]", "no object"),
    ('"x"', "no object"),
    ('{"user_id": 5, "message": "x"}', '"user_id" is no string'),
    ('{"message": {"text": "x"}}', '"message" is no string'),
    ('{"message": "x", "type": ["info"]}', '"type" is no string'),
    ('{"type": "info"}', '"message" is missing'),
]


class User(JsonSocket):
    def __init__(self, server, path_id, user):
        super().__init__(server.port, f"/ws/notifications/{path_id}")
        welcome = self.expect_json(
            ignore=("time",), type="welcome", message=f"Connected, notifications for {user} come here")
        time = datetime.datetime.fromisoformat(welcome["time"].replace("Z", "+00:00"))  # RFC 3339
        late = abs(datetime.datetime.now(datetime.timezone.utc) - time)
        expect(late < datetime.timedelta(minutes=1), f"the time is {welcome['time']}")


def notify(server, sent_to, **notification):
    answer = post(server.port, "/api/notify", notification)
    expect(answer == (200, {"success": True, "sent_to": sent_to}), f"{notification}: {answer}")


def notifications_arrive(server):
    notify(server, 0, user_id="ann", type="info", message="nobody there")
    notify(server, 0, type="info", message="nobody at all")
    ann = User(server, "ann", "ann")
    bob = User(server, "bob%20%E2%98%95", "bob \N{HOT BEVERAGE}")
    notify(server, 1, user_id="bob \N{HOT BEVERAGE}", type="warning", message="for bob")
    bob.expect_json(ignore=("time",), type="warning", message="for bob")
    notify(server, 2, type="info", message="for all")
    for user in (ann, bob):
        user.expect_json(ignore=("time",), type="info", message="for all")
    notify(server, 2, message="without a type")
    ann.expect_json(ignore=("time",), type="notification", message="without a type")
    ann.send_json(anything="means nothing")
    notify(server, 1, user_id="ann", type="info", message="<b>as text</b>")
    ann.expect_json(ignore=("time",), type="info", message="<b>as text</b>")

    newer = User(server, "ann", "ann")
    ann.expect_close(4000)
    notify(server, 1, user_id="ann", type="info", message="to the newer one")
    newer.expect_json(ignore=("time",), type="info", message="to the newer one")
    newer.close()
    bob.expect_json(ignore=("time",), type="notification", message="without a type")
    bob.close()


def refusals_say_where(server):
    for body, words in REFUSED:
        status, answer = post(server.port, "/api/notify", body)
        expect(status == 400 and answer["success"] is False and words in answer["error"], f"{body}: {status} {answer}")
    status, answer = post(server.port, "/api/notify", {"user_id": "x" * 300, "message": "x"})
    expect(status == 400 and "251 bytes" in answer["error"], f"{status} {answer}")
    status, answer = post(server.port, "/api/notify", {"message": "x" * 600000})
    expect(status == 413, f"{status} {answer}")
    status, answer = post(server.port, "/api/notify", {"message": "x"}, {"Origin": "http://elsewhere.example"})
    expect(status == 403, f"another site's page may notify: {status} {answer}")
    status, _ = post(server.port, "/api/notify", {"message": "x"}, {"Origin": f"http://127.0.0.1:{server.port}"})
    expect(status == 200, f"the server's own page may not: {status}")

    status, headers, _ = request(server.port, "GET", "/api/notify")
    expect(status == 405 and headers["Allow"] == "POST", f"GET /api/notify: {status} {headers['Allow']}")
    for path in ("/ws/notifications", "/ws/notifications/", "/ws/notifications/" + "x" * 252, "/ws/notifications/%ff"):
        status, _, text = request(server.port, "GET", path)
        expect(status == 400 and "a user's id" in text, f"GET {path[:40]}: {status} {text}")
    status, headers, _ = request(server.port, "GET", "/ws/notifications/ann")
    expect(status == 426 and headers["Sec-WebSocket-Version"] == "13", f"without an upgrade: {status}")


def check():
    for backend in BACKENDS:
        for cores in ("1", "2"):
            with ServerProgram("notifications", "--io", backend, "--cores", cores) as server:
                expect_page(server.port, "/", "brume notifications")
                notifications_arrive(server)
                refusals_say_where(server)


if __name__ == "__main__":
    run_check(check)
