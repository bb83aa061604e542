#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers of one pod that come and go at once, over the null backend: test-crowd.py KATA-RUNTIME SLOW-CREATE.SO."""
import os
import sys
import threading
import unittest

import runtime

PROGRAM = sys.argv[1]
SLEEP = ("sleep", "1000")


class Crowd(unittest.TestCase):
    def setUp(self):
        self.r = runtime.Runtime(PROGRAM, "null")
        self.addCleanup(self.r.close)
        self.slow = f"{self.r.directory}/slow"
        with open(self.slow, "w", encoding="ascii"):
            pass
        os.environ.update(LD_PRELOAD=os.path.abspath(sys.argv[2]), SLOW_CREATE=self.slow)
        self.codes = {}

    def tearDown(self):
        for name in ("LD_PRELOAD", "SLOW_CREATE"):
            os.environ.pop(name)

    def bundle(self, pod, *args, member=False):
        return self.r.bundle(*args, change=lambda c: c.update(annotations={
            "io.kubernetes.cri.container-type": "container" if member else "sandbox", "io.kubernetes.cri.sandbox-id": pod}))

    def slowly(self, name, bundle):
        """Begins to make a container; it is on its way into its machine, and stays there."""
        thread = threading.Thread(target=lambda: self.codes.update({name: self.r.create(name, bundle)}))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(lambda: os.path.exists(self.slow) and os.unlink(self.slow))
        self.r.wait_until("on its way", lambda: os.path.exists(self.slow + ".met"))
        return thread

    def finish(self, thread, name):
        os.unlink(self.slow)
        thread.join()
        self.assertEqual(self.codes, {name: 0})
        self.assertEqual(self.r.status(name), "created")
        self.assertEqual(self.r.run("delete", "-f", name).returncode, 0)
        self.assertEqual(self.r.settled_leftovers(), [])

    def test_the_last_goes_while_one_comes(self):
        self.assertEqual(self.r.create("pod", self.bundle("pod", *SLEEP)), 0)
        thread = self.slowly("slow2", self.bundle("pod", *SLEEP, member=True))
        self.assertEqual(self.r.run("delete", "-f", "pod").returncode, 0)
        self.finish(thread, "slow2")

    def test_one_fails_while_the_first_comes(self):
        thread = self.slowly("slow1", self.bundle("slow1", *SLEEP))
        self.assertEqual(self.r.create("c2", self.bundle("slow1", "no-such-program", member=True)), 1)
        self.finish(thread, "slow1")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
