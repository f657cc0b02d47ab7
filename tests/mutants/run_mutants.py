"""Breaks the code on purpose, one patch at a time, and expects the named test to notice.

usage: run_mutants.py <directory> <folder of the patches> [part of a patch's name]

Works in a copy of the tree, of which only what the tests need is built. A patch begins with lines of its own:
  why: what is broken
  test: path of a test below tests/, without .cpp, and its arguments
The test has to pass in the copy first, and to fail with the patch.
"""

import os
import pathlib
import shutil
import subprocess
import sys

FOLDERS = ("codec", "engine", "hub", "tests", "examples", "fuzz")
TIME_LIMIT = 300  # seconds for one test: a mutant may hang, which is noticed too


def copy_tree(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies what differs, so that an earlier build of the copy stays useful."""
    wanted = set()
    for folder in FOLDERS:
        for path in (source / folder).rglob("*"):
            if path.is_file():
                wanted.add(path.relative_to(source))
    for name in ("Makefile", ".ci"):
        path = source / name
        wanted |= {path.relative_to(source)} if path.is_file() else {
            p.relative_to(source) for p in path.rglob("*") if p.is_file()}
    for name in sorted(wanted):
        old = target / name
        if old.exists() and old.read_bytes() == (source / name).read_bytes():
            continue
        old.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, old)
    for folder in FOLDERS:
        for path in (target / folder).rglob("*"):
            if path.is_file() and path.relative_to(target) not in wanted:
                path.unlink()


def header(patch: pathlib.Path) -> dict[str, str]:
    fields = {}
    for line in patch.read_text().splitlines():
        if line.startswith(("---", "diff ")):
            break
        name, colon, value = line.partition(": ")
        if colon:
            fields[name] = value
    return fields


def apply(patch: pathlib.Path, tree: pathlib.Path, *options: str) -> None:
    environment = dict(os.environ, GIT_CEILING_DIRECTORIES=str(tree.parent))
    subprocess.run(["git", "apply", *options, str(patch)], cwd=tree, env=environment, check=True)


def build(tree: pathlib.Path, test: str) -> bool:
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", "-j2", f"build/test/tests/{test}"], cwd=tree, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout)
    return done.returncode == 0


def passes(tree: pathlib.Path, command: list[str]) -> bool:
    try:
        done = subprocess.run([f"build/test/tests/{command[0]}", *command[1:]], cwd=tree, timeout=TIME_LIMIT,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> int:
    source = pathlib.Path.cwd()
    tree = pathlib.Path(sys.argv[1]).resolve() / "tree"
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    patches = sorted(p for p in (source / sys.argv[2]).glob("*.patch") if part in p.name)
    if not patches:
        print("no such mutant")
        return 1
    copy_tree(source, tree)
    survivors = 0
    sound = set()
    for patch in patches:
        fields = header(patch)
        command = fields["test"].split()
        if fields["test"] not in sound:
            if not build(tree, command[0]) or not passes(tree, command):
                print(f"{command[0]} fails without any mutant")
                return 1
            sound.add(fields["test"])
        apply(patch, tree)
        built = build(tree, command[0])
        caught = built and not passes(tree, command)
        apply(patch, tree, "--reverse")
        print(f"{'caught ' if caught else 'MISSED '} {patch.stem}: {fields['why']} ({fields['test']})", flush=True)
        survivors += not caught
    print(f"{len(patches) - survivors} of {len(patches)} mutants caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
