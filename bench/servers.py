"""The servers that are compared: how each is started, pinned to core 0, and ended."""

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import time

SERVER_CORE = "0"
BOTH_CORES = "0,1"  # the generator's too
START_SECONDS = 10.0
END_SECONDS = 10.0
LISTENING = re.compile(r"listening on \S*:(\d+)")


class NotAvailable(Exception):
    """The server cannot be started here; the text says why."""


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    command: tuple
    path: str = "/"
    raw: bool = False  # a bare TCP program: it gets no handshake
    needs: str = ""  # the file that must be there
    log: str = ""  # where the reason stands if it is not
    cores: str = SERVER_CORE
    stats: str = ""  # the path of its counters, in lines of key=value
    generator: tuple = ()  # further arguments of the load generator
    alone: bool = False  # no server: it takes the seconds as its last argument, measures itself and prints the figures


def all_servers(build):
    """By key. `build` is the directory that make builds into."""
    bench = pathlib.Path(build, "bench")
    modules = bench / "npm" / "node_modules"
    echo = str(pathlib.Path(build, "bin", "echo"))
    broadcast = str(pathlib.Path(build, "bin", "broadcast"))
    bun = str(modules / "bun" / "bin" / "bun.exe")
    node = shutil.which("node") or "node"
    identity = (str(bench / "tls.pem"), str(bench / "tls.key"))
    brume_tls = ("--tls-cert", identity[0], "--tls-key", identity[1])
    brume_deflate = ("--compression", "on")

    def brume(name, *options, **more):
        return Server(name, (echo, "--port", "0", "--cores", "1", *options), path="/ws/echo", needs=echo, **more)

    def brume_fan(name, *options, threads=1):
        cores = SERVER_CORE if threads == 1 else BOTH_CORES
        command = (broadcast, "--port", "0", "--cores", str(threads), *options)
        return Server(name, command, needs=broadcast, cores=cores, stats="/stats")

    def limit(name, program, *options):
        return Server(name, (str(bench / program), "0", *options), raw=True, needs=str(bench / program))

    def tls_limit(kind):
        program = str(bench / "tls_calls")
        return Server("OpenSSL's calls alone", (program, *identity, kind), needs=program, alone=True)

    def peer(name, needs, log, *command):
        return Server(name, command, needs=str(needs), log=str(bench / log))

    def peers(suffix, mode, *options):
        """All of them, serving alike; Beast has no rooms."""
        arguments = (mode, "0", *options)
        made = {
            "bun": peer("Bun", bun, "npm.log", bun, "bench/peers/bun.js", *arguments),
            "ws": peer("ws", modules / "ws", "npm.log", node, "bench/peers/node_ws.js", *arguments),
            "gorilla": peer("gorilla", bench / "gorilla", "gorilla.log", str(bench / "gorilla"), *arguments),
        }
        if mode == "echo":
            beast = bench / "beast_echo"
            made["beast"] = peer("Beast", beast, "beast_echo.log", str(beast), "0", *options)
        return {key + suffix: server for key, server in made.items()}

    return {
        "brume": brume("brume"),
        "brume_callback": brume("brume, callbacks", "--style", "callback"),
        "brume_epoll": brume("brume, epoll", "--io", "epoll"),
        "brume_epoll_callback": brume("brume, epoll, callbacks", "--io", "epoll", "--style", "callback"),
        "brume_busy": brume("brume, --busy-poll 1000", "--busy-poll", "1000"),
        "brume_large": brume("brume, --max-message 2097152", "--max-message", "2097152"),
        "brume_epoll_large": brume(
            "brume, epoll, --max-message 2097152", "--io", "epoll", "--max-message", "2097152"
        ),
        "limit_epoll": limit("bare TCP, epoll", "epoll_echo"),
        "limit_uring": limit("bare TCP, io_uring", "uring_echo"),
        **peers("", "echo"),
        "brume_tls": brume("brume", *brume_tls),
        "brume_tls_callback": brume("brume, callbacks", *brume_tls, "--style", "callback"),
        "brume_tls_epoll": brume("brume, epoll", *brume_tls, "--io", "epoll"),
        "limit_tls_full": tls_limit("full"),
        "limit_tls_resumed": tls_limit("resumed"),
        **peers("_tls", "echo", "plain", *identity),
        "brume_deflate": brume("brume", *brume_deflate),
        "brume_deflate_callback": brume("brume, callbacks", *brume_deflate, "--style", "callback"),
        "brume_deflate_epoll": brume("brume, epoll", *brume_deflate, "--io", "epoll"),
        "brume_offered": brume("brume, agreed", *brume_deflate, generator=("--deflate",)),
        "brume_offered_callback": brume(
            "brume, callbacks, agreed", *brume_deflate, "--style", "callback", generator=("--deflate",)
        ),
        **peers("_deflate", "echo", "deflate"),
        "brume_fan": brume_fan("brume"),
        "brume_fan_callback": brume_fan("brume, callbacks", "--style", "callback"),
        "brume_fan_epoll": brume_fan("brume, epoll", "--io", "epoll"),
        "brume_fan_two": brume_fan("brume, 2 cores", "--pin-cores", threads=2),
        "limit_fan_epoll": limit("bare TCP, epoll", "epoll_echo", "fan"),
        "limit_fan_uring": limit("bare TCP, io_uring", "uring_fan"),
        **peers("_fan", "fan"),
        "brume_fan_deflate": brume_fan("brume", *brume_deflate),
        "brume_fan_deflate_epoll": brume_fan("brume, epoll", *brume_deflate, "--io", "epoll"),
        **peers("_fan_deflate", "fan", "deflate"),
    }


