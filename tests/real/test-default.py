#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-default: where KVM can run a guest, a configuration that names no hypervisor gives the built-in microVMM. Arguments: KATACTL."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest_for  # noqa: E402

PROGRAM = sys.argv[1]


class Default(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, timeout=60)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        self.ctl.clean()
        self.ctl.close()

    def test_it_is_the_builtin_one(self):
        plan = json.loads(self.ctl.run("plan", "--json", "--rootfs", self.ctl.rootfs, "--", "true").stdout)
        self.assertIn("kata-vmm", plan["backend"])

    def test_and_nothing_is_said_of_it(self):
        result = self.ctl.run("run", "--rootfs", os.path.join(self.ctl.directory, "nothing"), "--", "true")
        self.assertNotIn(b"note:", result.stderr)


if __name__ == "__main__":
    require_guest_for(PROGRAM)
    unittest.main(argv=sys.argv[:1], verbosity=2)
