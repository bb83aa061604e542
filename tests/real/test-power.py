#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-power: the guest ends in good order when its power button is pressed, and `stop` presses it where no agent answers. Arguments: KATACTL [CONFIG]."""
import glob
import json
import os
import re
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest_for  # noqa: E402

PROGRAM = sys.argv[1]
CONFIG = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml")
BUILTIN = len(sys.argv) > 2
TRAP = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.2; done"
VMM_CONTROL_POWER = 4


class Power(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor=None if BUILTIN else "qemu", config=CONFIG, timeout=180)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def good(self, *words):
        result = self.ctl.run(*words)
        self.assertEqual(result.returncode, 0, (words, result.stderr))
        return result.stdout.decode()

    def start(self):
        self.good("run", "-d", "--name", "p", "--rootfs", self.ctl.rootfs, "--", "sh", "-c", TRAP)
        self.ctl.wait_until("it is up", lambda: "up" in self.good("logs", "p"))
        return os.path.join(self.ctl.state, "p")

    def press(self, folder):
        if BUILTIN:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.connect(os.path.join(folder, "control.sock"))
                s.send(struct.pack("<IIQ", 16, VMM_CONTROL_POWER, 0))
                self.assertEqual(struct.unpack("<Ii", s.recv(1024)[:8])[1], 0)
            return
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(folder, "qmp.sock"))
            with s.makefile("rw") as f:
                f.readline()
                for command in ("qmp_capabilities", "system_powerdown"):
                    f.write(json.dumps({"execute": command}) + "\n")
                    f.flush()
                    f.readline()

    def pressed(self):
        """The container hears SIGTERM, and then the machine is off."""
        self.press(self.start())
        self.ctl.wait_until("the machine is off", lambda: self.ctl.sandbox("p")["state"] == "stopped", 60)
        self.assertEqual(self.good("logs", "p"), "up\nbye\n")

    def test_pressed(self):
        self.pressed()

    @unittest.skipIf(BUILTIN, "a machine type of QEMU")
    def test_pressed_on_microvm(self):
        with open(CONFIG, encoding="utf-8") as f:
            text = re.sub(r"(?m)^machine_type\s*=.*\n", "", f.read())
        self.ctl.config = os.path.join(self.ctl.directory, "configuration.toml")
        with open(self.ctl.config, "w", encoding="utf-8") as f:
            f.write(text.replace("[hypervisor.qemu]\n", "[hypervisor.qemu]\nmachine_type = \"microvm\"\n", 1))
        self.pressed()

    def test_stop_where_no_agent_answers(self):
        """The agent's sockets are gone: before the 30 s after which force would follow, the guest has heard the button and ended of itself."""
        folder = self.start()
        sockets = glob.glob(os.path.join(folder, "agent*.sock")) + glob.glob(os.path.join(folder, "vsock.sock"))
        self.assertTrue(sockets, os.listdir(folder))
        for path in sockets:
            os.rename(path, path + ".away")
        with open(os.path.join(folder, "console.log"), encoding="utf-8", errors="replace") as console:  # stop removes it
            begun = time.monotonic()
            self.good("stop", "p")
            self.assertLess(time.monotonic() - begun, 29)
            self.assertIn("power button pressed", console.read())
        for path in glob.glob(os.path.join(folder, "*.away")):
            os.unlink(path)


if __name__ == "__main__":
    require_guest_for(PROGRAM, config=CONFIG)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
