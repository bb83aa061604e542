#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real guest grows with the limits of the containers that come to its pod: test-grow.py KATA-RUNTIME GUEST-FOLDER."""
import os
import sys
import unittest

import runtime

PROGRAM, GUEST = sys.argv[1], os.path.abspath(sys.argv[2])
SLEEP = ("sleep", "1000")
CONFIG = f"""[hypervisor.qemu]
kernel = "{GUEST}/vmlinuz"
initrd = "{GUEST}/kata-containers-initrd.img"
default_vcpus = 1
default_maxvcpus = 3
default_memory = 256
default_maxmemory = 768
[agent.kata]
dial_timeout = 200
[runtime]
hypervisor_name = "qemu"
"""


def limits(milli, mib):
    def change(config):
        config["annotations"] = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"}
        config["linux"]["resources"] = {"cpu": {"quota": milli * 100, "period": 100000}, "memory": {"limit": mib << 20}}
    return change


def pod(config):
    config["annotations"] = {"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod"}


class Configured(runtime.Runtime):
    def argv(self, *words):
        path = f"{self.directory}/kata.toml"
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii") as f:
                f.write(CONFIG)
        return [self.program, "--root", self.root, "--kata-config", path] + [str(w) for w in words]


class Grow(unittest.TestCase):
    def setUp(self):
        self.r = Configured(PROGRAM, timeout=200)
        self.addCleanup(self.r.close)

    def started(self, name, change):
        self.assertEqual(self.r.create(name, self.r.bundle(*SLEEP, change=change)), 0)
        self.assertEqual(self.r.run("start", name).returncode, 0)

    def seen(self, name="pod"):
        """Processors and MiB, as a new process in the container sees them."""
        words = self.r.run("exec", name, "sh", "-c", "nproc; grep MemTotal /proc/meminfo").stdout.split()
        return int(words[0]), int(words[2]) >> 10

    def test_two_containers(self):
        self.started("pod", pod)
        before = self.seen()
        self.assertEqual(before[0], 1)
        self.started("a", limits(1000, 100))
        self.r.wait_until("the first has come", lambda: self.seen("a")[0] == 2 and self.seen("a")[1] >= before[1] + 100)
        self.started("b", limits(700, 120))
        self.r.wait_until("the second has come", lambda: self.seen("b")[0] == 3 and self.seen("b")[1] >= before[1] + 200)
        print(f"{before}, then {self.seen()}")
        self.started("c", limits(9000, 9000))  # more than there is room for: it runs all the same
        self.assertEqual(self.seen("c")[0], 3)
        self.assertEqual(self.r.run("delete", "--force", "pod").returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:], verbosity=2)