def make_identity(build):
    """The certificate that all servers show, and its key, unless they are there: self-signed, ECDSA on P-256."""
    certificate = pathlib.Path(build, "bench", "tls.pem")
    if not certificate.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
             "-subj", "/CN=localhost", "-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate)],
            check=True, capture_output=True,
        )


@dataclasses.dataclass(frozen=True)
class Running:
    server: Server
    pid: int
    port: int
    process: subprocess.Popen

    def check_alive(self):
        if self.process.poll() is not None:
            raise NotAvailable(f"it ended by itself with status {self.process.returncode}")


@contextlib.contextmanager
def running(server, build):
    """A fresh server for the length of the block; raises NotAvailable if it does not start."""
    if server.needs and not os.path.exists(server.needs):
        raise NotAvailable(f"not installed: {last_line(server.log) or 'it was not built'}")
    bench = pathlib.Path(build, "bench")
    log = bench / "server.log"
    environment = {**os.environ, "NODE_PATH": str((bench / "npm" / "node_modules").resolve())}
    with open(log, "wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", server.cores, *server.command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
        )
    try:
        yield Running(server, process.pid, wait_for_port(process, log), process)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(process, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = LISTENING.search(log.read_text(errors="replace"))
        if found:
            return int(found[1])
        if process.poll() is not None:
            raise NotAvailable(f"did not start: {last_line(log) or f'status {process.returncode}'}")
        time.sleep(0.01)
    raise NotAvailable(f"said no address within {START_SECONDS:.0f} s")


def last_line(path):
    """The last line of a file, without what only means something on this machine."""
    if not path or not os.path.exists(path):
        return ""
    lines = pathlib.Path(path).read_text(errors="replace").strip().splitlines()
    return re.sub(r"(?<!\w)/\S+/", "", lines[-1])[:160] if lines else ""


def versions(build):
    """Of the peers, as (name, version or reason)."""
    modules = pathlib.Path(build, "bench", "npm", "node_modules")
    return [
        ("Bun", output_of([str(modules / "bun" / "bin" / "bun.exe"), "--version"])),
        ("ws", package_version(modules / "ws" / "package.json")),
        ("Node", output_of(["node", "--version"])),
        ("gorilla/websocket", debian_version("golang-github-gorilla-websocket-dev")),
        ("Go", debian_version("golang-go")),
        ("Boost (Beast)", debian_version("libboost-dev")),
        ("OpenSSL", debian_version("libssl3")),
        ("zlib, libdeflate", f"{debian_version('zlib1g')}, {debian_version('libdeflate0')}"),
    ]


def output_of(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip() or "unknown"
    except OSError:
        return "not installed"


def package_version(path):
    found = re.search(r'"version":\s*"([^"]+)"', path.read_text()) if path.exists() else None
    return found[1] if found else "not installed"


def debian_version(package):
    return output_of(["dpkg-query", "-W", "-f", "${Version}", package])
