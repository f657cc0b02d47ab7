"""The closing handshake and what ends without one (RFC 6455, sections 5.5.1, 7.1, 7.2)."""

import socket
import struct

from frames import CLOSE
from peer import Peer, Wrong
from table import SERVER, Closed, Ended, Fails, Ponged, Send, Table, binary, close, cont, echo, ping, pong, text

table = t = Table(13, "Closing")
MIDDLE = {"fin": False}


def reset(peer):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()
    peer.over = True


def fresh_connection_works(peer):
    """The other end lives: a new connection is served."""
    peer.target.echo_once()


def keep_open(peer):
    """Close came and this end does not end TCP: the other one must, and not only when this one goes."""
    event = peer.next_event()
    if event[0] != "close":
        raise Wrong(f"no Close but {event}")
    peer.end_of_stream()
    peer.over = True


t("A Close is answered with a Close, and then TCP ends", "5.5.1", close(1000), Closed(1000))
t("A Close after a message is answered after the echo", "5.5.1", text("a"), echo("a"), close(1000), Closed(1000))
t("A text message behind a Close in the same write is not answered", "5.5.1", close(1000), text("late"), Closed(1000))
t("A binary message behind a Close is not answered", "5.5.1", close(1000), binary(b"late" * 1000), Closed(1000))
t("A ping behind a Close gets no pong", "5.5.2", close(1000), ping("late"), Closed(1000))
t("A pong behind a Close changes nothing", "5.5.1", close(1000), pong("late"), Closed(1000))
t("A second Close with another code behind the first is not answered", "5.5.1", close(3001), close(3002), Closed(3001))
t("A broken frame behind a Close is not judged", "5.5.1", close(1000), Send(15, b"x"), Closed(1000))
t("Bytes that are no frame behind a Close are not judged", "5.5.1", close(1000), b"\xff" * 64, Closed(1000))
t("A continuation behind a Close inside a message is not judged", "5.5.1",
  text("a", **MIDDLE), close(1000), cont("b"), Closed(1000))
t("A Close directly after the handshake is answered", "7.1.2", close(1001), Closed(1001))
t("A ping, its pong, then a Close: all in order", "5.5.2", ping("a"), Ponged(b"a"), close(1000), Closed(1000))
t("The answer to a Close without a code has none", "7.1.5", close(), Closed(None))
t("The server ends TCP first after both Close frames, while the client keeps its side open", "7.1.1", close(1000),
  keep_open, roles=(SERVER,))
t("The server ends TCP after a failure although the client keeps its side open", "7.1.7",
  Send(3, b"x"), keep_open, roles=(SERVER,))
t("Data after a failure is not processed: no answer to valid frames behind it", "7.1.7",
  cont("wrong"), text("late"), ping("late"), close(1000), Fails(1002, "continuation"))
t("A Close behind a failure is not answered with another one", "7.1.7", Send(11), close(4000), Fails(1002, "opcode"))
t("TCP ends without a Close after the handshake: the other side ends, too", "7.2.1", Peer.end_sending, Ended())
t("TCP ends without a Close after a message came back: the other side ends, too", "7.2.1",
  text("a"), echo("a"), Peer.end_sending, Ended())
t.each("TCP ends inside a frame, at each byte of its header: the other side ends without an answer", "7.2.1",
  range(1, 8),
       lambda n: [text("abc" * 60, cut=n), Peer.end_sending, Ended()])
t("TCP ends inside a payload: no part of the message comes back", "7.2.1", text("abc" * 60, cut=50), Peer.end_sending,
  Ended())
t("TCP ends inside a fragmented message: no part of it comes back", "7.2.1", text("a", **MIDDLE), cont("b", **MIDDLE),
  Peer.end_sending, Ended())
t("TCP ends inside a Close frame: it is no Close", "7.2.1", close(1000, cut=3), Peer.end_sending, Ended())
t("A reset after the handshake harms no other connection", "7.2.1", reset, fresh_connection_works, roles=(SERVER,))
t("A reset inside a frame harms no other connection", "7.2.1", binary(b"x" * 500, cut=100), reset,
  fresh_connection_works, roles=(SERVER,))
t("A reset while an echo is on its way harms no other connection", "7.2.1",
  binary(b"x" * 400000), reset, fresh_connection_works, roles=(SERVER,))
t("A client that has sent Close and ends its sending side still gets the answer", "7.1.1",
  close(1000), Peer.end_sending, Closed(1000), roles=(SERVER,))
t("A failure of one connection leaves another as it is", "7.1.7", Send(CLOSE, b"x"), Fails(1002, "one byte"),
  fresh_connection_works, roles=(SERVER,))
