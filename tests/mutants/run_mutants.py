"""Breaks the code on purpose, one patch at a time, and expects the named test or conformance cases to notice.

usage: run_mutants.py <directory> <folder of the patches> [part of a patch's name]

Works in a copy of the tree, of which only what the tests need is built. A patch begins with lines of its own:
  why: what is broken
  test: path of a test below tests/, without .cpp, and its arguments
  cases: or a class of the conformance suite, which is run against the echo program
  program: another one that the class is run against
Both have to pass in the copy first, and to fail with the patch. Each rule that a peer can break (codec/violation.h, and
codec/http_error.h without the server's own answers) has to have a patch named after it that takes its check away:
violation_NAME*.patch, http_NAME*.patch.
"""

import os
import pathlib
import re
import shutil
import signal
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


def enumerators(header_file: pathlib.Path, name: str) -> list[str]:
    body = re.search(rf"enum class {name} [^{{]*{{(.*?)\n}};", header_file.read_text(), re.S)[1]
    body = body.partition("// the server's own answers")[0]
    return re.findall(r"^\s*(\w+),", body, re.M)


def rules_without_patch(source: pathlib.Path) -> list[str]:
    names = [patch.stem for patch in (source / "tests/mutants").glob("*.patch")]
    rules = [f"violation_{rule}" for rule in enumerators(source / "codec/violation.h", "Violation")]
    rules += [f"http_{rule}" for rule in enumerators(source / "codec/http_error.h", "HttpError")]
    return [rule for rule in rules if not any(name.startswith(rule) for name in names)]


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


def check_of(fields: dict[str, str]) -> tuple[list[str], list[str]]:
    """What has to be built, and the command that has to notice, both as seen from the copy."""
    if "cases" in fields:
        command = ["python3", "tests/conformance/run.py", "--backend", "epoll", "--first", "--seconds", "12",
                   "--only", fields["cases"]]
        return ["build/bin/echo", *(["build/bin/" + fields["program"]] if "program" in fields else [])], command
    program, *arguments = fields["test"].split()
    return [f"build/test/tests/{program}"], [f"build/test/tests/{program}", *arguments]


def build(tree: pathlib.Path, targets: list[str]) -> bool:
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", "-j2", *targets], cwd=tree, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout)
    return done.returncode == 0


def passes(tree: pathlib.Path, command: list[str]) -> bool:
    """In a session of its own, that is ended whole: programs under test must not outlive a command that hangs."""
    environment = dict(os.environ, BRUME_BIN="build/bin")
    process = subprocess.Popen(command, cwd=tree, env=environment, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(TIME_LIMIT) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def main() -> int:
    source = pathlib.Path.cwd()
    tree = pathlib.Path(sys.argv[1]).resolve() / "tree"
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    patches = sorted(p for p in (source / sys.argv[2]).glob("*.patch") if part in p.name)
    if not patches:
        print("no such mutant")
        return 1
    missing = rules_without_patch(source) if sys.argv[2] == "tests/mutants" else []
    for rule in missing:
        print(f"MISSING {rule}: no patch of this name takes the rule's check away")
    copy_tree(source, tree)
    survivors = 0
    sound = set()
    for patch in patches:
        fields = header(patch)
        targets, command = check_of(fields)
        if tuple(command) not in sound:
            if not build(tree, targets) or not passes(tree, command):
                print(f"{' '.join(command)} fails without any mutant")
                return 1
            sound.add(tuple(command))
        apply(patch, tree)
        built = build(tree, targets)
        caught = built and not passes(tree, command)
        apply(patch, tree, "--reverse")
        print(f"{'caught ' if caught else 'MISSED '} {patch.stem}: {fields['why']} ({' '.join(command)})", flush=True)
        survivors += not caught
    print(f"{len(patches) - survivors} of {len(patches)} mutants caught")
    return 1 if survivors or missing else 0


if __name__ == "__main__":
    sys.exit(main())
