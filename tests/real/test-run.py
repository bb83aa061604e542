#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-run: `katactl run` in real virtual machines: streams, exit codes, terminal, volumes, signals. Arguments: KATACTL [CONFIG]."""
import fcntl
import hashlib
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest_for  # noqa: E402

PROGRAM, CONFIG = sys.argv[1], (sys.argv[2:3] or [None])[0]
BOOT = 180  # seconds, on a machine without virtualization that does other things besides


class Real(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor=None if CONFIG else "qemu", config=CONFIG, timeout=BOOT)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        left_running = self.ctl.ids()
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual((left_running, left), ([], []))

    def run_in(self, *words, **more):
        return self.ctl.run("run", "--rootfs", self.ctl.rootfs, *words, **more)


class Streams(Real):
    def test_both_streams_exit_code_and_kernel(self):
        result = self.run_in("--", "sh", "-c", "echo out; echo err >&2; uname -r; exit 7")
        lines = result.stdout.decode().splitlines()
        self.assertEqual((result.returncode, lines[0], result.stderr), (7, "out", b"err\n"))
        self.assertNotEqual(lines[1], os.uname().release)

    def test_standard_input(self):
        data = os.urandom(1024 * 1024)
        self.assertEqual(self.run_in("-i", "--", "cat", stdin=data).stdout, data)

    def test_no_standard_input(self):
        result = self.run_in("--", "sh", "-c", "cat; echo end", stdin=b"not for you\n")
        self.assertEqual((result.returncode, result.stdout), (0, b"end\n"))

    def test_200_mib(self):
        size, times = 8 * 1024 * 1024, 25
        data = os.urandom(size)
        with open(os.path.join(self.ctl.rootfs, "data"), "wb") as f:
            f.write(data)
        begun, digest, count = time.monotonic(), hashlib.sha256(), 0
        script = f"i=0; while [ $i -lt {times} ]; do cat /data; i=$((i + 1)); done"
        process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "sh", "-c", script)
        while chunk := process.stdout.read(1 << 20):
            digest.update(chunk)
            count += len(chunk)
        self.assertEqual(process.wait(60), 0, process.stderr.read())
        process.stdout.close()
        process.stderr.close()
        self.assertEqual((count, digest.hexdigest()), (size * times, hashlib.sha256(data * times).hexdigest()))
        seconds = time.monotonic() - begun
        print(f"200 MiB through standard output in {seconds:.1f} s with the start: {count / seconds / 2**20:.1f} MiB/s")

    def test_output_that_nobody_reads(self):
        process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "yes")
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(60), 141)
        process.stderr.close()

    def test_timing(self):
        result = self.run_in("--trace-timing", "--", "echo", "x")
        self.assertEqual(result.returncode, 0, result.stderr)
        print(result.stderr.decode())
        self.assertIn(b"start to first output", result.stderr)


class Failures(Real):
    def test_programs_that_cannot_run(self):
        result = self.run_in("--", "nosuch")
        self.assertEqual(result.returncode, 127, result.stderr)
        self.assertIn(b"nosuch", result.stderr)
        result = self.run_in("--", "/bin/not-executable")
        self.assertEqual(result.returncode, 126, result.stderr)

    def test_time_limit(self):
        result = self.run_in("--timeout", "60s", "--", "true")
        self.assertEqual(result.returncode, 0, result.stderr)
        begun = time.monotonic()
        result = self.run_in("--timeout", "2s", "--", "sleep", "600")
        self.assertEqual(result.returncode, 124, result.stderr)
        self.assertLess(time.monotonic() - begun, 30)

    def test_signals(self):
        for script, signum, code in (("trap 'exit 42' TERM; echo up; while :; do sleep 1; done", signal.SIGTERM, 42),
                                     ("trap 'exit 43' INT; echo up; while :; do sleep 1; done", signal.SIGINT, 43)):
            process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "sh", "-c", script)
            self.assertEqual(process.stdout.readline(), b"up\n")
            process.send_signal(signum)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, code)

    def test_interrupted_start(self):
        process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "true")
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)


