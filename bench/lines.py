"""The lines of work that `make bench` measures: who takes part, what the generator does, what must be reached."""

import dataclasses

PEERS = ("bun", "beast", "gorilla", "ws")
LIMITS = ("limit_epoll", "limit_uring")
FAN_LIMITS = ("limit_fan_epoll", "limit_fan_uring")


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str  # as wsblast names it
    title: str
    decimals: int = 0
    divisor: float = 1
    higher_is_better: bool = True


@dataclasses.dataclass(frozen=True)
class Mark:
    text: str
    goal: float
    against: str  # "limit": the better of the line's limit programs; else the key of a server
    at_least: bool = True
    only: str = ""  # the one of the subjects that it is about; empty: each
    figure: str = ""  # the key of what it is about; empty: the line's figure


@dataclasses.dataclass(frozen=True)
class Line:
    key: str
    title: str
    arguments: tuple
    servers: tuple
    figure: Figure
    extra: tuple = ()  # figures of which only the median is shown
    marks: tuple = ()
    kind: str = "load"  # "load": one wsblast run is one figure; the others have procedures of their own
    subjects: tuple = ("brume",)  # the servers that the marks are about
    note: str = ""


RATE = Figure("msgs_per_s", "messages/s")
MEGABYTES = Figure("mb_per_s", "MB/s")
P50 = Figure("p50_us", "p50 µs", 1, higher_is_better=False)
P99 = Figure("p99_us", "p99 µs", 1, higher_is_better=False)
SERVER_US = Figure("server_us_per_msg", "server CPU µs/message", 3, higher_is_better=False)
SERVER_USER_NS = Figure("server_user_ns_per_msg", "of it user ns", 0, higher_is_better=False)
USUAL = (P50, P99, SERVER_US, SERVER_USER_NS)
EVERYONE = ("brume", "brume_callback", "brume_epoll", *LIMITS, *PEERS)


def echo(connections, depth, size):
    return ("echo", "--conns", str(connections), "--depth", str(depth), "--size", str(size))


DELIVERIES = Figure("msgs_per_s", "deliveries/s")
OWN_P50 = Figure("p50_us", "publisher's own copy, p50 µs", 1, higher_is_better=False)
OWN_P99 = Figure("p99_us", "p99 µs", 1, higher_is_better=False)
DELIVERY_US = Figure("server_us_per_msg", "server CPU µs/delivery", 4, higher_is_better=False)
FAN_USUAL = (OWN_P50, OWN_P99, DELIVERY_US, SERVER_USER_NS)
FAN_PEERS = ("bun_fan", "gorilla_fan", "ws_fan")
FAN_SUBJECTS = ("brume_fan", "brume_fan_epoll")


def fan(connections, window, *more, size=100):
    """From one publisher a room; 20 members' copies are compared with what was published."""
    usual = ("fan", "--conns", str(connections), "--window", str(window), "--size", str(size), "--verify", "20")
    return usual + more


TLS_PEERS = ("bun_tls", "beast_tls", "gorilla_tls", "ws_tls")
TLS_USUAL = (RATE, P50, P99, SERVER_USER_NS)
TLS_NOTE = ("Each server shows the same self-signed certificate (ECDSA, P-256) and agrees on TLS 1.3 with X25519 and "
            "TLS_AES_128_GCM_SHA256: the generator offers nothing else.")
HANDSHAKE_US = Figure("server_us_per_handshake", "server CPU µs/handshake", 1, higher_is_better=False)
HANDSHAKES = Figure("handshakes_per_s", "handshakes/s")
DEFLATE_PEERS = ("bun_deflate", "beast_deflate", "gorilla_deflate", "ws_deflate")
COMPRESSED = Figure("compressed", "share of answers compressed", 3)


