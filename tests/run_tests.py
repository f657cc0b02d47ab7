#!/usr/bin/env python3
"""Runs test programs side by side and sums what they say.

GoogleTest binaries are counted by their tests, scripts (*_check.sh, *_check.py) as one test each. Only the output of
failures is shown, besides lines that begin with "note: ". A skipped test must give its reason. What a program leaves
running is ended, and counts as a failure. The last line is always "N passed, N failed[, N skipped]".
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

TAIL_LINES = 200
LEFTOVER_GRACE_SECONDS = 2.0


@dataclasses.dataclass
class Result:
    program: str
    passed: int = 0
    skipped: list = dataclasses.field(default_factory=list)  # (test, reason)
    failures: list = dataclasses.field(default_factory=list)  # one line each
    seconds: float = 0.0
    log: pathlib.Path = None


class Runner:
    def __init__(self, options):
        self.options = options
        self.running = set()
        self.lock = threading.Lock()
        self.stopping = False

    def run(self, program):
        is_script = program.endswith((".sh", ".py"))
        name = program if is_script else os.path.relpath(program, self.options.directory)
        log = pathlib.Path(self.options.directory, "log", name + ".log")
        report = log.with_suffix(".xml")
        log.parent.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)

        result = Result(name, log=log)
        started = time.monotonic()
        status, leftovers = self.execute(self.command(program, report, is_script), log)
        result.seconds = time.monotonic() - started

        if is_script:
            result.passed = 1 if status == 0 else 0
        else:
            self.count(result, report, log)
        if status == "timeout":
            result.failures.append(f"did not end within {self.options.timeout} s")
        elif status < 0:
            result.failures.append(f"ended by signal {signal.Signals(-status).name}")
        elif status != 0 and not result.failures:
            result.failures.append(f"exit status {status}")
        elif not is_script and not report.exists():
            result.failures.append("ended without a report")
        if leftovers:
            result.failures.append("left processes running")
        return result

    def command(self, program, report, is_script):
        if program.endswith(".py"):
            return ["python3", program]
        command = [os.path.join(".", program)]
        if self.options.no_aslr:
            command = ["setarch", "-R", *command]
        return command if is_script else [*command, f"--gtest_output=xml:{report}", "--gtest_color=no"]

    def execute(self, command, log):
        """Returns the exit status (or "timeout"), and whether the program left others running."""
        with open(log, "wb") as output:
            with self.lock:
                if self.stopping:
                    return "timeout", False
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
                self.running.add(process.pid)
            try:
                status = process.wait(self.options.timeout)
            except subprocess.TimeoutExpired:
                kill_group(process.pid, signal.SIGABRT)  # a sanitizer prints where it stands
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    pass
                kill_group(process.pid, signal.SIGKILL)
                process.wait()
                status = "timeout"
            finally:
                with self.lock:
                    self.running.discard(process.pid)
        return status, end_leftovers(process.pid)

    def count(self, result, report, log):
        try:
            cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
        except (OSError, xml.etree.ElementTree.ParseError):
            # It crashed or was killed before it could write: count the tests it finished by what it printed.
            text = log.read_text(errors="replace")
            result.passed = len(re.findall(r"^\[       OK \]", text, re.M))
            result.failures += re.findall(r"^\[  FAILED  \] (\S+) \(", text, re.M)
            return
        for case in cases:
            test = f"{case.get('classname')}.{case.get('name')}"
            skipped = case.find("skipped")
            if case.find("failure") is not None:
                result.failures.append(test)
            elif skipped is not None:
                reason = skip_reason(skipped)
                if reason:
                    result.skipped.append((test, reason))
                else:
                    result.failures.append(f"{test} was skipped without a reason")
            elif case.get("status") == "run":
                result.passed += 1
            else:
                result.failures.append(f"{test} is disabled, without a reason")
        for error in xml.etree.ElementTree.parse(report).getroot().findall("testsuite/failure"):
            result.failures.append(error.get("message", "").splitlines()[0])

    def stop(self):
        with self.lock:
            self.stopping = True
            for pid in self.running:
                kill_group(pid, signal.SIGKILL)


def skip_reason(element):
    text = element.get("message") or element.text or ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # GoogleTest puts "file:line" in a line of its own, before the reason.
    lines = [line for line in lines if not re.fullmatch(r"\S+:\d+", line)]
    return " ".join(lines)


def kill_group(pid, number):
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def end_leftovers(pid):
    """Whether anything in the program's process group outlives it by more than the grace time; ends it."""
    deadline = time.monotonic() + LEFTOVER_GRACE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.02)
    kill_group(pid, signal.SIGKILL)
    return True


def show(result, done, total):
    mark = "FAILED" if result.failures else "ok"
    print(f"[{done}/{total}] {mark} {result.program}: {result.passed} passed, {result.seconds:.1f} s")
    for test, reason in result.skipped:
        print(f"  skipped {test}: {reason}")
    lines = result.log.read_text(errors="replace").splitlines() if result.log.exists() else []
    if not result.failures:
        for line in lines:
            if line.startswith("note: "):
                print(f"  {line}")
        return
    if len(lines) > TAIL_LINES:
        print(f"  | the last {TAIL_LINES} of {len(lines)} lines of {result.log}:")
    for line in lines[-TAIL_LINES:]:
        print(f"  | {line}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", required=True, help="the flavour's directory; logs go below it")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=600, help="seconds a program may take")
    parser.add_argument("--no-aslr", action="store_true", help="fixed addresses, for ThreadSanitizer, where allowed")
    parser.add_argument("programs", nargs="*")
    return parser.parse_args()


def setarch_works():
    return shutil.which("setarch") and subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0


def main():
    options = parse_arguments()
    options.no_aslr = options.no_aslr and setarch_works()
    for name in ("BRUME_BIN", "BRUME_SOURCE"):
        if name in os.environ:
            os.environ[name] = os.path.abspath(os.environ[name])
    runner = Runner(options)
    results = []
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    try:
        pending = [pool.submit(runner.run, program) for program in options.programs]
        for future in concurrent.futures.as_completed(pending):
            results.append(future.result())
            show(results[-1], len(results), len(pending))
            sys.stdout.flush()
    except KeyboardInterrupt:
        for future in pending:
            future.cancel()
        runner.stop()
        print("interrupted")
        return 130
    finally:
        pool.shutdown()

    passed = sum(result.passed for result in results)
    failed = sum(len(result.failures) for result in results)
    skipped = sum(len(result.skipped) for result in results)
    if passed + failed == 0:
        print("no test was run")
    for result in results:
        for failure in result.failures:
            print(f"failed: {result.program}: {failure}")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
