#!/usr/bin/env python3
"""The conformance suite: every case against the echo program and, roles turned, a client: each backend, TLS or not.

usage: run.py [--report FILE] [--client COMMAND] [--only NUMBER] [--backend NAME] [--list]
              [--first] [--seconds N]

Prints a table of strict, non-strict and failed cases for each class and target, writes the same as HTML with every
case and every requirement, and ends with status 1 unless every case that could be run is strict. A case that could not
be run is counted as that, with its reason, never as passed.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import catalogue  # noqa: E402
import peer  # noqa: E402
import report  # noqa: E402
import requirements  # noqa: E402
from peer import Wrong  # noqa: E402
from server_program import CheckFailed, program  # noqa: E402
from table import CLIENT, SERVER  # noqa: E402
from targets import SUBPROTOCOLS, ClientTarget, Identity, ServerTarget  # noqa: E402
from tls_certificates import Certificates  # noqa: E402

BACKENDS = ("io_uring", "epoll")
NEEDS = ("", "http", "deflate")
AT_A_TIME = 6
STRICT, LENIENT, FAILED, NOT_RUN = "strict", "non-strict", "failed", "not run"


@dataclasses.dataclass
class Result:
    outcome: str
    detail: str = ""
    seconds: float = 0.0


@functools.cache
def help_of(binary):
    """What a program says of its options."""
    return subprocess.run([binary, "--help"], capture_output=True, text=True, timeout=60, check=False).stdout


def run_case(target, case):
    """Each script on a connection of its own; the worst of them is the case's outcome."""
    started = time.monotonic()
    lenient = []
    for number, script in enumerate(case.scripts, 1):
        place = f"script {number} of {len(case.scripts)}: " if len(case.scripts) > 1 else ""
        try:
            lenient += [place + each for each in target.play(case, script)]
        except (Wrong, CheckFailed, OSError, subprocess.TimeoutExpired) as failure:
            return Result(FAILED, f"{place}{failure}", time.monotonic() - started)
        except Exception:  # a mistake in the case itself
            return Result(FAILED, place + traceback.format_exc(), time.monotonic() - started)
    return Result(LENIENT if lenient else STRICT, "; ".join(lenient), time.monotonic() - started)


class Column:
    """One target: which running program serves which of the cases."""

    def __init__(self, who, how, role):
        self.who, self.how, self.role = who, how, role
        self.title = f"{who}, {how}"
        self.targets = {}  # what a case needs -> target
        self.missing = {}  # what a case needs -> why there is none
        self.results = {}
        self.only = None  # of what cases need: the column has no others

    def has(self, case):
        return self.role in case.roles and (self.only is None or case.needs in self.only)

    def target_for(self, case):
        return self.targets.get(case.needs)

    def reason(self, case):
        return self.missing.get(case.needs, "there is nothing to run it against")


def server_column(backend, stack, wanted, identity=None):
    """`wanted`: what the cases need that are to be run; `identity`: over TLS."""
    column = Column("server", backend + (" TLS" if identity else ""), SERVER)
    known = [option for each in SUBPROTOCOLS for option in ("--subprotocol", each)]
    plain = stack.enter_context(ServerTarget("echo", backend, *known, identity=identity))
    if not plain.runs_backend():
        column.missing = dict.fromkeys(NEEDS, f"the kernel refuses {backend}")
        return column
    column.targets[""] = plain
    if "http" in wanted:
        column.targets["http"] = stack.enter_context(ServerTarget("notifications", backend, identity=identity))
    if "deflate" not in wanted:
        return column
    if "--compression" in help_of(program("echo")):
        compressing = ServerTarget("echo", backend, "--compression", "on", identity=identity)
        column.targets["deflate"] = stack.enter_context(compressing)
    else:
        column.missing["deflate"] = "the echo program has no --compression: the server declines permessage-deflate"
    return column


def takeover_columns(stack, client, wanted):
    """What has to do with compression once more, by a server and a client that keep their contexts, where they can."""
    if "deflate" not in wanted:
        return
    keeping = "--compression", "takeover"
    if "--compression" in help_of(program("echo")):
        yield takeover_column("server", SERVER, stack.enter_context(ServerTarget("echo", BACKENDS[-1], *keeping)))
    binary = shlex.split(client)[0]
    if os.path.exists(binary) and re.search(r"--compression .*takeover", help_of(binary), re.S):
        yield takeover_column("client", CLIENT, ClientTarget(f"{client} --io {BACKENDS[-1]} {' '.join(keeping)}"))


