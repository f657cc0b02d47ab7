#!/usr/bin/env python3
"""The chat program over WebSocket and HTTP, on each backend: who gets what, and the limits of a public chat."""

import time
import uuid

from json_clients import BACKENDS, JsonSocket, expect_page, get_json
from raw_websocket import BINARY, TEXT
from server_program import ServerProgram, expect, run_check


class Person(JsonSocket):
    """A connection that has read its welcome and that it joined."""

    def __init__(self, server, *others):
        super().__init__(server.port, "/ws/chat")
        before = time.time()
        welcome = self.expect_json(ignore=("content", "timestamp"), type="welcome", sender="server")
        self.id = welcome["content"]
        expect(str(uuid.UUID(self.id)) == self.id, f"the id is {self.id!r}")
        stamp = welcome["timestamp"]
        expect(isinstance(stamp, int) and before - 60 < stamp < before + 60, f"the timestamp is {stamp!r}")
        for person in (self, *others):
            person.expect_system("New user joined")

    def expect_system(self, content, **more):
        self.expect_json(ignore=("timestamp",), type="system", sender="server", content=content, **more)

    def expect_said(self, type, sender, content, **more):
        self.expect_json(ignore=("timestamp",), type=type, sender=sender.id, content=content, **more)

    def join(self, room, *members):
        self.send_json(type="join", room=room)
        for person in (self, *members):
            person.expect_system(f'User {self.id} joined "{room}"', room=room)


def chat_goes_to_everybody(server):
    ann = Person(server)
    bob = Person(server, ann)
    ann.send_json(type="chat", content="hello \N{FOG}")
    for person in (ann, bob):
        person.expect_said("chat", ann, "hello \N{FOG}")

    before = int(time.time())
    bob.send_json(type="chat", sender="ann", timestamp=5, content="who am I", room="")
    for person in (ann, bob):
        got = person.expect_json(ignore=("timestamp",), type="chat", sender=bob.id, content="who am I")
        expect(before <= got["timestamp"] <= time.time(), f"the client's timestamp was kept: {got}")

    # None of these means anything; the connection goes on.
    ann.send(BINARY, b'{"type":"chat","content":"binary"}')
    for text in ("", "hello", "{", '{"type":"chat","content":', "[]", "null", "5", '"chat"', '{"type":5,"content":"x"}',
                 '{"type":"chat","content":5}', '{"type":"chat","content":["x"]}', '{"type":"room","room":{},"content":"x"}',
                 '{"type":"join","room":1e400}', '{"type":"chat","content":"\\ud800"}', "[" * 10000, "{}",
                 '{"type":"unknown","content":"x"}', '{"content":"x"}'):
        ann.send(TEXT, text.encode())
    ann.send_json(type="chat", content="after")
    for person in (ann, bob):
        person.expect_said("chat", ann, "after")

    bob.close()
    ann.expect_system(f"User {bob.id} left")
    carl = Person(server, ann)
    carl.socket.close()  # without a Close frame
    ann.expect_system(f"User {carl.id} left")
    ann.close()


def rooms_have_members(server):
    ann = Person(server)
    bob = Person(server, ann)
    carl = Person(server, ann, bob)
    ann.join("tea")
    bob.join("tea", ann)

    bob.send_json(type="room", room="tea", content="milk?")
    for person in (ann, bob):
        person.expect_said("room", bob, "milk?", room="tea")
    carl.send_json(type="room", room="tea", content="sugar!")
    carl.expect_system('You are not in room "tea".', room="tea")
    carl.send_json(type="leave", room="tea")
    carl.expect_system('You are not in room "tea".', room="tea")
    ann.send_json(type="join", room="tea")
    ann.expect_system('You are in room "tea" already.', room="tea")
    for person in (ann, bob, carl):
        person.send_json(type="join")
        person.expect_system("A room needs a name.")

    status = get_json(server.port, "/ws/status?room=tea")
    expect(list(status) == ["connections", "rooms", "room", "room_connections", "connections_list"], f"{status}")
    expect((status["connections"], status["rooms"], status["room"]) == (3, ["tea"], "tea"), f"{status}")
    expect(status["room_connections"] == 2 and set(status["connections_list"]) == {ann.id, bob.id}, f"{status}")
    expect(get_json(server.port, "/ws/status") == {"connections": 3, "rooms": ["tea"]}, "status without a room")
    for room, name in (("none", "none"), ("%ff", "\N{REPLACEMENT CHARACTER}"), ("x" * 9000, "x" * 9000)):
        status = get_json(server.port, "/ws/status?room=" + room)
        expect((status["room"], status["room_connections"], status["connections_list"]) == (name, 0, []), f"{room[:20]}")

    bob.send_json(type="leave", room="tea")
    ann.expect_system(f'User {bob.id} left "tea"', room="tea")
    bob.send_json(type="room", room="tea", content="still?")
    bob.expect_system('You are not in room "tea".', room="tea")
    carl.send_json(type="chat", content="end")  # and nothing that the others said in the room came before it
    for person in (ann, bob, carl):
        person.expect_said("chat", carl, "end")
    ann.send_json(type="leave", room="tea")
    ann.send_json(type="chat", content="gone")
    for person in (ann, bob, carl):
        person.expect_said("chat", ann, "gone")
    expect(get_json(server.port, "/ws/status") == {"connections": 3, "rooms": []}, "an empty room is still there")
    for person in (ann, bob, carl):
        person.socket.close()


def floods_end(options):
    with ServerProgram("chat", *options) as server:
        ann = Person(server)
        bob = Person(server, ann)
        for _ in range(40):
            bob.send_json(type="chat", content="x" * 50)
        said = 0
        while (message := bob.receive_json())["type"] == "chat":
            said += 1
        expect(message["content"].startswith("Too fast: at most "), f"{message}")
        bob.expect_close(1008)
        expect(said < 40, "everything went through")
        while ann.receive_json()["content"] != f"User {bob.id} left":
            pass
        bob.socket.close()
        ann.socket.close()


def limits_are_named():
    with ServerProgram("chat", "--max-rooms", "1", "--max-members", "1", "--max-name", "36") as server:
        ann = Person(server)
        bob = Person(server, ann)
        ann.join("one")
        ann.send_json(type="join", room="two")
        ann.expect_system("Not joined: a connection is in at most 1 rooms.", room="two")
        bob.send_json(type="join", room="one")
        bob.expect_system('Not joined: room "one" is full, at most 1 members.', room="one")
        bob.send_json(type="join", room="x" * 37)
        bob.expect_system("A room's name has at most 36 bytes.")
        bob.join("x" * 36)
        for person in (ann, bob):
            person.socket.close()


def check():
    for backend in BACKENDS:
        for cores in ("1", "2"):
            with ServerProgram("chat", "--io", backend, "--cores", cores) as server:
                expect_page(server.port, "/", "brume chat")
                chat_goes_to_everybody(server)
            with ServerProgram("chat", "--io", backend, "--cores", cores) as server:
                rooms_have_members(server)
    floods_end(["--message-rate", "2"])
    floods_end(["--byte-rate", "200", "--message-rate", "0"])
    limits_are_named()


if __name__ == "__main__":
    run_check(check)
