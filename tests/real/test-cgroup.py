#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-cgroup: a sandbox's place among the host's control groups: made, entered, left, removed. Arguments: KATACTL HYPERVISOR."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, skip  # noqa: E402

PROGRAM, HYPERVISOR = sys.argv[1:3]
TOP = f"kata-test-{os.getpid()}"
WANTED = {"cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "hugetlb"}


def hierarchies():
    """Mount points of cgroup2 and of v1 hierarchies that account something."""
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            before, _, after = line.partition(" - ")
            kind, _, options = after.split()[:3]
            names = tuple(sorted(WANTED & set(options.split(",")))) if kind == "cgroup" else ()
            if kind == "cgroup2" or names:
                found.setdefault((kind, names), before.split()[4])
    return list(found.values())


class Cgroup(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR, timeout=120)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        self.ctl.clean()
        left = self.ctl.settled_leftovers() + self.directories("")
        self.ctl.close()
        for folder in reversed(self.directories("")):
            os.rmdir(folder)
        self.assertEqual(left, [])

    def directories(self, path):
        return [d for h in hierarchies() for d in [os.path.join(h, TOP, path).rstrip("/")] if os.path.isdir(d)]

    def start(self, *more):
        return self.ctl.run("run", "-d", "--name", "c", "--cgroup", f"/{TOP}/pod/one", "--rootfs", self.ctl.rootfs, *more,
                            "--", "sleep", "1000")

    def good(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)

    def inside(self, pid):
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
            return sum(f"/{TOP}/pod/kata_one\n" in line for line in f)

    def test_made_entered_removed(self):
        self.good(self.start("--cpus", "0.5"))
        made = self.directories("pod/kata_one")
        self.assertEqual(len(made), len(hierarchies()))
        pid = self.ctl.sandbox("c")["pid"]
        if HYPERVISOR != "null":
            self.assertEqual(self.inside(pid), len(made))
            self.assertEqual(self.inside(self.ctl.supervisor("c")), 0)
        for folder in made:
            for name in ("cpu.max", "cpu.cfs_quota_us"):
                if os.path.exists(os.path.join(folder, name)):
                    with open(os.path.join(folder, name), encoding="ascii") as f:
                        self.assertEqual(f.read().split()[0], "70000")
        self.good(self.ctl.run("delete", "-f", "c"))
        self.assertEqual(self.directories(""), [])

    def test_the_caller_too(self):
        config = os.path.join(self.ctl.directory, "configuration.toml")
        with open(os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml"), encoding="utf-8") as f:
            text = f.read()
        with open(config, "w", encoding="utf-8") as f:
            f.write(text.replace("[runtime]\n", "[runtime]\nsandbox_cgroup_only = true\n", 1) if "[runtime]\n" in text
                    else text + "\n[runtime]\nsandbox_cgroup_only = true\n")
        self.ctl.config = config
        self.good(self.start())
        self.assertEqual(self.inside(self.ctl.supervisor("c")), len(hierarchies()))
        self.good(self.ctl.run("delete", "-f", "c"))  # by another process: who is still in there is moved up
        self.assertEqual(self.directories(""), [])

    def test_what_is_there_already_stays(self):
        for h in hierarchies():
            os.makedirs(os.path.join(h, TOP, "pod", "kata_one"))
        result = self.start()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"is there already", result.stderr)
        there = self.directories("pod/kata_one")
        self.assertEqual(len(there), len(hierarchies()))
        for folder in there:
            os.rmdir(folder)
            os.rmdir(os.path.dirname(folder))
            os.rmdir(os.path.dirname(os.path.dirname(folder)))

    def test_bad_words(self):
        for word in ("/", "/../x", "a.slice:b", "x\ny"):
            result = self.ctl.run("plan", "--cgroup", word, "--rootfs", self.ctl.rootfs, "--", "true")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(b"cgroup", result.stderr)


def main():
    if os.geteuid() != 0:
        skip("only root makes control groups here")
    for h in hierarchies():
        try:
            os.mkdir(os.path.join(h, TOP))
            os.rmdir(os.path.join(h, TOP))
        except OSError as e:
            skip(f"{h}: {e.strerror}")
    if not hierarchies():
        skip("no control groups are mounted")
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)


main()
