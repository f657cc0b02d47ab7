#!/usr/bin/env python3
"""run_tests.py against made-up test programs: what it counts, what it calls a failure, and its last line."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUNNER = pathlib.Path(__file__).resolve().parent.parent / "run_tests.py"

REPORT = """for argument in "$@"; do
  case $argument in --gtest_output=xml:*) report=${argument#--gtest_output=xml:} ;; esac
done
cat > "$report" <<'END'
<testsuites><testsuite>%s</testsuite></testsuites>
END
"""
PASSED = '<testcase classname="A" name="Works" status="run" result="completed"/>'
FAILED = '<testcase classname="A" name="Breaks" status="run"><failure message="no"/></testcase>'
SKIPPED = '<testcase classname="A" name="Waits" status="run"><skipped message="a.cpp:1&#x0A;%s"/></testcase>'
DISABLED = '<testcase classname="A" name="DISABLED_Old" status="notrun" result="suppressed"/>'


class RunTests(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def program(self, text, name="a_test"):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return str(path)

    def run_tests(self, *programs, timeout=60):
        command = [sys.executable, RUNNER, "--directory", self.folder, "--timeout", str(timeout), *programs]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def expect(self, status, last_line, *programs, **options):
        actual, output = self.run_tests(*programs, **options)
        self.assertEqual((status, last_line), (actual, output.splitlines()[-1]), output)
        return output

    def test_sums_the_tests_of_all_programs(self):
        two = self.program(REPORT % (PASSED + PASSED), "two_test")
        script = self.program("exit 0\n", "some_check.sh")
        self.expect(0, "3 passed, 0 failed", two, script)

    def test_one_failed_test_fails_the_run_and_shows_its_output(self):
        program = self.program("echo here is why\n" + REPORT % (PASSED + FAILED) + "exit 1\n")
        output = self.expect(1, "1 passed, 1 failed", program)
        self.assertIn("here is why", output)
        self.assertIn("A.Breaks", output)

    def test_shows_only_the_notes_of_a_program_that_passes(self):
        output = self.expect(0, "1 passed, 0 failed", self.program("echo noise\necho note: kept\n" + REPORT % PASSED))
        self.assertIn("note: kept", output)
        self.assertNotIn("noise", output)

    def test_a_failing_script_is_one_failure(self):
        self.expect(1, "0 passed, 1 failed", self.program("exit 3\n", "some_check.sh"))

    def test_a_skipped_test_is_counted_and_its_reason_printed(self):
        output = self.expect(0, "1 passed, 0 failed, 1 skipped", self.program(REPORT % (PASSED + SKIPPED % "no ring")))
        self.assertIn("A.Waits: no ring", output)

    def test_a_test_skipped_or_disabled_without_a_reason_fails(self):
        self.expect(1, "0 passed, 2 failed", self.program(REPORT % (SKIPPED % "" + DISABLED)))

    def test_a_crash_fails_and_what_was_finished_before_counts(self):
        program = self.program('echo "[       OK ] A.Works (0 ms)"\nkill -SEGV $$\n')
        output = self.expect(1, "1 passed, 1 failed", program)
        self.assertIn("SIGSEGV", output)

    def test_a_bad_status_after_passing_tests_fails(self):
        self.expect(1, "1 passed, 1 failed", self.program(REPORT % PASSED + "exit 23\n"))

    def test_a_program_that_ends_well_without_a_report_fails(self):
        self.expect(1, "0 passed, 1 failed", self.program("exit 0\n"))

    def test_a_program_that_hangs_is_ended_and_fails(self):
        output = self.expect(1, "0 passed, 1 failed", self.program("exec sleep 1000\n"), timeout=0.2)
        self.assertIn("did not end within", output)

    def test_a_process_left_running_is_ended_and_fails(self):
        program = self.program("sleep 1000 & echo $! > " + str(self.folder / "pid") + "\n" + REPORT % PASSED)
        self.expect(1, "1 passed, 1 failed", program)
        pid = int((self.folder / "pid").read_text())
        self.assertFalse(os.path.exists(f"/proc/{pid}/fd/0"))

    def test_a_run_without_tests_fails(self):
        self.expect(1, "0 passed, 0 failed")


if __name__ == "__main__":
    unittest.main()
