#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-bundle: what a config.json asks of storage and limits, as a container in a guest finds it. Arguments: KATACTL [CONFIG]."""
import json
import os
import stat
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest_for  # noqa: E402

PROGRAM, CONFIG = sys.argv[1], (sys.argv[2:3] or [None])[0]


class Bundle(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor=None if CONFIG else "qemu", config=CONFIG, timeout=180)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def run_bundle(self, script, mounts=(), process=None, linux=None):
        spec = {"ociVersion": "1.0.2", "root": {"path": self.ctl.rootfs},
                "process": {"args": ["sh", "-c", script], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, **(process or {})},
                "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, *mounts],
                "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts")], **(linux or {})}}
        folder = os.path.join(self.ctl.directory, "bundle")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
            json.dump(spec, f)
        return self.ctl.run("run", "--bundle", folder)

    def file(self, name, text):
        path = os.path.join(self.ctl.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def test_limits_and_storage(self):
        """Resource limits of processes and of the cgroup; sizes of tmpfs and of /dev/shm; files bound, one of them read-only."""
        fixed, open_ = self.file("fixed", "fixed\n"), self.file("open", "before\n")
        result = self.run_bundle(
            "ulimit -n; ulimit -u; cat /etc/fixed /open; echo after >/open; (echo x >/etc/fixed) 2>/dev/null || echo refused; "
            "for d in /scratch /dev/shm; do set -- $(grep \" $d tmpfs \" /proc/mounts); echo \"$2 $4\"; done; "
            "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max",
            mounts=[{"destination": "/etc/fixed", "type": "bind", "source": fixed, "options": ["bind", "ro"]},
                    {"destination": "/open", "type": "bind", "source": open_, "options": ["rbind", "rprivate", "rw"]},
                    {"destination": "/scratch", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=3072k"]},
                    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=64k"]},
                    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "size=5120k"]},
                    {"destination": "/sys", "type": "sysfs", "source": "sysfs"},
                    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}],
            process={"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 777, "hard": 888}, {"type": "RLIMIT_NPROC", "soft": 99, "hard": 99}]},
            linux={"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "cgroup")],
                   "resources": {"memory": {"limit": 48 << 20}, "pids": {"limit": 50}, "cpu": {"quota": 50000, "period": 100000}}})
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.decode().splitlines()
        self.assertEqual(lines[:5], ["777", "99", "fixed", "before", "refused"])
        for line, where, size in zip(lines[5:7], ("/scratch", "/dev/shm"), ("size=3072k", "size=5120k")):
            self.assertTrue(line.startswith(where + " ") and size in line.split()[1].split(","), line)
        self.assertEqual(lines[7:], [str(48 << 20), "50", "50000 100000"])
        with open(open_, encoding="utf-8") as f:
            self.assertEqual(f.read(), "after\n")
        with open(fixed, encoding="utf-8") as f:
            self.assertEqual(f.read(), "fixed\n")

    def refused(self, mount, *words):
        result = self.run_bundle("true", mounts=[mount])
        self.assertNotEqual(result.returncode, 0)
        for word in words:
            self.assertIn(word, result.stderr.decode())

    def test_what_a_machine_cannot(self):
        self.refused({"destination": "/d", "type": "bind", "source": self.ctl.rootfs, "options": ["rbind", "rshared"]},
                     "$.mounts[1]", "rshared", "use rprivate or rslave")
        self.refused({"destination": "/d", "type": "bind", "source": "/dev/null", "options": ["bind"]}, "$.mounts[1]", "device of the host")
        if os.geteuid() == 0:
            node = os.path.join(self.ctl.directory, "node")
            os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(7, 0))
            self.refused({"destination": "/d", "type": "bind", "source": node, "options": ["bind"]}, "block device", "disk")
            os.unlink(node)


if __name__ == "__main__":
    require_guest_for(PROGRAM, config=CONFIG)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
