#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-backend: `katactl --backend-library`, with the example backend and a stand-in for its VMM. Arguments: KATACTL LIBRARY VMM."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, skip  # noqa: E402

PROGRAM, LIBRARY, VMM = (os.path.abspath(path) for path in sys.argv[1:4])


class Backend(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor="example")
        directory = os.path.realpath(self.ctl.directory)
        # Whose the build folder is, and who may write there, is not this test's business.
        self.library = os.path.join(directory, "example.so")
        shutil.copyfile(LIBRARY, self.library)
        os.chmod(self.library, 0o755)
        self.ctl.config = os.path.join(directory, "configuration.toml")
        kernel = os.path.join(directory, "kernel")
        with open(kernel, "w", encoding="ascii") as f:
            f.write("no kernel")
        with open(self.ctl.config, "w", encoding="ascii") as f:
            f.write(f'[hypervisor.example]\npath = "{VMM}"\nkernel = "{kernel}"\ninitrd = "{kernel}"\nshared_fs = "none"\n')
        self.with_library = ("--backend-library", self.library)

    def tearDown(self):
        for name in self.ctl.run(*self.with_library, "list", "-q").stdout.decode().split():
            self.ctl.run(*self.with_library, "delete", "-f", name)
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def test_run(self):
        result = self.ctl.run(*self.with_library, "run", "--rootfs", self.ctl.rootfs, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
        said = [line for line in result.stderr.splitlines() if b": warning: " not in line]  # of the guest that has no manifest
        self.assertEqual((result.returncode, result.stdout, said), (7, b"out\n", [b"err"]))

    def test_in_the_background(self):
        """The process that stays has the backend too, from a relative name."""
        result = self.ctl.run("--backend-library", "example.so", "run", "-d", "--name", "b", "--rootfs", self.ctl.rootfs, "--", "sleep", "300",
                              cwd=os.path.dirname(self.library))
        self.assertEqual((result.returncode, result.stdout), (0, b"b\n"), result.stderr)
        for words, out in ((("exec", "b", "echo", "x"), b"x\n"), (("pause", "b"), b""), (("resume", "b"), b""), (("stop", "-t", "5s", "b"), b""),
                           (("delete", "b"), b"")):
            result = self.ctl.run(*self.with_library, *words)
            self.assertEqual((result.returncode, result.stdout), (0, out), (words, result.stderr))

    def test_listed(self):
        self.assertIn(b"example", self.ctl.run(*self.with_library, "hypervisor", "list").stdout)

    def test_what_cannot_be_loaded(self):
        link = os.path.join(os.path.dirname(self.library), "link.so")
        os.symlink(self.library, link)
        for path, text in (("/nonexistent.so", "/nonexistent.so"), (link, "link"), (self.ctl.config, "configuration.toml")):
            result = self.ctl.run("--backend-library", path, "list")
            self.assertEqual(result.returncode, 125, result.stderr)
            self.assertIn(text, result.stderr.decode())
        result = self.ctl.run(*self.with_library, *self.with_library, "list")
        self.assertEqual(result.returncode, 125, "the same backend twice")
        result = self.ctl.run("run", "--rootfs", self.ctl.rootfs, "--", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"example", result.stderr)


if __name__ == "__main__":
    if not shutil.which("mkfs.erofs"):
        skip("mkfs.erofs is not installed (package erofs-utils)")
    unittest.main(argv=sys.argv[:1], verbosity=2)
