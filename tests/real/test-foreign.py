#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-foreign: lives over another project's VMM, where its program is on PATH: firecracker, cloud-hypervisor, stratovirt; with Firecracker's jailer too,
if that is there. Arguments: KATACTL GUEST_FOLDER HYPERVISOR [unittest arguments]. KATA_TEST_KERNEL: another kernel than the folder's vmlinuz
(no manifest speaks of such a guest, so no container can live on a later disk by its name: give a folder made with -Dguest_kernel=custom for that);
KATA_TEST_CYCLES: how many containers one after the other, 2 if not set."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import landlock  # noqa: E402
from ctl import Katactl, make_rootfs, require_guest, skip  # noqa: E402

PROGRAM, GUEST, HYPERVISOR = (*map(os.path.abspath, sys.argv[1:3]), sys.argv[3])
VMM, TABLE, MORE = {"fc": ("firecracker", "firecracker", ""),
                    "clh": ("cloud-hypervisor", "clh", landlock.waiver()),
                    "stratovirt": ("stratovirt", "stratovirt", "")}[HYPERVISOR]
UNSHARED = 'shared_fs = "none"\n' if HYPERVISOR == "clh" else ""
PATIENCE = 600  # an emulated guest on a busy machine
HERE = os.path.dirname(os.path.abspath(__file__))


def configure(directory, more=""):
    path = os.path.join(directory, "configuration.toml")
    kernel = os.environ.get("KATA_TEST_KERNEL") or os.path.join(GUEST, "vmlinuz")
    initrd = os.path.join(GUEST, "kata-containers-initrd.img")
    with open(path, "w", encoding="ascii") as f:
        f.write(f'[hypervisor.{TABLE}]\npath = "{shutil.which(VMM)}"\nkernel = "{kernel}"\ninitrd = "{initrd}"\n{MORE}{more}'
                f"[agent.kata]\ndial_timeout = {PATIENCE}\n")
    return path