def tls_handshakes(kind, title, *more):
    limit = f"limit_tls_{kind}"
    return Line(
        f"tls_{kind}", f"TLS handshakes, {title}, each with an upgrade, 64 connections at a time",
        ("churn", "--conns", "64", "--tls", *more), ("brume_tls", "brume_tls_epoll", limit, *TLS_PEERS), HANDSHAKE_US,
        (HANDSHAKES, Figure("resumed", "share resumed", 2)),
        (Mark("times OpenSSL's calls alone", 1.2, limit, at_least=False),), subjects=("brume_tls",),
        note=TLS_NOTE + " A connection is accepted, shakes hands, is upgraded and reset: all of that is the server's CPU "
        "time. OpenSSL's calls alone (bench/limits/tls_calls) are those of the same connection between buffers in memory, "
        "without a socket.")


LINES = [
    Line("depth1", "Echo of 20 B on 100 connections, 1 message in flight on each", echo(100, 1, 20), EVERYONE, RATE,
         USUAL, (Mark("of the better bare TCP program", 0.97, "limit"),)),
    Line("depth16", "Echo of 20 B on 100 connections, 16 messages in flight on each", echo(100, 16, 20), EVERYONE, RATE,
         USUAL, (Mark("of Bun", 1.2, "bun"),)),
    Line("depth64", "Echo of 20 B on 100 connections, 64 messages in flight on each", echo(100, 64, 20), EVERYONE, RATE,
         USUAL),
    Line("16k", "Echo of 16 KiB on 10 connections, 2 messages in flight on each", echo(10, 2, 16384), EVERYONE,
         MEGABYTES, USUAL, (Mark("of the better bare TCP program", 0.8, "limit"),)),
    Line("1m", "Echo of 1 MiB on 4 connections, 2 messages in flight on each", echo(4, 2, 1048576),
         ("brume_large", "brume_epoll_large", *LIMITS, *PEERS), MEGABYTES, USUAL,
         note="Messages of 1 MiB are above brume's default limit of 512 KiB, which is raised here."),
    Line("mixed", "Echo of 20 B, 125 B, 1 KiB and 16 KiB mixed, text, 100 connections, 4 messages in flight, every "
         "echo compared",
         ("echo", "--conns", "100", "--depth", "4", "--sizes", "20,125,1024,16384", "--text", "--verify", "100"),
         ("brume", "brume_callback", "brume_epoll", "bun", "beast", "gorilla", "ws"), RATE, USUAL),
    Line("pingpong", "Ping-pong of 20 B on 1 connection", echo(1, 1, 20),
         ("brume", "brume_busy", "brume_epoll", *LIMITS, "bun"), P50, (P99, RATE, SERVER_US)),
    Line("churn", "Handshakes: connections opened, upgraded and reset, 64 at a time", ("churn", "--conns", "64"),
         ("brume", "brume_epoll", *PEERS), Figure("handshakes_per_s", "handshakes/s"),
         (Figure("server_us_per_handshake", "server CPU µs each", 1, higher_is_better=False),)),
    Line("idle", "Memory of idle connections: 0, 1,000 and 10,000 of them", ("idle", "--steps", "1000,10000"),
         ("brume", "brume_callback", "brume_epoll", "brume_epoll_callback", *LIMITS, *PEERS),
         Figure("rss_slope", "RSS B/connection", higher_is_better=False),
         (Figure("rss_slope_later", "from 1,000 to 10,000 alone", higher_is_better=False),
          Figure("cgroup_slope", "cgroup B/connection", higher_is_better=False),
          Figure("rss_at_0", "RSS MiB at 0", 1, 2**20), Figure("rss_at_10000", "at 10,000", 1, 2**20)),
         (Mark("bytes of RSS for each idle connection", 512, "", at_least=False),), kind="idle",
         subjects=("brume", "brume_callback", "brume_epoll", "brume_epoll_callback"),
         note="Slopes by least squares over the three counts; the first connections also pay for pools that are touched "
         "for the first time, which the slope from 1,000 on leaves out. The cgroup's memory is that of everything in it: the "
         "kernel's sockets of both ends, and the generator; the bare TCP programs show how much that is."),
    Line("stopped", "Echo of 20 B on 100 connections, with and without one more client that was stopped (SIGSTOP) "
         "in the middle of a flood of 256 KiB messages", echo(100, 1, 20),
         ("brume", "brume_epoll", *PEERS), Figure("p99_ratio", "p99 with / without", 2, higher_is_better=False),
         (Figure("p99_without_us", "p99 µs without", 1), Figure("p99_with_us", "p99 µs with", 1)),
         (Mark("times the p99 without the stopped client", 1.3, "", at_least=False),), kind="stopped",
         subjects=("brume", "brume_epoll")),
    Line("fan1000", "Fan-out of 100 B to 1,000 connections, 32 messages in flight", fan(1000, 32),
         ("brume_fan", "brume_fan_callback", "brume_fan_epoll", *FAN_LIMITS, *FAN_PEERS), DELIVERIES, FAN_USUAL,
         (Mark("of Bun", 1.0, "bun_fan"), Mark("of the bare TCP fan-out on io_uring", 0.95, "limit_fan_uring", only="brume_fan"),
          Mark("of the bare TCP fan-out on epoll", 0.95, "limit_fan_epoll", only="brume_fan_epoll")),
         subjects=FAN_SUBJECTS,
         note="A message counts as out of flight once all have received it. The bare TCP programs send on what arrived in a turn, "
         "one send for each connection."),
    Line("fan1000_window1", "Fan-out of 100 B to 1,000 connections, 1 message in flight", fan(1000, 1),
         ("brume_fan", "brume_fan_callback", "brume_fan_epoll", *FAN_LIMITS, *FAN_PEERS), DELIVERIES, FAN_USUAL),
    Line("rooms100", "100 rooms of 10: in each one member publishes 100 B, 32 messages in flight",
         fan(1000, 32, "--rooms", "100"),
         ("brume_fan", "brume_fan_callback", "brume_fan_epoll", *FAN_PEERS), DELIVERIES, FAN_USUAL,
         (Mark("of Bun", 1.0, "bun_fan"),), subjects=FAN_SUBJECTS),
    Line("fan_cores", "Fan-out of 100 B to 1,000 connections, 32 messages in flight, by one and by two server cores",
         fan(1000, 32), ("brume_fan", "brume_fan_two"), DELIVERY_US, (DELIVERIES, OWN_P50, OWN_P99, SERVER_USER_NS),
         (Mark("times one core's server CPU for each delivery", 1.1, "brume_fan", at_least=False),),
         subjects=("brume_fan_two",),
         note="With two cores the second is the generator's too: deliveries a second do not say what two cores could do, "
         "and each pays for the other's cold caches. What is compared is the server's own CPU time for each delivery."),
    Line("fan_stopped", "Fan-out of 1,000 B to 1,000 connections, 32 messages in flight, with and without one more "
         "member that reads nothing", fan(1000, 32, size=1000),
         ("brume_fan", "brume_fan_epoll", *FAN_PEERS),
         Figure("others_p99_ratio", "others' p99 with / without", 2, higher_is_better=False),
         (Figure("others_p99_without_us", "others' p99 µs without", 1), Figure("others_p99_us", "with", 1),
          Figure("rate_without", "deliveries/s without"), Figure("msgs_per_s", "with"),
          Figure("rss_growth_bytes", "RSS MiB more with it", 1, 2**20),
          Figure("dropped_newest", "messages dropped, newest first")),
         kind="fan_stopped", subjects=(),
         note="The others: sampled members that only receive. brume's broadcasts drop the newest message where an outbox is "
         "full (256 messages or 4 MiB by default), and count it; the peers have no such counter."),
    Line("tls20", "TLS echo of 20 B on 100 connections, 1 message in flight on each", (*echo(100, 1, 20), "--tls"),
         ("brume_tls", "brume_tls_callback", "brume_tls_epoll", *TLS_PEERS), SERVER_US, TLS_USUAL,
         (Mark("of Bun", 0.9, "bun_tls", at_least=False),), subjects=("brume_tls",),
         note=TLS_NOTE),
    Line("tls16k", "TLS echo of 16 KiB on 10 connections, 2 messages in flight on each", (*echo(10, 2, 16384), "--tls"),
         ("brume_tls", "brume_tls_callback", "brume_tls_epoll", *TLS_PEERS), SERVER_US, (MEGABYTES, *TLS_USUAL[1:]),
         (Mark("of Bun", 0.9, "bun_tls", at_least=False),), subjects=("brume_tls",),
         note=TLS_NOTE),
    tls_handshakes("full", "full"),
    tls_handshakes("resumed", "resumed by a ticket", "--resume"),
    Line("deflate1k", "Echo of 1 KiB of JSON on 100 connections, compressed, 1 message in flight on each",
         (*echo(100, 1, 1024), "--deflate"),
         ("brume_deflate", "brume_deflate_callback", "brume_deflate_epoll", *DEFLATE_PEERS), SERVER_US,
         (RATE, P50, P99, SERVER_USER_NS, COMPRESSED), (Mark("of Bun", 0.9, "bun_deflate", at_least=False),),
         subjects=("brume_deflate",),
         note="permessage-deflate without context takeover, and each server's usual level. The generator sends what it "
         "compressed before (zlib, level 6); one connection's echoes are inflated and compared."),
    Line("fan1000_deflate", "Fan-out of 1 KiB of JSON to 1,000 connections, compressed, 32 messages in flight",
         fan(1000, 32, "--deflate", size=1024),
         ("brume_fan_deflate", "brume_fan_deflate_epoll", "bun_fan_deflate", "gorilla_fan_deflate", "ws_fan_deflate"),
         DELIVERIES,
         (*FAN_USUAL, COMPRESSED, Figure("compressions_per_message", "compressions a message", 3, higher_is_better=False)),
         (Mark("compressions a message", 1, "", at_least=False, figure="compressions_per_message"),
          Mark("of Bun", 1.0, "bun_fan_deflate")),
         subjects=("brume_fan_deflate", "brume_fan_deflate_epoll"),
         note="Compressions and messages are counted by brume itself; the peers have no such counter."),
    Line("idle_tls", "Memory of idle TLS connections: 0, 500 and 4,000 of them", ("idle", "--steps", "500,4000", "--tls"),
         ("brume_tls", "brume_tls_callback", "brume_tls_epoll", *TLS_PEERS),
         Figure("rss_slope", "RSS B/connection", higher_is_better=False),
         (Figure("rss_slope_later", "from 500 to 4,000 alone", higher_is_better=False),
          Figure("rss_at_0", "RSS MiB at 0", 1, 2**20), Figure("rss_at_4000", "at 4,000", 1, 2**20)),
         kind="idle", subjects=(),
         note=TLS_NOTE + " Published of uWebSockets: neither its documentation nor Bun's gives a figure for TLS; a user "
         "counted 3.5 GB at 80,000 TLS connections, about 44 KB each, against 600 MB without TLS, before it had an option "
         "to release OpenSSL's buffers (github.com/uNetworking/uWebSockets.js, issue 73)."),
    Line("idle_deflate", "Memory of idle connections that agreed on compression, and of others: 0, 1,000 and 10,000",
         ("idle", "--steps", "1000,10000"), ("brume", "brume_offered", "brume_callback", "brume_offered_callback"),
         Figure("rss_slope", "RSS B/connection", higher_is_better=False),
         (Figure("rss_slope_later", "from 1,000 to 10,000 alone", higher_is_better=False),),
         (Mark("times one without, as far as pages can tell", 1.005, "brume", at_least=False, only="brume_offered",
               figure="rss_slope_later"),
          Mark("times one without, as far as pages can tell", 1.005, "brume_callback", at_least=False,
               only="brume_offered_callback", figure="rss_slope_later")),
         kind="idle", subjects=("brume_offered", "brume_offered_callback"),
         note="Resident memory comes in whole pages, and differs by a byte or two from run to run."),
]
