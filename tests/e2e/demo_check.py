#!/usr/bin/env python3
"""The demo serves all applications and their pages, linked; a single program its own page alone; broadcast fans out, to all and to rooms."""

from json_clients import BACKENDS, JsonSocket, expect_page, get_json, post, request
from raw_websocket import BINARY, TEXT, RawWebSocket
from server_program import ServerProgram, expect, run_check

PAGES = {"/": "brume chat", "/echo": "brume echo", "/notifications?user=ann": "brume notifications"}


def the_demo_has_everything(backend):
    with ServerProgram("demo", "--io", backend, "--cores", "2") as server:
        for path, title in PAGES.items():
            text = expect_page(server.port, path, title)
            for other in ("/", "/echo", "/notifications"):
                expect(f'<a href="{other}"' in text, f"{path} has no link to {other}")
            files_are_there(server, text)
        for path in ("/www/chat.html", "/www/none.js", "/www/..%2fMakefile", "/www/"):
            status, _, _ = request(server.port, "GET", path)
            expect(status == 404, f"GET {path}: {status}")

        echo = RawWebSocket(server.port, "/ws/echo")
        echo.expect_echo(TEXT, "\N{FOG}".encode())
        echo.expect_echo(BINARY, bytes(range(256)))
        ann = JsonSocket(server.port, "/ws/notifications/ann")
        ann.expect_json(ignore=("message", "time"), type="welcome")
        chat = JsonSocket(server.port, "/ws/chat")
        welcome = chat.expect_json(ignore=("content", "timestamp"), type="welcome", sender="server")
        chat.expect_json(ignore=("timestamp",), type="system", sender="server", content="New user joined")
        # Each application has people of its own.
        expect(get_json(server.port, "/ws/status")["connections"] == 1, "users of notifications are in the chat")
        expect(post(server.port, "/api/notify", {"type": "info", "message": "x"}) == (200, {"success": True, "sent_to": 1}),
               "the chat gets notifications")
        ann.expect_json(ignore=("time",), type="info", message="x")
        chat.send_json(type="chat", content="hi")
        chat.expect_json(ignore=("timestamp",), type="chat", sender=welcome["content"], content="hi")
        server.terminate()
        for connection in (echo, ann, chat):
            connection.expect_close(1001)
            connection.send_close(1001)
            connection.socket.close()
        expect(server.wait() == 0, "the demo did not end well")


def files_are_there(server, page):
    names = [part.split('"')[0] for part in page.split('"/www/')[1:]]
    expect(len(names) >= 4, f"styles and scripts: {names}")
    for name in names:
        status, headers, text = request(server.port, "GET", "/www/" + name)
        wanted = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
        expect(status == 200 and headers["Content-Type"].startswith(wanted) and text, f"{name}: {status} {headers}")


def a_single_program_has_its_own_page():
    for program, title in (("chat", "brume chat"), ("notifications", "brume notifications"), ("echo", "brume echo")):
        with ServerProgram(program) as server:
            text = expect_page(server.port, "/", title)
            expect("<nav" not in text and "<!-- links" not in text, f"{program} links to pages it does not have")
            files_are_there(server, text)
            expect(request(server.port, "GET", "/notifications")[0] == 404, f"{program} has the demo's pages")


def broadcast_reaches_all(backend, cores, style):
    with ServerProgram("broadcast", "--io", backend, "--cores", cores, "--style", style) as server:
        people = []
        for _ in range(8):
            people.append(RawWebSocket(server.port, "/"))
            people[-1].send(TEXT, b"here")  # who gets what it sent itself is there for what others send
            for person in people:
                got = person.receive()
                expect(got == (TEXT, b"here"), f"{backend} {cores} {style}: {got}")
        for opcode, payload in ((TEXT, "to all \N{FOG}".encode()), (BINARY, bytes(100000))):
            people[3].send(opcode, payload)
            for person in people:
                got = person.receive()
                expect(got == (opcode, payload), f"{backend} {cores} {style}: {got[0]} {got[1][:40]}")
        for person in people:
            person.socket.close()


def broadcast_keeps_rooms_apart(backend, style):
    with ServerProgram("broadcast", "--io", backend, "--cores", "2", "--style", style) as server:
        rooms = {name: [RawWebSocket(server.port, f"/room/{name}") for _ in range(3)] for name in ("tea", "coffee")}
        for name, people in rooms.items():
            # Who hears itself is a member, and then hears the others.
            for count, person in enumerate(people):
                person.send(TEXT, f"{name} {count}".encode())
            for person in people:
                heard = {person.receive()[1].decode()}
                while f"{name} {people.index(person)}" not in heard:
                    heard.add(person.receive()[1].decode())
                expect(all(text.startswith(name) for text in heard), f"{backend} {style}: {heard} in room {name}")
        for name, people in rooms.items():
            people[0].send(TEXT, f"last of {name}".encode())
            for person in people:
                text = person.receive()[1].decode()
                while not text.startswith("last"):
                    text = person.receive()[1].decode()
                expect(text == f"last of {name}", f"{backend} {style}: {text} in room {name}")
        status, _, text = request(server.port, "GET", "/stats")
        # Behind it stand counters of what was refused, and of slow turns on a slow machine.
        expect(status == 200 and text.split()[0] == "connections=6", f"{status} {text}")
        for people in rooms.values():
            for person in people:
                person.socket.close()


def check():
    for backend in BACKENDS:
        the_demo_has_everything(backend)
        for cores in ("1", "2"):
            for style in ("coroutine", "callback"):
                broadcast_reaches_all(backend, cores, style)
        for style in ("coroutine", "callback"):
            broadcast_keeps_rooms_apart(backend, style)
    a_single_program_has_its_own_page()


if __name__ == "__main__":
    run_check(check)
