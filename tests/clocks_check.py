#!/usr/bin/env python3
"""Clock jumps (machine table): nothing measures time by a clock that may be set; wall time is only handed on."""

import pathlib
import re
import sys

WALL_CLOCKS = re.compile(r"system_clock|CLOCK_REALTIME|gettimeofday|\btime\((?:nullptr|NULL|0)\)|std::time\b|utc_clock")
# Who hands wall time on, for log lines and messages, and whoever tells the times of files.
ALLOWED = {
    "engine/io/environment.h", "engine/io/machine.h", "engine/simulator.h", "engine/simulator.cpp",
    "engine/sim/sim_clock.h", "engine/http/static_files.cpp",
}

root = pathlib.Path(__file__).resolve().parent.parent
found = {
    str(path.relative_to(root))
    for folder in ("codec", "engine", "hub") for path in (root / folder).rglob("*")
    if path.suffix in (".h", ".cpp") and WALL_CLOCKS.search(path.read_text())
}
for path in sorted(found - ALLOWED):
    print(f"FAILED: {path} uses a clock that may be set: take io::Io::now() for what is measured")
if not found <= ALLOWED:
    sys.exit(1)
print("ok")
