#!/usr/bin/env python3
"""Every row of bad_inputs.md has a test that exists, and every test that carries a row's id belongs to a row.

A row's tests are those whose names begin with its id, and those its last column names: tests of C++, functions of
checks (`e2e/tls_check.py:reload`, or a whole check), cases of the conformance suite (`conformance 13.14`).
"""

import collections
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "conformance"), str(HERE / "e2e")]

import catalogue  # noqa: E402
from server_program import expect, run_check  # noqa: E402

TABLE = HERE / "bad_inputs.md"
ROWS = {"T": 10, "H": 22, "X": 2, "F": 19, "D": 7, "L": 10, "B": 4, "M": 10, "C": 2}  # the last of each kind
WITHOUT_TEST = {"X1"}  # of what is not built
WHY_NONE = "none: "
CPP_TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*\w+\s*,\s*(\w+)\s*\)")
IDS_IN_NAME = re.compile(r"(?:(?:[THXFDLB]\d+|to)_?)+(?=_)")


def ids_of(name):
    """F13_F14_AClose: F13 and F14; F1_to_F14_Each: F1, F2 and so on; none for a name without an id."""
    found = IDS_IN_NAME.match(name)
    words = re.findall(r"[A-Z]\d+|to", found[0]) if found else []
    ids = []
    for at, word in enumerate(words):
        if word == "to" and 0 < at < len(words) - 1:
            kind, first, last = words[at - 1][0], int(words[at - 1][1:]), int(words[at + 1][1:])
            ids += [f"{kind}{number}" for number in range(first + 1, last)]
        elif word != "to":
            ids.append(word)
    return ids


def cpp_tests():
    return {name for path in HERE.rglob("*_test.cpp") for name in CPP_TEST.findall(path.read_text())}


def rows(text):
    """(id, cells of the last column) for each row, in order."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if line.startswith("|") and re.fullmatch(r"[A-Z]\d+", cells[0]):
            yield cells[0], cells[-1]


def exists(name, tests, cases):
    if name.startswith("conformance "):
        return name.split()[1] in cases
    file, _, function = name.partition(":")
    if not file.endswith(".py"):
        return name in tests
    path = HERE / file
    return path.exists() and (not function or re.search(rf"^def {function}\(", path.read_text(), re.M) is not None)


def complaints(text, tests, cases):
    listed = list(rows(text))
    seen = collections.Counter(row for row, _ in listed)
    wanted = {f"{kind}{number}" for kind, last in ROWS.items() for number in range(1, last + 1)}
    for row in sorted(wanted ^ set(seen)):
        yield f"row {row} is {'missing' if row in wanted else 'none that there is'}"
    yield from (f"row {row} is there {count} times" for row, count in seen.items() if count > 1)
    carried = collections.defaultdict(set)
    for name in tests:
        for row in ids_of(name):
            carried[row].add(name)
            if row not in wanted:
                yield f"{name} carries the id {row}, which no row has"
    for row, cell in listed:
        if cell.startswith(WHY_NONE):
            if row not in WITHOUT_TEST:
                yield f"row {row} has no test"
            continue
        names = [name for name in re.split(r",\s*", cell) if name]
        gone = [name for name in names if not exists(name, tests, cases)]
        yield from (f"row {row} names {name}, which does not exist" for name in gone)
        if not names and not carried[row]:
            yield f"row {row} has no test"


def holes_are_told():
    """Of this check itself."""
    tests = {"T1_ATest", "F2_to_F4_Each", "Q_OfNoRow", "T99_OfNoRow"}
    wrong = [("T1", "T1_Gone"), ("T1", "x.py:f"), ("F3", ""), ("F5", ""), ("X2", "none: x")]
    told = " ".join(complaints("".join(f"| {row} | a | b | {cell} |\n" for row, cell in wrong), tests, set()))
    for part in ("row T2 is missing", "row T1 is there 2 times", "T1_Gone, which does", "x.py:f, which does",
                 "row F5 has no test", "row X2 has no test", "T99_OfNoRow carries"):
        expect(part in told, f"not told: {part}")
    expect("row F3 has" not in told and "Q_OfNoRow" not in told, f"told without a reason: {told}")


def check():
    holes_are_told()
    tests = cpp_tests()
    cases = {case.number for table in catalogue.load() for case in table.cases}
    wrong = list(complaints(TABLE.read_text(), tests, cases))
    expect(not wrong, "\n".join(wrong))
    carrying = sum(bool(ids_of(name)) for name in tests)
    print(f"note: {sum(ROWS.values())} rows; {carrying} tests carry the id of one")


if __name__ == "__main__":
    run_check(check)
