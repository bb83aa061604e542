#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Block devices of the host in containers of a real guest, through the OCI command line: test-block.py KATA-RUNTIME [HYPERVISOR]."""
import os
import shutil
import subprocess
import sys
import unittest

import runtime

PROGRAM, HYPERVISOR = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "qemu"
SLEEP = ("sleep", "1000")
MIB = 1 << 20
POD = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"}


def why_not():
    if os.geteuid() != 0:
        return "loop devices need root"
    for tool in ("losetup", "mkfs.ext4"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    found = subprocess.run(["losetup", "-f"], capture_output=True, text=True, check=False)
    return None if found.returncode == 0 and os.path.exists(found.stdout.strip()) else "no free loop device in /dev"


class Loop:
    """A file of 16 MiB as a loop device."""

    def __init__(self, directory, name, mkfs=None, readonly=False):
        self.image = os.path.join(directory, name)
        with open(self.image, "wb") as f:
            f.write(b"HOST" + bytes(508))
            f.truncate(16 * MIB)
        if mkfs is not None:
            subprocess.run(["mkfs.ext4", "-q", "-F", *mkfs, self.image], check=True)
        self.node = subprocess.run(["losetup", "-f", "--show"] + (["-r"] if readonly else []) + [self.image], check=True,
                                   capture_output=True, text=True).stdout.strip()
        number = os.stat(self.node).st_rdev
        self.major, self.minor = os.major(number), os.minor(number)

    def close(self):
        subprocess.run(["losetup", "-d", self.node], check=True)

    def users(self):
        """Programs that have it open."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    if os.readlink(f"/proc/{pid}/fd/{fd}") == self.node:
                        found.append(pid)
            except OSError:
                continue
        return found

    def device(self, path, access="rwm"):
        """As an engine writes --device."""
        def change(config):
            config["linux"].setdefault("devices", []).append(
                {"path": path, "type": "b", "major": self.major, "minor": self.minor, "fileMode": 0o660, "uid": 0, "gid": 0})
            rules = config["linux"].setdefault("resources", {}).setdefault("devices", [{"allow": False, "access": "rwm"}])
            rules.append({"allow": True, "type": "b", "major": self.major, "minor": self.minor, "access": access})
        return change

    def mount(self, destination, kind, *options):
        def change(config):
            config["linux"].setdefault("resources", {}).setdefault("devices", [{"allow": False, "access": "rwm"}])
            config["mounts"].append({"destination": destination, "type": kind, "source": self.node, "options": list(options)})
        return change


def both(*changes):
    def change(config):
        for one in changes:
            one(config)
    return change


@unittest.skipIf(why_not(), why_not() or "")
class Block(unittest.TestCase):
    def setUp(self):
        self.r = runtime.Runtime(PROGRAM, HYPERVISOR)
        self.addCleanup(self.r.close)

    def loop(self, name, **more):
        loop = Loop(self.r.directory, name, **more)
        self.addCleanup(loop.close)
        return loop

    def shell(self, command, change, name="c1"):
        return self.r.run("run", "-b", self.r.bundle("sh", "-c", command, change=change), name)

    def test_all_ways(self):
        """A raw device, a device's node as a volume, a file system as a volume: numbers, content, writes that reach the host."""
        raw, node, data = self.loop("raw"), self.loop("node"), self.loop("data", mkfs=["-L", "x"])
        command = ("set -e; head -c4 /dev/raw; printf GUEST | dd of=/dev/raw bs=512 seek=8 conv=fsync 2>/dev/null; "
                   "head -c4 /disk; printf GUEST | dd of=/disk bs=512 seek=8 conv=fsync 2>/dev/null; "
                   "stat -c %t:%T /dev/raw; grep -c /data /proc/mounts; cat /sys/block/vd*/size | sort -u | head -1; "
                   "echo kept > /data/file; sync; cat /data/file")
        result = self.shell(command, both(raw.device("/dev/raw"), node.mount("/disk", "bind", "rbind", "rw"),
                                          data.mount("/data", "ext4", "rw", "noatime")))
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        lines = result.stdout.decode().split("\n")
        self.assertTrue(lines[0].startswith("HOSTHOST"), lines)
        self.assertNotEqual(lines[0][8:], f"{raw.major:x}:{raw.minor:x}", "the guest's own number")
        self.assertIn("kept", lines)
        for image in (raw.image, node.image):
            with open(image, "rb") as f:
                f.seek(8 * 512)
                self.assertEqual(f.read(5), b"GUEST", image)
        place = os.path.join(self.r.directory, "look")
        os.mkdir(place)
        dump = subprocess.run(["debugfs", "-R", "cat /file", data.image], capture_output=True, check=False)
        self.assertEqual(dump.stdout, b"kept\n", dump.stderr)
        self.assertEqual(self.r.settled_leftovers(), [])
        self.assertEqual(raw.users() + node.users() + data.users(), [])

    def test_readonly(self):
        """What is given read-only cannot be written to, by whatever way; the machine's disk itself takes no writes."""
        raw, node, data, host = self.loop("raw"), self.loop("node"), self.loop("data", mkfs=[]), self.loop("host", readonly=True)
        command = ("for d in /dev/raw /disk /dev/host; do head -c4 $d; printf GUEST 2>/dev/null >$d && echo written; done; "
                   "touch /data/file && echo written; cat /sys/block/vd*/ro | sort | uniq -c")
        result = self.shell(command, both(raw.device("/dev/raw", "rm"), node.mount("/disk", "bind", "bind", "ro"),
                                          data.mount("/data", "ext4", "ro"), host.device("/dev/host")))
        self.assertTrue(result.stdout.startswith(b"HOSTHOSTHOST"), result.stdout + result.stderr)
        self.assertNotIn(b"written", result.stdout)
        for loop in (raw, node):
            with open(loop.image, "rb") as f:
                self.assertEqual(f.read(5), b"HOST\0")

    def test_mount_options(self):
        """A file system as a volume, written to: the options that are the file system's and those of the mount; and the same one again, read-only."""
        data = self.loop("data", mkfs=[])
        command = ("set -e; grep ' /data ' /proc/mounts; cp /bin/busybox /data/true; /data/true || echo no program; echo kept > /data/file; "
                   "cat /again/file; echo x 2>/dev/null > /again/file || echo refused; sync")
        result = self.shell(command, both(data.mount("/again", "ext4", "ro"),
                                          data.mount("/data", "ext4", "rw", "noatime", "nosuid", "nodev", "noexec", "commit=7", "rslave")))
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        lines = result.stdout.decode().strip().split("\n")
        self.assertEqual(lines[1:], ["no program", "kept", "refused"], result.stderr)
        options = lines[0].split()[3].split(",")
        self.assertLessEqual({"rw", "nosuid", "nodev", "noexec"}, set(options), lines[0])
        dump = subprocess.run(["debugfs", "-R", "cat /file", data.image], capture_output=True, check=False)
        self.assertEqual(dump.stdout, b"kept\n", dump.stderr)

    def test_later_refused(self):
        """Without hotplug only the first container of a pod can bring devices."""
        if HYPERVISOR == "qemu":
            self.skipTest("this hypervisor plugs them in")
        first, second = self.loop("first"), self.loop("second")
        pod = self.r.bundle(*SLEEP, change=both(first.device("/dev/raw"), lambda c: c.update(annotations={
            "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod"})))
        self.assertEqual(self.r.create("pod", pod), 0)
        bundle = self.r.bundle(*SLEEP, change=both(second.device("/dev/raw"), lambda c: c.update(annotations=POD)))
        result = self.r.run("create", "--bundle", bundle, "a")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"block device", result.stderr)
        self.assertNotEqual(first.users(), [])
        self.assertEqual(self.r.run("delete", "--force", "pod").returncode, 0)
        self.assertEqual(first.users() + second.users(), [])

    def test_pod(self):
        """Two containers of a pod: one disk for both, there until the second is deleted; from another process each time."""
        raw = self.loop("raw")
        pod = self.r.bundle(*SLEEP, change=lambda c: c.update(annotations={"io.kubernetes.cri.container-type": "sandbox",
                                                                          "io.kubernetes.cri.sandbox-id": "pod"}))
        self.assertEqual(self.r.create("pod", pod), 0)
        self.assertEqual(self.r.run("start", "pod").returncode, 0)
        for name in ("a", "b"):
            bundle = self.r.bundle(*SLEEP, change=both(raw.device("/dev/raw"), lambda c: c.update(annotations=POD)))
            self.assertEqual(self.r.create(name, bundle), 0)
            self.assertEqual(self.r.run("start", name).returncode, 0)
            self.assertEqual(self.r.run("exec", name, "head", "-c4", "/dev/raw").stdout, b"HOST")
            self.assertEqual(len(raw.users()), 1)
        self.assertEqual(self.r.run("delete", "--force", "a").returncode, 0)
        self.assertEqual(self.r.run("exec", "b", "head", "-c4", "/dev/raw").stdout, b"HOST")
        self.assertEqual(len(raw.users()), 1)
        self.assertEqual(self.r.run("delete", "--force", "b").returncode, 0)
        self.assertEqual(raw.users(), [])
        self.assertEqual(self.r.status("pod"), "running")
        self.assertEqual(self.r.run("delete", "--force", "pod").returncode, 0)

    def test_root(self):
        """A root that is a block device: the container's file system is the guest's to mount."""
        folder = self.r.bundle("sh", "-c", "grep ' / ' /proc/mounts; echo here > /file; sync")
        loop = self.loop("rootdisk", mkfs=["-d", os.path.join(folder, "rootfs")])

        def change(config):
            config["root"]["path"] = loop.node
        result = self.r.run("run", "-b", self.r.bundle("sh", "-c", "grep ' / ' /proc/mounts; echo here > /file; sync", change=change), "c1")
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertIn(b"ext4", result.stdout)
        dump = subprocess.run(["debugfs", "-R", "cat /file", loop.image], capture_output=True, check=False)
        self.assertEqual(dump.stdout, b"here\n", dump.stderr)

    def test_refused(self):
        """A create that fails leaves nothing plugged in."""
        raw, bad = self.loop("raw"), self.loop("bad")
        result = self.shell("true", both(raw.device("/dev/raw"), bad.mount("/data", "ext4")))  # no file system on it
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(raw.users() + bad.users(), [])
        self.assertEqual(self.r.settled_leftovers(), [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:], verbosity=2)
