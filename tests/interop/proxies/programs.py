"""Starts nginx and HAProxy as plain processes of the current user, with the configurations beside this file.

They are the README's, as short as they work, with the test's addresses, files and time-outs in place of those written
there. Each listens on sockets that were bound here and are handed down, so no port has to be free by luck: HAProxy
knows them as fd@N, nginx by the variable with which it hands its own to a newer nginx.
"""

import contextlib
import grp
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess

from server_program import CheckFailed, expect

HERE = pathlib.Path(__file__).resolve().parent
END_SECONDS = 20
BACKLOG = 128
SHOWN_LINES = 5
SBIN = "/usr/sbin:/sbin"

# What an nginx.conf has around the servers. Temporary files of its own, so that an ordinary user can start it.
NGINX_FRAME = """\
{user}daemon off;
worker_processes 1;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log" notice;
events {{}}
http {{
access_log off;
client_body_temp_path "{folder}/body";
proxy_temp_path "{folder}/proxy";
fastcgi_temp_path "{folder}/fastcgi";
uwsgi_temp_path "{folder}/uwsgi";
scgi_temp_path "{folder}/scgi";
{servers}}}
"""


def found(name):
    path = shutil.which(name, path=f"{os.environ['PATH']}:{SBIN}")
    expect(path, f"{name} is not installed")
    return path


def version(name):
    """The number in what the program says: "nginx version: nginx/1.22.1", "HAProxy version 2.6.12-1+deb12u4 ..."."""
    done = subprocess.run([found(name), "-v"], capture_output=True, text=True, timeout=END_SECONDS, check=False)
    number = re.search(r"\d+\.[\w.+-]+", done.stdout + done.stderr)
    return number[0] if number else "unknown"


def configuration(name, replacements):
    """The file with each of `replacements` in the place of what it names: each has to be there, once."""
    text = (HERE / name).read_text()
    for old, new in replacements.items():
        expect(text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    return text


class Listeners:
    """Sockets for a child process. What connects before the child accepts waits in their queue."""

    def __init__(self, count):
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) for _ in range(count)]
        self.ports = [listener.getsockname()[1] for listener in self.sockets]
        self.descriptors = [listener.fileno() for listener in self.sockets]

    def close(self):
        for listener in self.sockets:
            listener.close()


@contextlib.contextmanager
def running(command, folder, listeners, environment=None):
    """The process, until the block ends. One that ends by itself before is a failure, with what it said."""
    log = folder / "output.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=listeners.descriptors,
            env={**os.environ, **(environment or {})},
        )
    listeners.close()
    try:
        yield process
        if process.poll() is not None:
            said = " | ".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
            raise CheckFailed(f"{command[0]} ended with {process.returncode}: {said}")
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def new_folder(build, name, listeners):
    folder = build / "proxies" / f"{name}-{listeners.ports[0]}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def nginx(setting, backend, timeout):
    """Yields the ports in clear and by TLS, in front of `backend` ("127.0.0.1:PORT")."""
    listeners = Listeners(2)
    plain, tls = listeners.ports
    folder = new_folder(setting.build, "nginx", listeners)
    servers = configuration("nginx.conf", {
        "listen 80;": f"listen 127.0.0.1:{plain};", "listen 443 ssl;": f"listen 127.0.0.1:{tls} ssl;",
        "/etc/nginx/example.org.pem": setting.certificate, "/etc/nginx/example.org.key": setting.key,
        "127.0.0.1:8080": backend, "60s": timeout,
    })
    # Root's workers would otherwise belong to a user who may not read what is in the folder.
    user = ""
    if os.geteuid() == 0:
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name};\n"
    file = folder / "nginx.conf"
    file.write_text(NGINX_FRAME.format(user=user, folder=folder, servers=servers))
    command = [found("nginx"), "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
    handed_down = "".join(f"{descriptor};" for descriptor in listeners.descriptors)
    with running(command, folder, listeners, {"NGINX": handed_down}):
        yield plain, tls


def start_haproxy(folder, listeners, text):
    file = folder / "haproxy.cfg"
    file.write_text(text)
    return running([found("haproxy"), "-db", "-f", str(file)], folder, listeners)


def haproxy_certificate(setting, folder):
    """Certificate and key in one file, as HAProxy wants them. Each has its own: several are started at once."""
    file = folder / "certificate.pem"
    file.write_text(pathlib.Path(setting.certificate).read_text() + pathlib.Path(setting.key).read_text())
    return f'"{file}"'


@contextlib.contextmanager
def haproxy(setting, backend, timeout, proxy_v2=False):
    """Likewise. `proxy_v2`: it tells the address and the scheme of the client by the PROXY protocol besides."""
    listeners = Listeners(2)
    plain, tls = listeners.descriptors
    folder = new_folder(setting.build, "haproxy", listeners)
    text = configuration("haproxy.cfg", {
        "bind :80\n": f"bind fd@{plain}\n", "bind :443 ": f"bind fd@{tls} ",
        "/etc/haproxy/example.org.pem": haproxy_certificate(setting, folder),
        "timeout tunnel 60s": f"timeout tunnel {timeout}",
        "127.0.0.1:8080": backend + (" send-proxy-v2-ssl" if proxy_v2 else ""),
    })
    with start_haproxy(folder, listeners, text):
        yield tuple(listeners.ports)


@contextlib.contextmanager
def haproxy_tcp(setting, backend, timeout):
    """Yields the one port, whose bytes it passes on as they are, behind a PROXY header."""
    listeners = Listeners(1)
    folder = new_folder(setting.build, "haproxy", listeners)
    text = configuration("haproxy_tcp.cfg", {
        "bind :443": f"bind fd@{listeners.descriptors[0]}", "timeout client 60s": f"timeout client {timeout}",
        "timeout server 60s": f"timeout server {timeout}", "127.0.0.1:8080": backend,
    })
    with start_haproxy(folder, listeners, text):
        yield listeners.ports[0]
