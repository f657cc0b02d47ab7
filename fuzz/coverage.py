"""Tells which lines and branches of each harness's targets its committed corpus reaches.

usage: coverage.py <directory of the instrumented harnesses> NAME...

Run at the root of the tree (`make fuzz-coverage` does). Ends with status 1 where a target has less than 95 % of its
lines or branches. A branch counts once however often a template was instantiated; those inside check(...), which ends
the process where an invariant does not hold, have no other side that a sound program reaches, and are left out like
those whose condition is a constant. So are those inside assert(...), and those that find out that there is no memory.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

WANTED = 95.0
CONSTANT = re.compile(r"k[A-Z]\w*")
TARGETS = {
    "client_handshake": ["codec/client_handshake.cpp", "codec/http_line.h"],
    "close_payload": ["codec/close_payload.cpp", "codec/close_payload.h"],
    "deflate": ["codec/permessage_deflate.cpp", "codec/inflater.cpp", "codec/inflater.h", "codec/deflater.cpp",
                "codec/deflater.h"],
    "frame_decoder": ["codec/decoder.cpp", "codec/frame_header.cpp", "codec/partial.cpp", "codec/message_store.cpp"],
    "handshake": ["codec/handshake.cpp", "codec/handshake_grammar.h", "codec/http_list.cpp"],
    "kernels": ["codec/kernels/avx2.cpp", "codec/kernels/avx512.cpp", "codec/kernels/scalar.cpp",
                "codec/kernels/small.h", "codec/kernels/text.cpp", "codec/kernels/utf8_dfa.h", "codec/mask.cpp",
                "codec/utf8.cpp"],
    "proxy_header": ["codec/proxy_header.cpp", "codec/ip_text.cpp"],
    "request_head": ["codec/http_head.cpp", "codec/http_head_scanner.cpp", "codec/http_body.cpp",
                     "codec/http_authority.cpp", "codec/http_text.cpp"],
    "router": ["engine/http/router.cpp"],
    "url": ["codec/url.cpp"],
}


def measure(directory, name):
    """Covered and all lines and branches of each file, by path, after one run of the corpus."""
    binary = directory / f"{name}_fuzz"
    raw, data = directory / f"{name}.profraw", directory / f"{name}.profdata"
    environment = {**os.environ, "LLVM_PROFILE_FILE": str(raw)}
    done = subprocess.run([binary, "-runs=0", f"fuzz/corpus/{name}"], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{name}: the corpus does not pass\n{done.stderr[-3000:]}")
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", raw, "-o", data], check=True)
    exported = subprocess.run(["llvm-cov-19", "export", "-skip-functions", f"-instr-profile={data}", binary],
                              capture_output=True, text=True, check=True)
    root = os.getcwd()
    files = {}
    for file in json.loads(exported.stdout)["data"][0]["files"]:
        path = os.path.relpath(os.path.realpath(file["filename"]), root)
        lines = file["summary"]["lines"]
        files[path] = {"lines": (lines["covered"], lines["count"]), "branches": branches_of(path, file["branches"])}
    return files


def branches_of(path, records):
    if not os.path.exists(path):
        return (0, 0)
    source = pathlib.Path(path).read_text().splitlines()
    taken = {}  # by place: whether it was ever true, ever false
    for line, column, _, end_column, true_count, false_count, *_ in records:
        text = source[line - 1]
        if text.lstrip().startswith(("check(", "assert(")) or CONSTANT.fullmatch(text[column - 1 : end_column - 1]):
            continue
        if any("bad_alloc" in later for later in source[line - 1 : line + 2]):
            continue
        was_true, was_false = taken.get((line, column), (False, False))
        taken[line, column] = (was_true or true_count > 0, was_false or false_count > 0)
    return (sum(map(sum, taken.values())), 2 * len(taken))


def main():
    directory = pathlib.Path(sys.argv[1])
    low = 0
    print(f"{'harness':15}{'target':32}{'lines':>18}{'branches':>18}")
    for name in sys.argv[2:]:
        files = measure(directory, name)
        for target in TARGETS[name]:
            if target not in files:
                print(f"{name:15}{target:32}{'not reached' if os.path.exists(target) else 'not there':>18}")
                low += 1
                continue
            cells = []
            for kind in ("lines", "branches"):
                covered, count = files[target][kind]
                percent = 100.0 * covered / count if count else 100.0
                low += percent < WANTED
                cells.append(f"{covered}/{count} {percent:5.1f} %")
            print(f"{name:15}{target:32}{cells[0]:>18}{cells[1]:>18}")
    if low:
        print(f"{low} below {WANTED:.0f} %")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
