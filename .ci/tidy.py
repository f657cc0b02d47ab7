#!/usr/bin/env python3
"""Checks what a compiler does not: rules of the tree, formatting, headers that compile alone, clang-tidy.

Run at the root of the tree (`make tidy` does). Compilers and clang-tidy run two at a time, and what passed is
remembered by content under build/tidy, so a second run looks only at what changed. Ends with status 1 if anything is
wrong, after listing all of it.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import time

JOBS = 2
MAX_LINES = 500
LARGEST_SHOWN = 5
CACHE = pathlib.Path("build/tidy")

OWN_FOLDERS = ("codec", "engine", "hub", "examples", "bench", "fuzz", "tests")
TOP_LEVEL = {*OWN_FOLDERS, "Makefile", "README.md", "LICENSE", "CHANGELOG.md", "build"}
TEXT_ENDINGS = (".h", ".cpp", ".mk", ".md", ".py", ".sh", ".txt", ".html", ".js", ".css", ".in", ".json", ".yml")
CODE_ENDINGS = (".h", ".cpp", ".mk", ".py", ".sh", ".js")
CLANG_TIDY_FOLDERS = ("codec", "engine", "hub", "examples")

FLAGS = [
    *("-std=c++23 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()),
    *("-I build/include -DFMT_HEADER_ONLY -pthread".split()),
]

# The parts of the tree, each of which may include itself and those before it. A file belongs to the longest that fits.
# Faces of the engine that its rooms implement or read stand in their own place between them.
ORDER = [
    "codec",
    "engine/error.h",
    "engine/tls_config.h",
    "engine/io",
    "engine/core",
    "engine/message.h",
    "engine/prepared_message.h",
    "engine/tls",
    "engine/config.h",
    "engine/connection.h",
    "engine/connection",
    "engine/websocket.h",
    "engine/http",
    "engine/server",
    "engine/client",
    "engine/sim",
    "engine",
    "hub",
    "examples",
    "fuzz",
    "bench",
    "tests",
]
MAY_INCLUDE = {part: ORDER[: ORDER.index(part) + 1] for part in ORDER}
MAY_INCLUDE["engine/sim"] = [*ORDER[: ORDER.index("engine/config.h")], "engine/sim"]  # a network, not a server

# System headers by what they bring in, and the only places that may include them.
CONFINED_HEADERS = {
    r"(sys/socket|netinet/.*|arpa/.*|sys/epoll|sys/eventfd|poll|unistd)\.h": r"(?!codec/)",
    r"(thread|mutex|shared_mutex|condition_variable|chrono|iostream|fstream)": r"(?!codec/)",
    r"(liburing.*|linux/io_uring)\.h": r"(engine/io|tests|bench)/",
    r"spdlog/.*": r"(engine/run\.cpp|examples|bench|tests)",
}

MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(work|home|root|tmp|Users)/")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8", errors="replace")


def files_below(folders, endings):
    for folder in folders:
        for root, names, files in os.walk(folder):
            names[:] = sorted(name for name in names if name not in ("node_modules", "__pycache__"))
            for file in sorted(files):
                if file.endswith(endings):
                    yield os.path.join(root, file)


def sources():
    return list(files_below(OWN_FOLDERS, (".h", ".cpp")))


# ---- rules of the tree: each yields one line for each offence


def check_top_level():
    for name in sorted(os.listdir(".")):
        if not name.startswith(".") and name not in TOP_LEVEL:
            yield f"{name}: does not belong at the top level"


def check_words():
    listed = ["Makefile", "README.md", "CHANGELOG.md", ".clang-tidy", ".ci/run", ".ci/packages"]
    for path in [*filter(os.path.exists, listed), *files_below(OWN_FOLDERS, TEXT_ENDINGS)]:
        for number, line in enumerate(read(path).splitlines(), 1):
            if MACHINE_PATHS.search(line):
                yield f"{path}:{number}: a path of one machine"
            if path.endswith(CODE_ENDINGS) and UNFINISHED.search(line):
                yield f"{path}:{number}: unfinished work marked in code"


def check_sizes():
    counts = sorted(((len(read(path).splitlines()), path) for path in sources()), reverse=True)
    print("  largest: " + ", ".join(f"{path} {count}" for count, path in counts[:LARGEST_SHOWN]))
    for count, path in counts:
        if count > MAX_LINES:
            yield f"{path}: {count} lines, above {MAX_LINES}"


def check_header_guards():
    for path in sources():
        if path.endswith(".h") and not re.search(r"^#pragma once$", read(path), re.M):
            yield f"{path}: no #pragma once"


def part_of(path):
    fitting = [part for part in ORDER if path == part or path.startswith(part + "/")]
    return max(fitting, key=len, default=None)


def check_includes():
    for path in sources():
        part = part_of(path)
        for mark, name in INCLUDE.findall(read(path)):
            if mark == '"':
                yield f'{path}: includes "{name}"; own headers are included as <brume/...>'
            elif not name.startswith("brume/"):
                for pattern, allowed in CONFINED_HEADERS.items():
                    if re.fullmatch(pattern, name) and not re.match(allowed, path):
                        yield f"{path}: includes <{name}>, which does not belong in {part}"
            else:
                target = name.removeprefix("brume/")
                if not os.path.exists(target):
                    yield f"{path}: includes <{name}>, which is not there"
                elif part_of(target) not in MAY_INCLUDE[part]:
                    yield f"{path}: includes <{name}>, but {part} may not include {part_of(target)}"


def check_public_headers():
    listed = read("engine/package/public_headers.txt").split()
    for path in listed:
        if not os.path.exists(path):
            yield f"engine/package/public_headers.txt: {path} is not there"
            continue
        for _, name in INCLUDE.findall(read(path)):
            if name.startswith("brume/") and name.removeprefix("brume/") not in listed:
                yield f"{path}: is public but includes <{name}>, which is not installed"


# ---- checks by other programs, remembered by content


def own_closure(path, seen):
    """All own files that `path` includes, itself first."""
    if path not in seen and os.path.exists(path):
        seen.append(path)
        for _, name in INCLUDE.findall(read(path)):
            if name.startswith("brume/"):
                own_closure(name.removeprefix("brume/"), seen)
    return seen


def version_of(program):
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout


def run_cached(command, path, context, stdin=None):
    """Returns the program's complaint about `path`, or None. A pass is remembered until something it read changes."""
    digest = hashlib.sha256(repr((command, context, stdin)).encode())
    for file in own_closure(path, []):
        digest.update(file.encode() + b"\0" + pathlib.Path(file).read_bytes() + b"\0")
    passed = CACHE / digest.hexdigest()[:32]
    if passed.exists():
        return None
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        return done.stdout.strip() or f"{path}: {command[0]} ended with {done.returncode}"
    passed.touch()
    return None


