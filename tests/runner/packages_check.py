#!/usr/bin/env python3
""".ci/packages with made-up dpkg-query, apt-get and sudo: what it installs, as whom, and where it stops."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / ".ci" / "packages"


class Packages(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        for tool in ("sh", "env"):
            (self.folder / tool).symlink_to(shutil.which(tool))

    def tool(self, name, text):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)

    def machine(self, installed="", user_id=0, apt=True, sudo=False):
        answers = "".join(f"echo 'installed {package}'\n" for package in installed.split())
        self.tool("dpkg-query", answers + "exit 1\n")
        self.tool("id", f"echo {user_id}\n")
        if apt:
            self.tool("apt-get", 'echo "apt-get $*"\n')
        if sudo:
            self.tool("sudo", 'echo "sudo"\nexec "$@"\n')

    def ask(self, *groups, **settings):
        environment = {"PATH": str(self.folder), **settings}
        command = [str(self.folder / "sh"), SCRIPT, *groups]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def test_says_and_does_nothing_where_all_is_installed(self):
        self.machine(installed="libgmock-dev libgtest-dev openssl python3")
        self.assertEqual((0, ""), self.ask("test"))

    def test_installs_only_what_is_missing(self):
        self.machine(installed="libgtest-dev openssl python3")
        status, output = self.ask("test")
        self.assertEqual(0, status, output)
        self.assertIn("-qq update\n", output)
        self.assertTrue(output.endswith("install libgmock-dev\n"), output)
        self.assertNotIn("sudo", output)

    def test_becomes_root_by_sudo_where_it_is_not(self):
        self.machine(user_id=1000, sudo=True)
        status, output = self.ask("format")
        self.assertEqual(0, status, output)
        self.assertEqual(2, output.count("sudo\n"), output)

    def test_names_the_packages_and_stops_where_there_is_no_sudo(self):
        self.machine(user_id=1000)
        status, output = self.ask("format")
        self.assertEqual(2, status)
        self.assertIn("clang-format-19", output)

    def test_names_the_packages_and_stops_where_there_is_no_apt(self):
        self.machine(apt=False)
        status, output = self.ask("build")
        self.assertEqual(2, status)
        self.assertIn("liburing-dev", output)

    def test_goes_on_where_it_is_told_to_trust(self):
        self.machine(apt=False)
        self.assertEqual((0, ""), self.ask("build", BRUME_PACKAGES="skip"))

    def test_refuses_a_group_that_is_not_there(self):
        self.machine()
        status, output = self.ask("nonsense")
        self.assertEqual(2, status)
        self.assertIn("nonsense", output)


if __name__ == "__main__":
    unittest.main()
