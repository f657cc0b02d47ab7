#!/usr/bin/env python3
"""Every C++ program in README.md compiles, and the first ones have at most 20 lines."""

import pathlib
import re
import subprocess
import sys

programs = re.findall(r"```cpp\n(.*?)```", pathlib.Path("README.md").read_text(encoding="utf-8"), re.S)
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