def takeover_column(who, role, target):
    column = Column(who, "takeover", role)
    column.only = ("deflate",)
    column.targets["deflate"] = target
    return column


def client_column(command, backend, missing, identity=None):
    """`missing`: why nothing runs on this backend, where nothing does."""
    column = Column("client", backend + (" TLS" if identity else ""), CLIENT)
    column.missing = dict.fromkeys(NEEDS, missing)
    binary = shlex.split(command)[0]
    if missing:
        return column
    if not os.path.exists(binary):
        column.missing = dict.fromkeys(NEEDS, f"the client program {binary} is not built")
        return column
    known = help_of(binary)
    for option in ("--io", *(["--ca"] if identity else [])):
        if option not in known:
            column.missing = dict.fromkeys(NEEDS, f"{binary} has no {option}")
            return column
    command = f"{command} --io {backend}"
    column.targets[""] = ClientTarget(command, identity)
    if "--compression" in known:
        value = " on" if re.search(r"--compression +TEXT", known) else ""
        column.targets["deflate"] = ClientTarget(f"{command} --compression{value}", identity)
    else:
        column.missing["deflate"] = f"{binary} has no --compression"
    return column


def all_columns(stack, options, wanted):
    backends = [backend for backend in BACKENDS if options.backend in (None, backend)]
    identities = [None, Identity(stack.enter_context(Certificates()))]
    servers = [server_column(backend, stack, wanted, identity) for identity in identities for backend in backends]
    missing = {backend: column.missing.get("", "") for backend, column in zip(backends, servers)}
    clients = [client_column(options.client, backend, missing[backend], identity)
               for identity in identities for backend in backends]
    return [*servers, *clients, *takeover_columns(stack, options.client, wanted)]


def run_all(columns, tables, options):
    """Where `options.first`, what has not begun when a case is not strict is left out."""
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        waiting = []
        for column in columns:
            for case in (case for table in tables for case in table.cases):
                if not column.has(case) or not selected(case, options.only):
                    continue
                target = column.target_for(case)
                if target is None:
                    column.results[case.number] = Result(NOT_RUN, column.reason(case))
                else:
                    waiting.append((column, case, pool.submit(run_case, target, case)))
        for column, case, future in waiting:
            if not future.cancelled():
                column.results[case.number] = future.result()
                if options.first and column.results[case.number].outcome != STRICT:
                    pool.shutdown(wait=False, cancel_futures=True)


def selected(case, only):
    return not only or case.number == only or case.number.startswith(only + ".")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", help="HTML file to write")
    parser.add_argument("--client",
    default=str(pathlib.Path(os.environ.get("BRUME_BIN", "build/bin"), "wscat")) + " --echo",
                        help="command of a client that echoes; a URL is added")
    parser.add_argument("--only", default="", help="a class, as 12, or a case, as 12.3")
    parser.add_argument("--backend", choices=BACKENDS, help="one of them alone")
    parser.add_argument("--first", action="store_true", help="end with the first case that is not strict")
    parser.add_argument("--seconds", type=float, default=peer.CASE_SECONDS, help="the most that one script may take")
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    peer.CASE_SECONDS = options.seconds
    tables = catalogue.load()
    if options.list:
        for case in (case for table in tables for case in table.cases):
            print(f"{case.number}\t{case.section}\t{case.sentence}")
        return 0
    started = time.monotonic()
    needs = requirements.load()
    wrong = [*catalogue.complaints(tables), *requirements.complaints(needs, tables, requirements.demands())]
    with contextlib.ExitStack() as stack:
        wanted = {case.needs for table in tables for case in table.cases if selected(case, options.only)}
        columns = all_columns(stack, options, wanted)
        run_all(columns, tables, options)
    seconds = time.monotonic() - started
    for line in report.text(tables, columns, needs, wrong, seconds):
        print(line)
    if options.report:
        path = pathlib.Path(options.report)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report.html(tables, columns, needs, wrong, seconds), encoding="utf-8")
        print(f"report: {path}")
    bad = any(result.outcome in (LENIENT, FAILED) for column in columns for result in column.results.values())
    ran = any(result.outcome == STRICT for column in columns for result in column.results.values())
    return 1 if bad or wrong or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
