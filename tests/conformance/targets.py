"""What is tested: a server program of this tree on one backend, or a client program that the runner serves."""

import shlex
import socket
import ssl
import subprocess

import peer as wire
from peer import Peer, Wrong
from server_program import ServerProgram
from table import CLIENT, SERVER, Answer, Asked, Dial, Respond, echo, request, response, text
from tls import TlsSocket

ADDRESS = "127.0.0.1"
RESOURCE = "/ws/echo"
SUBPROTOCOLS = ("chat", "superchat")  # of the server, in its order of preference


class Identity:
    """Who both ends are over TLS: a certificate for 127.0.0.1, and contexts that trust its authority alone."""

    def __init__(self, certificates):
        self.authority = certificates.ca
        self.certificate, self.key = certificates.issue("server", f"IP:{ADDRESS}")
        self.client = certificates.client()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(self.certificate, self.key)
        self.server.set_alpn_protocols(["http/1.1"])


class ServerTarget:
    """`with ServerTarget("echo", "epoll") as target:`; many connections at a time. `identity`: over TLS."""

    role = SERVER
    identity = None

    def __init__(self, program, backend, *options, identity=None):
        tls = ("--tls-cert", identity.certificate, "--tls-key", identity.key) if identity else ()
        self.program = ServerProgram(program, "--io", backend, *options, *tls)
        self.backend, self.identity = backend, identity

    def __enter__(self):
        self.program.__enter__()
        self.port = self.program.port
        return self

    def __exit__(self, *error):
        self.program.__exit__(*error)

    def runs_backend(self):
        line = next((line for line in self.program.output().splitlines() if "listening on" in line), "")
        return self.backend in line

    def connect(self):
        connection = socket.create_connection((ADDRESS, self.port), wire.CASE_SECONDS)
        if self.identity:
            connection = TlsSocket(connection, self.identity.client, host=ADDRESS)
        peer = Peer(connection, self.port, SERVER)
        peer.target = self
        return peer

    def open(self, handshake=True):
        """A peer whose handshake is done; a text as `handshake` is the extension it offers."""
        peer = self.connect()
        offered = {"Sec_WebSocket_Extensions": handshake} if isinstance(handshake, str) else {}
        peer.write(peer.encode(request(**offered)))
        peer.expect_answer(Answer(101))
        return peer

    def echo_once(self):
        self.open().play([text("still here"), echo("still here")])

    def play(self, case, script):
        """Plays one script; returns what was right but not strict."""
        peer = self.open(case.handshake) if case.handshake else self.connect()
        try:
            peer.play(script)
        finally:
            peer.socket.close()
        return peer.lenient


class ClientTarget:
    """A command that connects to the URL behind it and sends each message back. `identity`: over TLS."""

    role = CLIENT

    def __init__(self, command, identity=None):
        self.command = shlex.split(command) + (["--ca", identity.authority] if identity else [])
        self.identity = identity
        self.scheme = "wss" if identity else "ws"
        self.keys = set()  # seen in handshakes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def play(self, case, script):
        resource = next((step.resource for step in script if isinstance(step, Dial)), RESOURCE)
        with socket.create_server((ADDRESS, 0)) as listener:
            listener.settimeout(wire.CASE_SECONDS)
            port = listener.getsockname()[1]
            url = f"{self.scheme}://{ADDRESS}:{port}{resource}"
            process = subprocess.Popen([*self.command, url], stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                return self.serve(listener, port, process, case, script)
            finally:
                process.stdin.close()
                if process.poll() is None:
                    process.kill()
                process.wait()

    def serve(self, listener, port, process, case, script):
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            raise Wrong("the client does not connect") from None
        if self.identity:
            connection.settimeout(wire.CASE_SECONDS)
            connection = TlsSocket(connection, self.identity.server, server_side=True)
        peer = Peer(connection, port, CLIENT, process)
        peer.target = self
        try:
            if case.handshake:
                peer.expect_request(Asked())
                peer.respond(self.answer(peer, case.handshake))
            peer.play([step for step in script if not isinstance(step, Dial)])
        finally:
            connection.close()
        return peer.lenient

    def answer(self, peer, handshake):
        """Compression is agreed where the client offers it and the case asks for it; contexts as the client wants."""
        offered = ",".join(peer.request_fields.get("sec-websocket-extensions", []))
        if not isinstance(handshake, str):
            return response()
        if "permessage-deflate" not in offered:
            raise Wrong("the client offers no permessage-deflate")
        flags = [flag for flag in ("server_no_context_takeover", "client_no_context_takeover") if flag in offered]
        peer.deflate = "; ".join(["permessage-deflate", *flags])
        answer = response()
        return Respond(answer.head[:-2] + f"Sec-WebSocket-Extensions: {peer.deflate}\r\n\r\n")
