#!/usr/bin/env python3
"""Every C++ program in README.md compiles, and the first ones have at most 20 lines; proxies are set up as in tests."""

import pathlib
import re
import subprocess
import sys

readme = pathlib.Path("README.md").read_text(encoding="utf-8")
shown = re.findall(r"```(?:nginx|haproxy)\n(.*?)```", readme, re.S)
tested = [file.read_text(encoding="utf-8") for file in sorted(pathlib.Path("tests/interop/proxies").iterdir())
          if file.suffix in (".conf", ".cfg")]
if sorted(shown) != sorted(tested):
    sys.exit(f"README.md shows {len(shown)} configurations of proxies, tests/interop/proxies {len(tested)}, or others")
programs = re.findall(r"```cpp\n(.*?)```", readme, re.S)
if len(programs) < 4:
    sys.exit(f"README.md has {len(programs)} programs, expected at least 4")
for number, program in enumerate(programs, 1):
    if len(program.splitlines()) > 20:
        sys.exit(f"program {number} of README.md has more than 20 lines")
    command = "g++ -std=c++23 -Wall -Wextra -Werror -fsyntax-only -I build/include -x c++ -"
    result = subprocess.run(command.split(), input=program, text=True, capture_output=True, check=False)
    if result.returncode != 0:
        sys.exit(f"program {number} of README.md does not compile:\n{result.stderr}")
print(f"{len(programs)} programs compile")
