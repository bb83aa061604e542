#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-detached: sandboxes that outlive the katactl that made them, in real virtual machines. Arguments: KATACTL [CONFIG]."""
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest_for  # noqa: E402

PROGRAM, CONFIG = sys.argv[1], (sys.argv[2:3] or [None])[0]
BOOT = 180
TICK = "i=0; while :; do i=$((i + 1)); echo tick $i; sleep 1; done"


class Detached(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor=None if CONFIG else "qemu", config=CONFIG, timeout=BOOT)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def good(self, *words, **more):
        result = self.ctl.run(*words, **more)
        self.assertEqual(result.returncode, 0, (words, result.stderr))
        return result.stdout.decode()

    def detach(self, name, *words):
        self.assertEqual(self.good("run", "-d", "--name", name, "--rootfs", self.ctl.rootfs, "--", *words), name + "\n")

    def test_life_from_other_processes(self):
        self.detach("a", "sh", "-c", TICK)
        row = self.ctl.sandbox("a")
        self.assertEqual(row["state"], "running")
        self.assertGreater(row["pid"], 0)
        result = self.ctl.run("exec", "a", "--", "sh", "-c", "echo out; echo err >&2; exit 9")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (9, b"out\n", b"err\n"))
        self.assertEqual(self.ctl.run("exec", "-i", "a", "cat", stdin=b"x" * 100000).stdout, b"x" * 100000)
        self.assertEqual(self.ctl.run("exec", "a", "nosuch").returncode, 127)
        stats = self.ctl.json("stats", "a")[0]
        self.assertGreater(stats["memory_bytes"], 0)
        self.assertGreaterEqual(stats["pids"], 1)
        self.good("pause", "a")
        self.assertEqual(self.ctl.sandbox("a")["state"], "paused")
        ticks = self.good("logs", "a")
        time.sleep(3)
        self.assertLessEqual(len(self.good("logs", "a").split("\n")) - len(ticks.split("\n")), 1)
        self.good("resume", "a")
        self.ctl.wait_until("it ticks again", lambda: len(self.good("logs", "a")) > len(ticks) + 20)
        self.good("kill", "a")
        self.assertEqual(self.good("wait", "a"), "137\n")
        row = self.ctl.sandbox("a")
        self.assertEqual((row["state"], row["exit_status"]), ("stopped", 137))
        self.good("delete", "a")
        self.assertEqual(self.ctl.ids(), [])

    def test_two_at_once_and_stop(self):
        self.detach("one", "sh", "-c", "trap 'echo bye; exit 3' TERM; echo hello one; while :; do sleep 1; done")
        self.detach("two", "sh", "-c", "echo hello two; sleep 1000")
        self.assertEqual(sorted(self.ctl.ids()), ["one", "two"])
        kernels = {self.good("exec", name, "cat", "/proc/sys/kernel/random/boot_id") for name in ("one", "two")}
        self.assertEqual(len(kernels), 2)
        self.good("stop", "one")
        self.assertEqual(self.ctl.sandbox("one")["exit_status"], 3)
        self.assertEqual(self.good("logs", "one"), "hello one\nbye\n")
        self.assertEqual(self.good("logs", "two"), "hello two\n")
        self.good("delete", "-f", "one", "two")

    def test_creator_killed(self):
        """The process that made the sandbox dies by SIGKILL; others use it, and a new supervisor takes over."""
        self.detach("k", "sh", "-c", TICK)
        self.ctl.wait_until("it ticks", lambda: "tick 1" in self.good("logs", "k"))
        os.kill(self.ctl.supervisor("k"), signal.SIGKILL)
        time.sleep(2)
        self.assertEqual(self.ctl.sandbox("k")["state"], "running")
        self.assertFalse(self.ctl.json("inspect", "k")["run"]["supervised"])
        self.assertEqual(self.good("exec", "k", "echo", "alive"), "alive\n")
        self.assertEqual(self.good("recover"), "0 sandboxes removed\n")
        self.assertEqual(self.ctl.sandbox("k")["state"], "running")
        before = self.good("logs", "k")
        self.assertTrue(self.ctl.json("inspect", "k")["run"]["supervised"])
        self.ctl.wait_until("the new supervisor writes", lambda: len(self.good("logs", "k")) > len(before) + 20)
        self.good("kill", "k")
        self.assertEqual(self.good("wait", "k"), "137\n")
        self.good("delete", "k")

    def test_foreground_creator_killed(self):
        process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "sh", "-c", TICK)
        self.assertEqual(process.stdout.readline(), b"tick 1\n")
        process.kill()
        process.communicate()
        (name,) = self.ctl.ids()
        self.assertEqual(self.good("exec", name, "echo", "alive"), "alive\n")
        self.good("delete", "-f", name)

    def test_killed_machine(self):
        """QEMU dies: the state says so, wait says why, and everything can be removed."""
        self.detach("m", "sleep", "1000")
        os.kill(self.ctl.sandbox("m")["pid"], signal.SIGKILL)
        self.ctl.wait_until("the end is seen", lambda: self.ctl.sandbox("m")["state"] == "stopped")
        self.assertNotEqual(self.ctl.run("wait", "m").returncode, 0)
        self.good("delete", "m")

    def test_killed_server(self):
        """virtiofsd dies while a container runs: the machine ends, and says why."""
        self.detach("v", "sh", "-c", "while :; do cat /bin/busybox >/dev/null; done")
        (server,) = filter(self.is_server, self.ctl.json("inspect", "v")["pids"])
        begun = time.monotonic()
        os.kill(server, signal.SIGKILL)
        self.ctl.wait_until("the end is seen", lambda: self.ctl.sandbox("v")["state"] == "stopped")
        seconds = time.monotonic() - begun
        result = self.ctl.run("wait", "v")
        self.assertNotEqual(result.returncode, 0)
        result = self.ctl.run("exec", "v", "true")
        print(f"ended {seconds:.1f} s after its virtiofsd; exec then: {result.returncode} {result.stderr.decode().strip()}")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"virtiofsd", result.stderr)
        self.assertIn("virtiofsd", self.ctl.json("inspect", "v")["ended"])
        self.good("delete", "v")

    def is_server(self, pid):
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().split(b"\0")[0].endswith(b"virtiofsd")

    def test_killed_while_starting(self):
        process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "true")
        time.sleep(2)
        process.kill()
        process.communicate()
        self.good("recover", "--all")
        self.assertEqual(self.ctl.ids(), [])


if __name__ == "__main__":
    require_guest_for(PROGRAM, config=CONFIG)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
