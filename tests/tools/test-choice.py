#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-choice: where the built-in microVMM cannot run, katactl says so once, and only where a sandbox is made. Arguments: KATACTL."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, skip  # noqa: E402

PROGRAM = sys.argv[1]
OPEN = '[hypervisor.builtin]\nkernel = "/nonexistent/k"\n[hypervisor.qemu]\npath = "/nonexistent/qemu"\nkernel = "/nonexistent/k"\n'
NOTE = r"katactl: note: qemu is used, because the built-in microVMM cannot run here: /dev/kvm[^\n]+; [^\n]*--hypervisor qemu[^\n]*\n"
ERROR = r"katactl: error: [^\n]*/nonexistent/qemu[^\n]*\n"


class Choice(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM)
        self.ctl.config = os.path.join(self.ctl.directory, "configuration.toml")
        self.configure(OPEN)

    def tearDown(self):
        self.ctl.close()

    def configure(self, text):
        with open(self.ctl.config, "w", encoding="ascii") as f:
            f.write(text)

    def says(self, pattern, *words):
        result = self.ctl.run(*words)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr.decode(), r"\A" + pattern + r"\Z")

    def test_run_says_it_once(self):
        self.says(NOTE + ERROR, "run", "--rootfs", self.ctl.rootfs, "--", "true")
        self.says(NOTE + ERROR, "run", "-d", "--name", "a", "--rootfs", self.ctl.rootfs, "--", "true")

    def test_order_and_reasons(self):
        self.configure(OPEN)
        result = self.ctl.run("--json", "hypervisor", "choose", "--require", "fs-sharing,pause")
        rows = json.loads(result.stdout)
        self.assertEqual([row["fits"] for row in rows], sorted((row["fits"] for row in rows), reverse=True))
        self.assertEqual(result.returncode, 0 if rows[0]["fits"] else 1)
        fc = next(row for row in rows if row["name"] == "fc")
        self.assertRegex(" ".join(fc["reasons"]), "lacks fs-sharing: ")
        # Nobody has both ways of vsock and a confidential guest: each says why not.
        result = self.ctl.run("--json", "hypervisor", "choose", "--require", "confidential,vsock-vhost,vsock-hybrid")
        self.assertEqual(result.returncode, 1)
        for row in json.loads(result.stdout):
            self.assertFalse(row["fits"])
            self.assertRegex(" ".join(row["reasons"]), "lacks confidential: .+|cannot run a guest here: .+")
        result = self.ctl.run("hypervisor", "choose", "--require", "flying")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"flying", result.stderr)

    def test_not_where_it_was_asked_for(self):
        self.ctl.hypervisor = "qemu"
        self.says(ERROR, "run", "--rootfs", self.ctl.rootfs, "--", "true")
        self.ctl.hypervisor = None
        self.configure(OPEN + '[runtime]\nhypervisor_name = "qemu"\n')
        self.says(ERROR, "run", "--rootfs", self.ctl.rootfs, "--", "true")
        self.configure(OPEN[OPEN.index("[hypervisor.qemu]"):])
        self.says(ERROR, "run", "--rootfs", self.ctl.rootfs, "--", "true")

    def test_not_to_programs_nor_when_told_to_be_quiet(self):
        result = self.ctl.run("--json", "run", "--rootfs", self.ctl.rootfs, "--", "true")
        self.assertIn("/nonexistent/qemu", json.loads(result.stderr)["error"]["message"])
        self.says(ERROR, "--log-level", "error", "run", "--rootfs", self.ctl.rootfs, "--", "true")

    def test_not_where_nothing_is_made(self):
        self.says(ERROR, "plan")
        for words in (("list",), ("env",), ("hypervisor", "list"), ("recover",)):
            self.assertNotIn(b"note:", self.ctl.run(*words).stderr)


if __name__ == "__main__":
    probe = Katactl(PROGRAM)
    builtin = [row for row in json.loads(probe.run("--json", "check").stdout) if row["name"] == "kvm"]
    probe.close()
    if builtin and builtin[0]["ok"]:
        skip("KVM runs guests here: the choice falls to the built-in microVMM (real/builtin-default tries that)")
    unittest.main(argv=sys.argv[:1], verbosity=2)
