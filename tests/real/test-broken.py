#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-broken: missing or broken QEMU, virtiofsd, kernel and initrd, and an agent that never answers. Arguments: KATACTL [CONFIG]."""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest_for, skip  # noqa: E402

PROGRAM = sys.argv[1]
CONFIG = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml")


class Broken(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, timeout=120)
        make_rootfs(self.ctl.rootfs)
        with open(CONFIG, encoding="utf-8") as f:
            self.settings = f.read()

    def tearDown(self):
        left = (self.ctl.ids(), self.ctl.settled_leftovers())
        self.ctl.close()
        self.assertEqual(left, ([], []))

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.ctl.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def set(self, section, **keys):
        """Sets keys in a section of a copy of the configuration."""
        for key, value in keys.items():
            self.settings = re.sub(rf"(?m)^{key}\s*=.*\n", "", self.settings)
            line = f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
            if f"[{section}]" in self.settings:
                self.settings = self.settings.replace(f"[{section}]\n", f"[{section}]\n{line}\n", 1)
            else:
                self.settings += f"\n[{section}]\n{line}\n"

    def fails(self, *texts, seconds=60):
        self.ctl.config = self.write("configuration.toml", self.settings)
        begun = time.monotonic()
        result = self.ctl.run("run", "--rootfs", self.ctl.rootfs, "--", "true")
        message = result.stderr.decode()
        self.assertEqual(result.returncode, 125, message)
        errors = [line for line in message.splitlines() if line.startswith("katactl: error: ")]
        self.assertEqual(len(errors), 1, message)
        for text in texts:
            self.assertIn(text, errors[0])
        self.assertLess(time.monotonic() - begun, seconds)

    def test_no_hypervisor(self):
        self.set("hypervisor.qemu", path="/nonexistent/qemu")
        self.fails("/nonexistent/qemu")

    def test_a_hypervisor_that_says_why_it_dies(self):
        path = self.write("qemu", "#!/bin/sh\n[ \"$1\" = --version ] && echo 'QEMU emulator version 7.2.0' && exit 0\n"
                          "echo 'no electricity' >&2\nexit 1\n", 0o755)
        self.set("hypervisor.qemu", path=path)
        self.fails("no electricity")

    def test_a_hypervisor_that_is_no_program(self):
        self.set("hypervisor.qemu", path=self.write("qemu", "not a program\n", 0o755))
        self.fails(self.ctl.directory)

    def test_no_kernel(self):
        self.set("hypervisor.qemu", kernel="/nonexistent/vmlinuz")
        self.fails("/nonexistent/vmlinuz")

    def test_no_initrd(self):
        self.set("hypervisor.qemu", initrd="/nonexistent/initrd")
        self.fails("/nonexistent/initrd")

    def test_a_kernel_that_is_none(self):
        self.set("hypervisor.qemu", kernel=self.write("vmlinuz", "no kernel\n" * 10000))
        self.set("agent.kata", dial_timeout=10)
        self.fails(seconds=90)

    def test_no_virtiofsd(self):
        if "virtio-fs" not in self.settings:
            self.set("hypervisor.qemu", shared_fs="virtio-fs")
        self.set("hypervisor.qemu", virtio_fs_daemon="/nonexistent/virtiofsd")
        self.fails("/nonexistent/virtiofsd")

    def test_a_virtiofsd_that_dies(self):
        if "virtio-fs" not in self.settings:
            self.set("hypervisor.qemu", shared_fs="virtio-fs")
        self.set("hypervisor.qemu", virtio_fs_daemon=self.write("virtiofsd", "#!/bin/sh\necho 'no files today' >&2\nexit 1\n", 0o755))
        self.fails("virtiofsd")

    def test_an_agent_that_never_answers(self):
        self.set("agent.kata", dial_timeout=8, kernel_modules="[]")
        self.settings = self.settings.replace('kernel_modules = "[]"\n', "")
        match = re.search(r'(?m)^kernel_params\s*=\s*"(.*)"', self.settings)
        self.set("hypervisor.qemu", kernel_params=(match.group(1) + " " if match else "") + "rdinit=/nonexistent init=/nonexistent panic=0")
        self.fails(seconds=90)


if __name__ == "__main__":
    if not os.path.exists(CONFIG):
        skip(f"there is no {CONFIG}: the guest image is not built")
    require_guest_for(PROGRAM, config=CONFIG)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