def in_parallel(check, paths):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        yield from filter(None, pool.map(check, paths))


def check_format():
    files = sources()
    for start in range(0, len(files), 100):
        command = ["clang-format-19", "--dry-run", "-Werror", "--ferror-limit=1", *files[start : start + 100]]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        for offence in re.findall(r"^(\S+?):\d+:\d+: error:", done.stderr, re.M):
            yield f"{offence}: not formatted (make fmt)"
        if done.returncode != 0 and "error:" not in done.stderr:
            yield done.stderr.strip()


def check_headers_alone():
    context = version_of("g++")

    def check(path):
        text = f"#include <brume/{path}>\n"
        return run_cached(["g++", *FLAGS, "-fsyntax-only", "-x", "c++", "-"], path, context, stdin=text)

    return in_parallel(check, [path for path in sources() if path.endswith(".h")])


def check_clang_tidy():
    context = version_of("clang-tidy-19") + read(".clang-tidy")

    def check(path):
        return run_cached(["clang-tidy-19", "--quiet", path, "--", *FLAGS], path, context)

    paths = files_below(CLANG_TIDY_FOLDERS, (".cpp",))
    largest_first = sorted(paths, key=os.path.getsize, reverse=True)
    diagnostics = {}  # each once, although a header's come with every file that includes it
    for output in in_parallel(check, largest_first):
        for diagnostic in re.split(r"\n(?=\S+:\d+:\d+: error: )", output.replace(os.getcwd() + "/", "")):
            text = re.sub(r"^(\d+ warnings.*|Error while processing.*)$", "", diagnostic, flags=re.M).strip()
            diagnostics[text.replace("build/include/brume/", "")] = None
    return filter(None, diagnostics)


CHECKS = [
    ("top level", check_top_level),
    ("words", check_words),
    ("file sizes", check_sizes),
    ("header guards", check_header_guards),
    ("include ranks", check_includes),
    ("public headers", check_public_headers),
    ("formatting", check_format),
    ("headers compile alone", check_headers_alone),
    ("clang-tidy", check_clang_tidy),
]


def main():
    CACHE.mkdir(parents=True, exist_ok=True)
    chosen = sys.argv[1:]
    offences = 0
    for name, check in CHECKS:
        if chosen and name not in chosen:
            continue
        started = time.monotonic()
        found = list(check())
        offences += len(found)
        print(f"tidy: {name}: {f'{len(found)} wrong' if found else 'ok'} ({time.monotonic() - started:.1f} s)")
        for line in found:
            print(f"  {line}")
        sys.stdout.flush()
    print(f"tidy: {offences} offences" if offences else "tidy: all in order")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