class Foreign(unittest.TestCase):
    more = ""

    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR, timeout=PATIENCE)
        self.ctl.config = configure(self.ctl.directory, self.more)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        left_running = self.ctl.ids()
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual((left_running, left), ([], []))

    def good(self, *words):
        result = self.ctl.run(*words)
        self.assertEqual(result.returncode, 0, (words, result.stderr))
        return result.stdout.decode()

    def run_in(self, *words, **more):
        return self.ctl.run("run", "--rootfs", self.ctl.rootfs, *words, **more)

    def detach(self, name):
        self.good("run", "-d", "--name", name, "--rootfs", self.ctl.rootfs, "--", "sleep", "3000")

    def test_streams(self):
        """Both streams, standard input, the exit code; a root that can be written to, a volume that cannot."""
        volume = os.path.join(self.ctl.directory, "volume")
        os.mkdir(volume)
        with open(os.path.join(volume, "text"), "w", encoding="ascii") as f:
            f.write("volume\n")
        result = self.run_in("-i", "-v", f"{volume}:/v:ro", "--", "sh", "-c", "cat; cat /v/text; echo no 2>/dev/null > /v/text || echo refused; "
                             "echo new > /new && cat /new; echo err >&2; exit 7", stdin=b"in\n")
        self.assertEqual((result.returncode, result.stdout), (7, b"in\nvolume\nrefused\nnew\n"), result.stderr)
        self.assertIn(b"err\n", result.stderr)

    def test_life(self):
        """Each step is another process, which finds the machine again."""
        self.detach("v")
        self.assertEqual(self.good("exec", "v", "echo", "alive"), "alive\n")
        self.good("pause", "v")
        self.assertEqual(self.ctl.sandbox("v")["state"], "paused")
        self.good("resume", "v")
        self.assertNotEqual(self.good("exec", "v", "uname", "-r"), os.uname().release + "\n")
        self.assertIn("v", self.good("stats", "v"))
        self.good("stop", "v")
        self.assertEqual(self.ctl.sandbox("v")["state"], "stopped")
        self.good("delete", "v")

    def test_killed(self):
        """SIGKILL for the VMM: typed, and remembered."""
        self.detach("k")
        os.kill(self.ctl.json("inspect", "k")["pids"][0], signal.SIGKILL)
        self.ctl.wait_until("the end is seen", lambda: self.ctl.sandbox("k")["state"] == "stopped", 60)
        result = self.ctl.run("--json", "exec", "k", "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"killed by signal 9", result.stderr)
        self.assertIn("killed by signal 9", self.ctl.json("inspect", "k")["ended"])
        self.good("delete", "k")

    def test_refused(self):
        """What the VMM says of a kernel that is none reaches the user."""
        kernel = os.path.join(self.ctl.directory, "kernel")
        with open(kernel, "wb") as f:
            f.write(b"\x7fELF, and then no more of it" + bytes(4096))
        with open(self.ctl.config, encoding="ascii") as f:
            lines = [f'kernel = "{kernel}"\n' if line.startswith("kernel =") else line for line in f]
        with open(self.ctl.config, "w", encoding="ascii") as f:
            f.writelines(lines)
        begun = time.monotonic()
        result = self.run_in("--", "true")
        print(f"after {time.monotonic() - begun:.1f} s: {result.stderr.decode().strip()}")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"kernel", result.stderr.lower())

    def test_network(self):
        """Interfaces from the start, and where the VMM can, one that comes later, and one that another program serves."""
        lacking = self.lacking()
        names = ["both_directions"] + [name for name, need in (("later", "net-hotplug"), ("vhost_user", "vhost-user")) if need not in lacking]
        result = subprocess.run([sys.executable, os.path.join(HERE, "test-network.py"), PROGRAM, self.ctl.config, *(f"Network.test_{name}" for name in names)],
                                capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        print(result.stdout + result.stderr, flush=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def lacking(self):
        """What the VMM cannot do here, and why."""
        return {c["name"]: c["reason"] for h in self.ctl.json("hypervisor", "list") if h["name"] == HYPERVISOR for c in h["capabilities"] if not c["have"]}

    def test_snapshot(self):
        """Written, deleted, restored twice: what ran goes on, and the clock is right."""
        if HYPERVISOR == "stratovirt":
            self.skipTest("libkata drives no snapshots of StratoVirt")
        self.ctl.config = configure(self.ctl.directory, self.more + UNSHARED)
        self.snapshot()

    def test_snapshot_grown(self):
        """The same of a guest that has become larger: it comes back as large, and gets larger still."""
        most = self.grow_or_skip(UNSHARED)
        sizes = []

        def grow(n):
            if n > 0:
                self.assertEqual(self.seen("s"), sizes[0])
                print(self.ctl.json("inspect", "s")["size"], sizes[0], flush=True)
            vcpus, memory = (most, 640) if n > 0 else (min(2, most), 384)
            first = self.seen("s")[1]
            self.ctl.json("resize", "--vcpus", str(vcpus), "--memory", f"{memory}M", "s")
            self.ctl.wait_until(f"{vcpus} processors", lambda: self.seen("s") >= (vcpus, first + 100), PATIENCE)
            sizes.append(self.seen("s"))
        self.snapshot(grow)

    def snapshot(self, do=lambda n: None):
        """@do is called with 0 in the machine that is written, and with 1, 2 in those that come of it."""
        place = os.path.join(self.ctl.directory, "snapshot")
        os.mkdir(place, 0o700)
        self.detach("s")
        self.good("exec", "s", "sh", "-c", "echo kept > /kept")
        do(0)
        self.good("pause", "s")
        begun = time.monotonic()
        self.good("snapshot", "s", place)
        print(f"written after {time.monotonic() - begun:.1f} s", flush=True)
        self.good("delete", "-f", "s")
        seen = set()
        for n in (1, 2):
            begun = time.monotonic()
            self.good("restore", "--name", "s", "--rootfs", self.ctl.rootfs, place)
            restored = time.monotonic()
            self.good("resume", "s")
            print(f"restored after {restored - begun:.1f} s, resumed after {time.monotonic() - restored:.1f} s more", flush=True)
            said = self.good("exec", "s", "sh", "-c", "cat /kept; date +%s; head -c 8 /dev/urandom | od -An -tx1").split("\n")
            self.assertEqual(said[0], "kept")
            self.assertLess(abs(time.time() - int(said[1])), 60)
            seen.add(said[2])
            do(n)
            self.good("delete", "-f", "s")
        self.assertEqual(len(seen), 2)

    def test_goes_on(self):
        """After its own snapshot, twice: what ran goes on, and whoever waits for it or reads its output does not lose it."""
        if HYPERVISOR == "stratovirt":
            self.skipTest("libkata drives no snapshots of StratoVirt")
        self.good("run", "-d", "--name", "g", "--rootfs", self.ctl.rootfs, "--", "sh", "-c",
                  "trap 'exit 7' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 1; done")
        waiting = self.ctl.start("wait", "g")
        for turn in range(2):
            place = os.path.join(self.ctl.directory, f"snapshot-{turn}")
            os.mkdir(place, 0o700)
            self.good("pause", "g")
            self.good("snapshot", "g", place)
            begun = time.monotonic()
            self.good("resume", "g")
            resumed = time.monotonic()
            self.assertEqual(self.good("exec", "g", "echo", "alive"), "alive\n")
            print(f"resumed after {resumed - begun:.1f} s, an exec {time.monotonic() - resumed:.1f} s more", flush=True)
            seen = len(self.good("logs", "g").split())
            self.ctl.wait_until("new output", lambda seen=seen: len(self.good("logs", "g").split()) > seen + 1, 100)
            self.assertIn("g", self.good("stats", "g"))
            self.assertIsNone(waiting.poll())
        begun = time.monotonic()
        self.good("stop", "g")
        said = [int(word) for word in self.good("logs", "g").split()]
        print(f"stopped after {time.monotonic() - begun:.1f} s, {len(said)} lines", flush=True)
        out, err = waiting.communicate(timeout=PATIENCE)
        self.assertEqual((waiting.returncode, out), (0, b"7\n"), err)
        self.assertEqual(said, list(range(1, len(said) + 1)))  # nothing lost, nothing twice: the guest's pipes keep it
        self.good("delete", "g")

    def test_later_disk(self):
        """Disks that come to a running guest, with a container on each, and go again."""
        self.program("test-real-disk")

    def test_vhost(self):
        """Disks that another program serves."""
        if "vhost-user" in self.lacking():
            self.skipTest(self.lacking()["vhost-user"])
        self.program("test-real-vhost")

    def program(self, name):
        result = subprocess.run([os.path.join(os.path.dirname(PROGRAM), "..", "tests", "real", name), HYPERVISOR, self.ctl.config], capture_output=True,
                                text=True, timeout=2 * PATIENCE, check=False)
        print(result.stdout, flush=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def counters(self, name):
        """What the VMM counts, as Prometheus gets it: by device and item."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.ctl.state, ".katactl", name, "shim-monitor.sock"))
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        self.assertIn("\nkata_hypervisor_counters_answered 1\n", text.replace(f'{{sandbox_id="{name}"}}', ""), text)
        return {m[1]: float(m[2]) for m in re.finditer(r'^kata_hypervisor_counter\{([^}]*)\} (\S+)$', text, re.MULTILINE)}

    def test_counters(self):
        """They are those of now, also after the VMM has written lines that nobody read."""
        if HYPERVISOR == "stratovirt":
            self.skipTest("libkata asks StratoVirt for no counters")
        # Cloud Hypervisor counts for disks and networks only, so the root is on one.
        self.ctl.config = configure(self.ctl.directory, self.more + UNSHARED)
        self.detach("m")
        first = self.counters("m")
        self.assertTrue(10 < len(first) < 1024, len(first))  # 1024: the others were cut off
        time.sleep(float(os.environ.get("KATA_TEST_PAUSE", "1")))
        self.good("exec", "m", "sh", "-c", "cat /bin/busybox | wc -c")
        second = self.counters("m")
        if HYPERVISOR == "fc":  # since the last look
            told = [value for name, value in second.items() if 'device="vsock",item="tx_bytes_count"' in name]
        else:
            told = [value for name, value in second.items() if 'item="read_bytes"' in name and value > first[name]]
        print(f"{len(first)} and {len(second)} counters; {told}", flush=True)
        self.assertTrue(told and told[0] > 0, second)
        self.good("delete", "-f", "m")

    def grow_or_skip(self, more=""):
        """Room for 640 MiB, and for 3 processors where they can come; returned: for how many."""
        lacking = self.lacking()
        if "memory-resize" in lacking:
            self.skipTest(lacking["memory-resize"])
        most = 1 if "cpu-resize" in lacking else 3
        sizes = f"default_vcpus = 1\ndefault_maxvcpus = {most}\ndefault_memory = 256\ndefault_maxmemory = 640\n"
        self.ctl.config = configure(self.ctl.directory, self.more + sizes + more)
        return most

    def grown(self, more=""):
        """A guest that has 640 MiB in the end, and all processors; returned: what it keeps of the memory."""
        most = self.grow_or_skip(more)
        self.detach("g")
        first = self.seen("g")[1]
        for vcpus, asked, memory in ((min(2, most), "300M", 384), (most, "640M", 640)):
            begun = time.monotonic()
            size = self.ctl.json("resize", "--vcpus", str(vcpus), "--memory", asked, "g")
            print(f"{size} after {time.monotonic() - begun:.1f} s", flush=True)
            self.assertEqual((size["vcpus"], size["memory_mib"]), (vcpus, memory))
            # What describes the memory comes off it.
            least = first + (memory - 256) * 15 // 16
            self.ctl.wait_until(f"{vcpus} processors and {least} MiB", lambda: self.seen("g") >= (vcpus, least), PATIENCE)
            print(f"the container sees {self.seen('g')}, {first} MiB at first", flush=True)
        begun = time.monotonic()
        if self.ctl.run("resize", "--memory", "256M", "g").returncode != 0:
            self.assertNotEqual(HYPERVISOR, "clh")
        size = self.ctl.json("resize", "g")
        print(f"{size} after {time.monotonic() - begun:.1f} s; the container sees {self.seen('g')}", flush=True)
        return size["memory_mib"]

    def test_grows(self):
        kept = self.grown()
        if HYPERVISOR == "clh":
            self.assertEqual(kept, 640)  # what came by ACPI stays
        else:
            self.assertLess(kept, 640)
        self.good("delete", "--force", "g")

    def seen(self, name):
        words = self.good("exec", name, "sh", "-c", "nproc; grep MemTotal /proc/meminfo").split()
        return int(words[0]), int(words[2]) >> 10

    def test_cycles(self):
        for i in range(int(os.environ.get("KATA_TEST_CYCLES", "2"))):
            begun = time.monotonic()
            result = self.run_in("--", "echo", str(i))
            self.assertEqual((result.returncode, result.stdout), (0, f"{i}\n".encode()), result.stderr)
            self.assertEqual(self.ctl.settled_leftovers(), [])
            print(f"{i}: {time.monotonic() - begun:.1f} s", flush=True)


@unittest.skipUnless(HYPERVISOR == "fc" and shutil.which("jailer"), "no jailer on PATH, or not Firecracker")
class Jailed(Foreign):
    more = f'jailer_path = "{shutil.which("jailer")}"\njailer_uid = 1234\njailer_gid = 1234\n'

    def test_refused(self):
        self.skipTest("the same words, with the jailer's names of files")


if __name__ == "__main__":
    if not shutil.which(VMM):
        skip(f"{VMM} is not on PATH")
    with tempfile.TemporaryDirectory(prefix="kata-foreign-") as folder:
        katactl = Katactl(PROGRAM, hypervisor=HYPERVISOR, config=configure(folder))
        require_guest(katactl)
        planned = katactl.run("plan")
        katactl.close()
        if b"CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES" in planned.stderr:  # StratoVirt, and the guest has Debian's kernel
            skip(planned.stderr.decode().strip())
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
