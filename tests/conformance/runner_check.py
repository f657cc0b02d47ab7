#!/usr/bin/env python3
"""The suite's own tests: a server that is wrong fails its cases, and a list of demands with holes is told."""

import concurrent.futures
import pathlib
import socket
import tempfile
import threading
import zlib

import run  # which also finds the folder of the next
import catalogue
import peer
import requirements
from cases import deflate_data
from server_program import expect, run_check
from table import Answer, response
from targets import ADDRESS, Identity, ServerTarget
from tls import TlsSocket, Truncated
from tls_certificates import Certificates

CLASSES_PLAYED = (1, 3, 4, 5, 7, 10, 12)
SECONDS = 2.0  # until a case that waits for what never comes is given up
AT_A_TIME = 16
WRONG_ROWS = """## RFC 6455
| section | binds | words | cases |
|---|---|---|---|
| 5.2 | both | right | 1.1, 4.1-4.3, 5.* |
| 5.3 | both | right, too | none: it binds somebody else |
| 5.4 | both | no such case | 1.999 |
| 5.5 | both | no such range | 4.30-4.99 |
| 5.6 | both | no such class | 99.* |
| 5.7 | both | nothing |  |
| 5.8 | | nobody is bound | 1.1 |
"""


class Parrot(ServerTarget):
    """Answers every handshake rightly and then sends back each byte as it came, masks and broken rules included."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        server = peer.Peer(connection, self.port, "client")
        server.target = self
        try:
            server.expect_request(peer.Asked())
            server.respond(response())
            while server.buffer or server.receive_more():
                connection.sendall(bytes(server.buffer))
                server.buffer.clear()
        except (OSError, peer.Wrong):
            pass
        finally:
            connection.close()


def a_wrong_server_fails():
    parrot = Parrot()
    cases = [case for table in catalogue.load() if table.number in CLASSES_PLAYED for case in table.cases]
    peer.CASE_SECONDS = SECONDS
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(lambda case: run.run_case(parrot, case), cases))
    for case, result in zip(cases, results):
        told = f"{case.number} {case.sentence}: {result}"
        expect(result.outcome == run.FAILED and "Traceback" not in result.detail, told)
    print(f"note: a server that sends back every byte as it came fails each of {len(cases)} cases")


def a_wrong_answer_is_no_answer():
    parrot = Parrot()
    for wanted in (400, 426):
        peer_of_it = parrot.connect()
        try:
            peer_of_it.play([run.catalogue.load()[17].cases[0].scripts[0][0], Answer(wanted)])
        except peer.Wrong:
            continue
        expect(False, f"101 passes as {wanted}")


def with_tls(talk):
    """Both ends of a connection over TLS: this one, while a thread has talk(the other)."""
    with Certificates() as certificates:
        identity = Identity(certificates)
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(peer.CASE_SECONDS)
    thread = threading.Thread(target=lambda: talk(TlsSocket(theirs, identity.server, server_side=True)), daemon=True)
    thread.start()
    return TlsSocket(ours, identity.client, host=ADDRESS)


def an_end_of_tls_needs_close_notify():
    def in_order(other):
        expect(other.recv(10) == b"half" and other.recv(10) == b"", "the first direction does not end")
        other.sendall(b"x" * 100_000)
        other.shutdown(socket.SHUT_WR)

    connection = with_tls(in_order)
    connection.sendall(b"half")
    connection.shutdown(socket.SHUT_WR)
    came = b""
    while received := connection.recv(65536):
        came += received
    expect(came == b"x" * 100_000, f"{len(came)} bytes came behind our end")

    def cut_off(other):
        other.sendall(b"x")
        other.plain.shutdown(socket.SHUT_RDWR)

    connection = with_tls(cut_off)
    expect(connection.recv(10) == b"x", "what came before the end is lost")
    try:
        connection.recv(10)
    except Truncated:
        return
    expect(False, "an end without close_notify passes")


def what_was_agreed_of_compression_is_looked_at():
    """The peer inflates with the window and the context that were agreed: an echo that reaches beyond them is told."""
    unused, text = socket.socket(), deflate_data.hexadecimal(1000)

    def told(agreed, payloads):
        end = peer.Peer(unused, 0, "server")
        end.deflate = f"permessage-deflate; {agreed}"
        try:
            return not all(end.inflate(payload) == expected for payload, expected in payloads)
        except peer.Wrong:
            return True

    def compressed(bits, *messages):
        machine = zlib.compressobj(9, zlib.DEFLATED, -bits)
        return [((machine.compress(each) + machine.flush(zlib.Z_SYNC_FLUSH)).removesuffix(deflate_data.TAIL), each)
                for each in messages]

    for agreed, bits, messages, wrong in (
            ("server_max_window_bits=9", 9, [text * 3], False),
            ("server_max_window_bits=9", 15, [text * 3], True),
            ("client_max_window_bits=9", 15, [text * 3], False),
            ("server_max_window_bits=11", 15, [text, text], False),
            ("server_no_context_takeover", 15, [text, text], True),
            ("client_no_context_takeover", 15, [text, text], False)):
        expect(told(agreed, compressed(bits, *messages)) == wrong, f"{agreed}: {bits} bits, {len(messages)} messages")
    for bits in range(9, 16):
        stored, far, window, copy = deflate_data.refers_far_back(bits, whole=True)
        data = stored + far + deflate_data.TAIL
        expect(zlib.decompressobj(-15).decompress(data) == window + copy, f"it refers to something else: {bits} bits")
        try:
            peer.inflate_with(zlib.decompressobj(-(bits - 1)), data, bytewise=True)
        except zlib.error:
            continue
        expect(False, f"it does not refer farther back than {bits - 1} bits")


def holes_in_the_list_are_told():
    tables = catalogue.load()
    with tempfile.NamedTemporaryFile("w", suffix=".md") as file:
        file.write(WRONG_ROWS)
        file.flush()
        needs = requirements.load(pathlib.Path(file.name))
        told = list(requirements.complaints(needs, tables))
    expect(len(needs) == 7, f"{len(needs)} rows")
    for section in ("5.4", "5.5", "5.6", "5.7", "5.8"):
        expect(any(f", {section}:" in line for line in told), f"{section} is not told: {told}")
    for section in ("5.2", "5.3"):
        expect(not any(f", {section}:" in line for line in told), f"{section} is right: {told}")
    expect(list(requirements.complaints([], tables)), "an empty list is not told")
    counted = {"6455": {"5.3": 0, "5.4": 1}}
    short = [line for line in requirements.complaints(needs, tables, counted) if "demands in the text" in line]
    expect(len(short) == 1 and "5.4" in short[0], f"a section with too few rows: {short}")
    text = "1.  One\n\n   It MUST, and MUST NOT.\n\n1.2.  Two\n\n   It is REQUIRED.\n"
    expect(requirements.count_in(text) == {"1": 2, "1.2": 1}, f"counted {requirements.count_in(text)}")


def check():
    a_wrong_server_fails()
    a_wrong_answer_is_no_answer()
    an_end_of_tls_needs_close_notify()
    what_was_agreed_of_compression_is_looked_at()
    holes_in_the_list_are_told()


if __name__ == "__main__":
    run_check(check)