class Options(Real):
    def test_options_of_the_process(self):
        script = "id -u; id -g; pwd; echo $A-$B; hostname; touch /x 2>/dev/null || echo fixed; nproc"
        cpus = str(min(2, os.cpu_count()))  # no more than the host has, unless default_maxvcpus says so
        result = self.run_in("-u", "1000:1001", "-w", "/tmp", "-e", "A=1", "-e", "B", "--hostname", "box", "--read-only", "--cpus", cpus,
                             "--memory", "256M", "--", "sh", "-c", script, env=dict(os.environ, B="2"))
        self.assertEqual(result.stdout.decode().split(), ["1000", "1001", "/tmp", "1-2", "box", "fixed", cpus], result.stderr)

    def test_volumes(self):
        shared, fixed = os.path.join(self.ctl.directory, "shared"), os.path.join(self.ctl.directory, "fixed")
        os.mkdir(shared)
        os.chmod(shared, 0o777)
        os.mkdir(fixed)
        with open(os.path.join(fixed, "file"), "w", encoding="ascii") as f:
            f.write("from the host")
        script = ("cat /f/file; echo; echo no > /f/new 2>/dev/null || echo fixed; "
                  "echo data > /s/new; chmod 640 /s/new; mkdir -p /s/d/e")
        result = self.run_in("-u", "1234:2345", "-v", f"{shared}:/s", "-v", f"{fixed}:/f:ro", "--", "sh", "-c", script)
        self.assertEqual((result.returncode, result.stdout), (0, b"from the host\nfixed\n"), result.stderr)
        st = os.stat(os.path.join(shared, "new"))
        with open(os.path.join(shared, "new"), encoding="ascii") as f:
            self.assertEqual(f.read(), "data\n")
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (1234, 2345, 0o640))
        self.assertTrue(os.path.isdir(os.path.join(shared, "d", "e")))
        self.assertEqual(os.listdir(fixed), ["file"])


    def test_bundle(self):
        spec = {"ociVersion": "1.2.0", "hostname": "in-a-bundle", "root": {"path": "rootfs"},
                "process": {"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "hostname; pwd; echo $A; exit 4"], "env": ["PATH=/bin", "A=b"],
                            "cwd": "/tmp"},
                "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
                "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]}}
        with open(os.path.join(self.ctl.directory, "config.json"), "w", encoding="ascii") as f:
            json.dump(spec, f)
        result = self.ctl.run("run", "--bundle", self.ctl.directory)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (4, b"in-a-bundle\n/tmp\nb\n", b""))

    def image(self):
        if not shutil.which("mke2fs", path=os.environ["PATH"] + ":/sbin:/usr/sbin"):
            self.skipTest("mke2fs is not installed")
        image = os.path.join(self.ctl.directory, "image")
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", self.ctl.rootfs, image, "32M"], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin"))
        return image

    def test_disk_limits(self):
        """Kata's keys reach the disk: 16 Mbit/s make 8 MiB last four seconds; queues of 64; two of them where there are vCPUs for two."""
        text = ""
        if CONFIG:
            with open(CONFIG, encoding="utf-8") as f:
                text = f.read()
        if "[hypervisor.builtin]" not in text:
            self.skipTest("only the built-in microVMM limits disks")
        self.ctl.config = os.path.join(self.ctl.directory, "limits.toml")
        keys = "disk_rate_limiter_bw_max_rate = 16000000\nnum_queues = 2\nqueue_size = 64\n"
        with open(self.ctl.config, "w", encoding="utf-8") as f:
            f.write(text.replace("[hypervisor.builtin]\n", "[hypervisor.builtin]\n" + keys))
        with open(os.path.join(self.ctl.rootfs, "data"), "wb") as f:
            f.write(os.urandom(8 << 20))
        queues = min(2, os.cpu_count())
        result = self.ctl.run("run", "--cpus", str(queues), "--rootfs", self.image(), "--", "sh", "-c",
                              "cat /sys/block/vda/mq/*/nr_tags; busybox time -p cat /data 2>&1 >/dev/null")
        words = result.stdout.decode().split()
        self.assertEqual((result.returncode, words[:-6]), (0, ["64"] * queues), (result.stdout, result.stderr))
        self.assertGreater(float(words[words.index("real") + 1]), 3.0)

    def test_disk_image(self):
        image = self.image()
        result = self.ctl.run("run", "--rootfs", image, "--", "sh", "-c", "echo kept > /file")
        self.assertEqual(result.returncode, 0, result.stderr)
        result = self.ctl.run("run", "--read-only", "--rootfs", image, "--", "sh", "-c", "cat /file; echo x > /file")
        self.assertEqual((result.returncode, result.stdout), (1, b"kept\n"), result.stderr)


class Terminal(Real):
    """One katactl on a pseudo terminal."""

    fd = -1

    def open(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execv(PROGRAM, self.ctl.argv("run", "-it", "--rootfs", self.ctl.rootfs, *words))
            finally:
                os._exit(1)
        self.text = b""

    def expect(self, wanted, seconds=BOOT):
        until = time.monotonic() + seconds
        while wanted not in self.text:
            if not select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]:
                self.fail(f"{wanted!r} is not in {self.text!r}")
            try:
                self.text += os.read(self.fd, 65536)
            except OSError:
                self.fail(f"{wanted!r} is not in {self.text!r}, and katactl has ended")
        self.text = self.text.split(wanted, 1)[1]

    def finish(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        self.fd = -1
        return os.waitstatus_to_exitcode(status)

    def tearDown(self):
        if self.fd >= 0:  # the test failed in between
            os.kill(self.pid, signal.SIGKILL)
            self.finish()
            self.ctl.clean()
        super().tearDown()

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def test_terminal(self):
        self.open("--", "sh")
        self.resize(30, 100)
        before = termios.tcgetattr(self.fd)
        self.expect(b"# ")
        os.write(self.fd, b"tty; echo is-$((40 + 2))\n")
        self.expect(b"/dev/")
        self.expect(b"is-42")
        self.assertNotEqual(termios.tcgetattr(self.fd)[3], before[3], "the terminal is not raw")
        self.resize(33, 99)
        time.sleep(1)
        os.write(self.fd, b"stty size\n")
        self.expect(b"33 99")
        os.write(self.fd, b"sleep 1000\n")
        self.expect(b"sleep 1000")
        time.sleep(2)
        os.write(self.fd, b"\x03")
        time.sleep(1)
        os.write(self.fd, b"echo after-$?\n")
        self.expect(b"after-130", 60)
        os.write(self.fd, b"exit 5\n")
        self.assertEqual(self.finish(), 5)

    def test_restored_after_a_signal(self):
        self.open("--", "sh")
        self.expect(b"# ")
        os.kill(self.pid, signal.SIGTERM)
        flags = None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                flags = termios.tcgetattr(self.fd)[3]
            except termios.error:
                break
            if flags & termios.ICANON:
                break
            time.sleep(0.2)
        self.assertTrue(flags & termios.ICANON)
        self.assertIn(self.finish(), (137, 143))


if __name__ == "__main__":
    require_guest_for(PROGRAM, config=CONFIG)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
