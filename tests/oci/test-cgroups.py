#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The folders of cgroupsPath on hosts with cgroup v1, v2 and both: what kata-runtime made goes, what was there before stays; over the null hypervisor."""
import os
import pathlib
import signal
import sys
import unittest

from runtime import Runtime

PROGRAM = os.path.abspath(sys.argv[1])
TOP = f"katatest{os.getpid()}"
SLEEP = ("sleep", "1000")


def mounts():
    """Place and version of each hierarchy that kata-runtime uses."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        words, dash = line.split(), line.split().index("-")
        if words[dash + 1] in ("cgroup", "cgroup2") and words[3] == "/" and "cpuset" not in line:
            found.append((words[4], words[dash + 1]))
    return found


MOUNTS = mounts()


class Beside(Runtime):
    """kata-runtime in a mount namespace that lacks hierarchies of the kind `hidden`."""

    hidden = None

    def argv(self, *words):
        line = super().argv(*words)
        away = [place for place, kind in MOUNTS if kind == self.hidden]
        script = "".join(f"umount -l '{place}'; " for place in away) + 'exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", *line] if away else line


class Cgroups:
    hidden = None

    def setUp(self):
        self.places = [place for place, kind in MOUNTS if kind != self.hidden]
        kinds = {kind for _, kind in MOUNTS}
        if not self.places or (self.hidden and len(kinds) == 1):
            self.skipTest(f"this host has {' and '.join(sorted(kinds)) or 'no cgroups'} only")
        self.r = Beside(PROGRAM, "null")
        self.r.hidden = self.hidden
        self.addCleanup(self.clean)

    def clean(self):
        for name in ("c1", "c2"):
            self.r.run("delete", "--force", name)
        left = self.r.settled_leftovers()
        self.r.close()
        for place in (p for p, _ in MOUNTS):
            for top, _, _ in os.walk(f"{place}/{TOP}", topdown=False):
                os.rmdir(top)
        self.assertEqual(left, [])

    def create(self, name, path, **members):
        return self.r.create(name, self.r.bundle(*SLEEP, change=lambda c: (c["linux"].update(cgroupsPath=f"/{TOP}/{path}"), c.update(members))))

    def delete(self, name):
        result = self.r.run("delete", "--force", name)
        self.assertEqual(result.returncode, 0, result.stderr)

    def make(self, path):
        for place in self.places:
            os.mkdir(f"{place}/{TOP}/{path}")

    def remove(self, path):
        for place in self.places:
            os.rmdir(f"{place}/{TOP}/{path}")

    def folders(self):
        """What is below the hierarchies' roots, which are all to agree."""
        found = [sorted(os.path.relpath(top, place) for top, _, _ in os.walk(f"{place}/{TOP}")) for place in self.places]
        self.assertTrue(all(one == found[0] for one in found), dict(zip(self.places, found)))
        self.assertEqual([p for p, kind in MOUNTS if kind == self.hidden and os.path.exists(f"{p}/{TOP}")], [])
        return [os.path.relpath(path, TOP) for path in found[0]]

    def test_parents(self):
        """All that was made goes with the last container that is in it, though the first one made it."""
        self.assertEqual(self.create("c1", "a/b/c1"), 0)
        self.assertIn(f"/{TOP}/a/b/c1", pathlib.Path(f"/proc/{self.r.state('c1')['pid']}/cgroup").read_text(encoding="ascii"))
        self.assertEqual(self.create("c2", "a/c2"), 0)
        self.assertEqual(self.folders(), [".", "a", "a/b", "a/b/c1", "a/c2"])
        self.delete("c1")
        self.assertEqual(self.folders(), [".", "a", "a/c2"])
        self.delete("c2")
        self.assertEqual(self.folders(), [])
        self.assertFalse(os.path.exists(f"{self.r.root}/.oci/cgroups"), "the list goes with its last line")


class AsItIs(Cgroups, unittest.TestCase):
    def test_there_before(self):
        self.make("")
        self.make("a")
        self.assertEqual(self.create("c1", "a/b/c1"), 0)
        self.delete("c1")
        self.assertEqual(self.folders(), [".", "a"])

    def test_of_others(self):
        """A parent that somebody uses stays until it is empty; one that somebody made anew at its place is not ours."""
        self.assertEqual(self.create("c1", "a/c1"), 0)
        self.make("a/other")
        self.delete("c1")
        self.assertEqual(self.folders(), [".", "a", "a/other"])
        self.remove("a/other")
        self.remove("a")
        self.make("a")
        self.assertEqual(self.create("c1", "a/c1"), 0)
        self.delete("c1")
        self.assertEqual(self.folders(), [".", "a"])
        self.remove("a")
        self.assertEqual(self.create("c1", "a/c1"), 0)
        self.delete("c1")
        self.assertEqual(self.folders(), [], "the top is ours, and was always the same")

    def test_that_fails(self):
        """A create that fails leaves none, nor does a keeper that is killed, nor an invocation that was killed when it had noted and made one."""
        self.assertNotEqual(self.create("c1", "a/c1", hooks={"createRuntime": [{"path": "/bin/false"}]}), 0)
        self.assertEqual(self.folders(), [])
        self.assertEqual(self.create("c1", "a/c1"), 0)
        for pid in pathlib.Path(f"{self.places[0]}/{TOP}/a/c1/cgroup.procs").read_text(encoding="ascii").split():
            if pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8") == "kata-keeper\n":
                os.kill(int(pid), signal.SIGKILL)
        self.delete("c1")
        self.assertEqual(self.folders(), [])
        with open(f"{self.r.root}/.oci/cgroups", "a", encoding="utf-8") as f:
            f.writelines(f"0 {place}/{TOP}\n" for place in self.places)
        self.make("")
        self.assertEqual(self.create("c1", "a/c1"), 0)
        self.delete("c1")
        self.assertEqual(self.folders(), [])


class First(Cgroups, unittest.TestCase):
    hidden = "cgroup2"


class Second(Cgroups, unittest.TestCase):
    hidden = "cgroup"


if __name__ == "__main__":
    if os.geteuid() != 0 or not MOUNTS or not os.access(MOUNTS[0][0], os.W_OK):
        print("SKIP: cgroups cannot be made here (needs root and a hierarchy that can be written to)")
        sys.exit(77)
    try:
        os.rmdir(os.mkdir(f"{MOUNTS[0][0]}/{TOP}") or f"{MOUNTS[0][0]}/{TOP}")
    except OSError as e:
        print(f"SKIP: cgroups cannot be made here: {e}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
