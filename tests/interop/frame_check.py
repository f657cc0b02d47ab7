#!/usr/bin/env python3
"""The frame of the interop matrix: what becomes of what a peer says, and that README.md has every cell."""

import contextlib
import pathlib
import re
import sys
import tempfile
import types

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import run  # noqa: E402
from frame import matrix  # noqa: E402
from frame.results import CANNOT, FAILED, OK, Outcome, together  # noqa: E402
from frame.rows import ClientRow  # noqa: E402
from server_program import expect, run_check  # noqa: E402

VARIANT = types.SimpleNamespace(backend="epoll", compression="on")


class FakeRoute:
    name = "ws"

    @contextlib.contextmanager
    def open(self, variant, setting):
        server = types.SimpleNamespace(
            output=lambda: "listening on 127.0.0.1:1 (epoll)", terminate=lambda: None, wait=lambda: 0)
        yield types.SimpleNamespace(url="ws://localhost:1", server=server)


def result_of(script, columns=("text", "ping"), command=None):
    """Of a peer that is a shell script."""
    with tempfile.TemporaryDirectory(prefix="brume-interop-") as folder:
        setting = types.SimpleNamespace(build=pathlib.Path(folder), certificates=types.SimpleNamespace(ca="ca.pem"))
        row = ClientRow("fake", FakeRoute(), command or ("sh", "-c", script, "sh"), columns)
        return row.run(VARIANT, setting)


def check_states():
    result = result_of("echo client fake 1.0; echo pass text; echo 'cannot ping: it says so in its manual'; echo stop")
    expect(result.version == "fake 1.0" and not result.failures(), f"{result}")
    expect(result.outcomes["ping"] == Outcome(CANNOT, "it says so in its manual"), f"{result}")
    expect("server ends with status 0" in result.outcomes, "the server's end is not looked at")


def check_note():
    noted = result_of("echo 'pass text: but the type is not seen'; echo pass ping")
    expect(noted.outcomes["text"] == Outcome(OK, "but the type is not seen") and not noted.failures(), f"{noted}")
    text = matrix.render([noted], [])
    expect("| ok [1] | ok   |" in text and "- [1] but the type is not seen" in text, text)


def check_what_is_red():
    for what, result in {
        "a missing program": result_of("", command=("./is-not-there",)),
        "a case not mentioned": result_of("echo pass text"),
        "a case that failed": result_of("echo pass text; echo 'FAIL ping: no pong'"),
        "a case left out without a reason": result_of("echo pass text; echo cannot ping"),
        "a peer that ends badly": result_of("echo pass text; echo pass ping; exit 3"),
        "a line of another kind": result_of("echo pass text; echo pass ping; echo Segmentation fault"),
    }.items():
        expect(result.failures(), f"{what} is not red")
    expect(together([Outcome(OK), Outcome(FAILED, "why")]).state == FAILED, "one failure of several is lost")
    expect(together([Outcome(OK), Outcome(CANNOT, "why")]).state == FAILED, "runs that disagree are not red")


def check_difference():
    readme = HERE / "README.md"
    expect(not matrix.difference(readme, matrix.in_readme(readme)), "the README differs from itself")
    otherwise = matrix.in_readme(readme).replace("| ok", "| FAILED", 1)
    expect(matrix.difference(readme, otherwise), "a failure makes no difference")


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def check_readme():
    """Each row of the matrix is there, and each of its cells is ok or a footnote."""
    text = matrix.in_readme(HERE / "README.md")
    footnotes = dict(re.findall(r"^- (\[\d+\]) (.+)$", text, re.M))
    table, group = {}, ""
    for line in text.splitlines():
        if line.startswith("### "):
            group = line.removeprefix("### ")
        elif line.startswith("|"):
            table[(group, *cells(line)[:2])] = cells(line)[2:]
    for row in run.all_rows(pathlib.Path("build")):
        if not row.columns:
            continue
        found = table.get((row.group, row.name, row.route.name))
        expect(found, f"no row for {row.name}, {row.route.name}")
        expect(len(found) >= len(row.columns), f"{row.name}, {row.route.name}: {len(found)} cells")
        for cell in found:
            note = cell.removeprefix("ok").strip()
            expect(cell == "ok" or len(footnotes.get(note, "")) > 40, f"{row.name}, {row.route.name}: {cell!r}")


def check():
    check_states()
    check_note()
    check_what_is_red()
    check_difference()
    check_readme()


run_check(check)
