#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-null: katactl over the null backend, whose guest is a thread that knows a few programs. Argument: KATACTL."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl  # noqa: E402

PROGRAM = sys.argv[1]
# `katactl run` of these is not interrupted by SIGTERM in any other way than by the signal.
SLEEP = ("sleep", "300")


class Null(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor="null")

    def tearDown(self):
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def run_in(self, *words, **more):
        return self.ctl.run("run", "--rootfs", self.ctl.rootfs, *words, **more)

    def detach(self, name, *words):
        result = self.run_in("-d", "--name", name, "--", *words)
        self.assertEqual((result.returncode, result.stdout.decode()), (0, name + "\n"), result.stderr)

    def fails(self, result, code, text):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertRegex(result.stderr.decode(), r"\Akatactl: error: [^\n]+\n\Z")
        self.assertIn(text, result.stderr.decode())


class Foreground(Null):
    def test_both_streams_and_exit_code(self):
        result = self.run_in("--", "sh", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (7, b"out\n", b"err\n"))
        self.assertEqual(self.ctl.ids(), [])

    def test_standard_input(self):
        self.assertEqual(self.run_in("-i", "--", "cat", stdin=b"hi\n").stdout, b"hi\n")
        self.assertEqual(self.run_in("--", "cat", stdin=b"hi\n").stdout, b"")
        data = os.urandom(3 * 1024 * 1024)
        self.assertEqual(self.run_in("-i", "--", "cat", stdin=data).stdout, data)

    def test_much_output(self):
        size = 50_000_000
        pattern = bytes(range(251))
        result = self.run_in("--", "bytes", size)
        self.assertEqual(result.stdout, (pattern * (size // 251 + 1))[:size])

    def test_a_program_that_is_not_there(self):
        self.fails(self.run_in("--", "nosuch"), 127, "nosuch")
        self.assertEqual(self.ctl.ids(), [])

    def test_time_limit(self):
        begun = time.monotonic()
        self.fails(self.run_in("--timeout", "1s", "--", *SLEEP), 124, "timed out after 1 s")
        self.assertLess(time.monotonic() - begun, 20)
        self.assertEqual(self.ctl.ids(), [])

    def test_output_that_nobody_reads(self):
        process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "bytes", 10**12)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(30), 141)
        process.stderr.close()
        self.assertEqual(self.ctl.ids(), [])

    def test_signals(self):
        for first in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.ctl.start("run", "--rootfs", self.ctl.rootfs, "--", "sh", "-c", "echo up; sleep 300")
            self.assertEqual(process.stdout.readline(), b"up\n")
            process.send_signal(first)
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            self.assertIn(process.wait(30), (128 + first, 128 + signal.SIGKILL))
            process.communicate()
            self.assertEqual(self.ctl.ids(), [])

    def test_timing(self):
        result = self.run_in("--trace-timing", "--", "echo", "x")
        self.assertIn(b"start to first output", result.stderr)
        line = json.loads(self.run_in("--trace-timing", "--json", "--", "echo", "x").stderr)
        self.assertGreater(line["first_output_us"], 0)

    def test_a_name_keeps_it(self):
        self.assertEqual(self.run_in("--name", "kept", "--", "sh", "-c", "exit 3").returncode, 3)
        row = self.ctl.sandbox("kept")
        self.assertEqual((row["state"], row["exit_status"]), ("stopped", 3))
        self.fails(self.run_in("--name", "kept", "--", "true"), 125, "kept")
        self.assertEqual(self.ctl.run("delete", "kept").returncode, 0)
        self.assertEqual(self.run_in("--rm", "--name", "gone", "--", "true").returncode, 0)
        self.assertEqual(self.ctl.ids(), [])

    def test_bundle(self):
        """The host name is the bundle's, wherever it stands in whatever else; so nothing is warned of."""
        spec = {"ociVersion": "1.2.0", "annotations": {"hostname": "wrong", "x": "\\\"hostname\\\": {"}, "root": {"path": self.ctl.rootfs},
                "process": {"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "exit 5"], "cwd": "/"}, "hostname": "right"}
        with open(os.path.join(self.ctl.directory, "config.json"), "w", encoding="ascii") as f:
            json.dump(spec, f)
        result = self.ctl.run("run", "--bundle", self.ctl.directory)
        self.assertEqual((result.returncode, result.stderr), (5, b""))
        self.assertIn(b'"right"', self.ctl.run("plan", "--bundle", self.ctl.directory).stdout)

    def test_hostile_bundles(self):
        path = os.path.join(self.ctl.directory, "config.json")
        for text in ("", "{", '{"hostname', '{"hostname":', '{"hostname":"', '{"hostname":"\\', "[" * 100000, '{"a":' * 10000, "{}", '"', "\0"):
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
            result = self.ctl.run("run", "--bundle", self.ctl.directory)
            self.assertEqual(result.returncode, 125, text[:20])
            self.assertRegex(result.stderr.decode(), r"\Akatactl: error: [^\n]+\n\Z")
        self.assertEqual(self.ctl.ids(), [])

    def test_bad_names(self):
        for name in ("..", "a/b", "a" * 300, "a\nb", "", "-x"):
            result = self.run_in(f"--name={name}", "--", "true")
            self.assertEqual(result.returncode, 125 if name else result.returncode, name)
            self.assertLessEqual(result.stderr.count(b"\n"), 1)
        self.assertEqual(self.ctl.ids(), [])


class Detached(Null):
    def test_life_from_other_processes(self):
        self.detach("web", *SLEEP)
        row = self.ctl.sandbox("web")
        self.assertEqual((row["state"], row["exit_status"]), ("running", None))
        result = self.ctl.run("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 9")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (9, b"out\n", b"err\n"))
        self.assertEqual(self.ctl.run("exec", "-i", "web", "cat", stdin=b"abc").stdout, b"abc")
        self.fails(self.ctl.run("exec", "web", "nosuch"), 127, "nosuch")
        self.assertEqual(self.ctl.json("stats", "web")[0]["id"], "web")
        self.assertIn(b"web", self.ctl.run("stats").stdout)
        self.assertEqual(self.ctl.run("disk", "add", "web", f"data={PROGRAM}:ro").returncode, 0)
        self.fails(self.ctl.run("disk", "add", "web", f"data={PROGRAM}"), 125, "data")
        self.fails(self.ctl.run("disk", "add", "web", "data"), 2, "ID=PATH")
        self.assertEqual(self.ctl.run("disk", "remove", "web", "data").returncode, 0)
        self.fails(self.ctl.run("device", "add", "web", "0000:01:00.0"), 125, "hot_plug_vfio")
        self.fails(self.ctl.run("device", "add", "web", "nvme0"), 125, "no PCI address")
        self.fails(self.ctl.run("device", "remove", "web", "0000:01:00.0"), 125, "has no device")
        self.fails(self.ctl.run("device", "give", "web", "0000:01:00.0"), 2, "neither add nor remove")
        self.assertEqual(self.ctl.run("pause", "web").returncode, 0)
        self.assertEqual(self.ctl.sandbox("web")["state"], "paused")
        self.assertEqual(self.ctl.run("resume", "web").returncode, 0)
        self.assertEqual(self.ctl.sandbox("web")["state"], "running")
        self.fails(self.ctl.run("delete", "web"), 125, "--force")
        self.assertEqual(self.ctl.run("kill", "web").returncode, 0)
        self.assertEqual(self.ctl.run("wait", "web").stdout, b"137\n")
        row = self.ctl.sandbox("web")
        self.assertEqual((row["state"], row["exit_status"]), ("stopped", 137))
        self.assertEqual(self.ctl.run("delete", "web").returncode, 0)
        self.assertEqual(self.ctl.ids(), [])

    def test_logs(self):
        self.detach("log", "sh", "-c", "echo one; echo two >&2; echo three; exit 4")
        self.assertEqual(self.ctl.json("wait", "log"), {"id": "log", "exit_status": 4})
        result = self.ctl.run("logs", "log")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"one\nthree\n", b"two\n"))
        self.assertEqual(self.ctl.run("logs", "-f", "log").stdout, b"one\nthree\n")
        self.assertEqual(self.ctl.run("logs", "-n", "0", "log").stdout, b"")
        self.assertRegex(self.ctl.run("logs", "--timestamps", "log").stdout, rb"(?m)^\d{4}-\d\d-\d\dT[0-9:.]+Z one$")
        inspect = self.ctl.json("inspect", "log")
        self.assertEqual((inspect["run"]["exit_status"], inspect["run"]["supervised"]), (4, False))

    def test_logs_of_bytes_and_rotation(self):
        size, pattern = 20_000_000, bytes(range(251))
        self.detach("big", "bytes", size)
        self.assertEqual(self.ctl.run("wait", "big").stdout, b"0\n")
        text = (pattern * (size // 251 + 1))[:size]
        kept = self.ctl.run("logs", "big").stdout
        self.assertGreater(len(kept), 3_000_000)
        self.assertTrue(text.endswith(kept))
        for name in ("log", "log.1"):
            self.assertLess(os.path.getsize(os.path.join(self.ctl.state, ".katactl", "big", name)), 11 * 1024 * 1024)

    def test_follow(self):
        self.detach("f", "sh", "-c", "echo a; sleep 1; echo b")
        begun = time.monotonic()
        self.assertEqual(self.ctl.run("logs", "-f", "f").stdout, b"a\nb\n")
        self.assertLess(time.monotonic() - begun, 20)

    def test_a_failed_start_is_reported(self):
        self.fails(self.run_in("-d", "--name", "bad", "--", "nosuch"), 127, "nosuch")
        self.assertEqual(self.ctl.ids(), [])

    def test_paths_are_the_callers(self):
        """In the background too a relative path is below the folder of who called."""
        with open(os.path.join(self.ctl.directory, "here.toml"), "w", encoding="ascii") as f:
            f.write("[runtime]\n")
        for words in (["--config", "here.toml"], ["--state-dir", os.path.relpath(self.ctl.state, self.ctl.directory)]):
            result = self.run_in(*words, "-d", "--name", "p", "--", *SLEEP, cwd=self.ctl.directory)
            self.assertEqual((result.returncode, result.stdout), (0, b"p\n"), result.stderr)
            self.assertEqual(self.ctl.run("delete", "-f", "p").returncode, 0)

    def test_stop_and_force(self):
        self.detach("s", *SLEEP)
        self.assertEqual(self.ctl.run("stop", "-t", "1s", "s").returncode, 0)
        self.assertEqual(self.ctl.sandbox("s")["state"], "stopped")
        self.detach("t", *SLEEP)
        self.assertEqual(self.ctl.run("delete", "-f", "s", "t").returncode, 0)
        self.assertEqual(self.ctl.ids(), [])

    def test_exec_in_the_background(self):
        self.detach("x", *SLEEP)
        result = self.ctl.run("exec", "-d", "x", "sleep", "1")
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_time_limit_of_an_exec(self):
        """However early it passes: before the process is there, and while it runs."""
        self.detach("x", *SLEEP)
        for limit in ("1ms", "2ms", "5ms", "300ms"):
            self.fails(self.ctl.run("exec", "--timeout", limit, "x", *SLEEP), 124, "timed out")

    def test_without_standard_streams(self):
        """Descriptors that the caller closed are not given to anything else, such as the pipe to who runs in the background."""
        for i, closed in enumerate(("<&- 2>&-", "<&-", "2>&-")):
            argv = self.ctl.argv("run", "-d", "--name", f"n{i}", "--rootfs", self.ctl.rootfs, "--", *SLEEP)
            result = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *argv], capture_output=True, timeout=60, check=False)
            self.assertEqual((result.returncode, result.stdout), (0, f"n{i}\n".encode()), closed)
        result = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *self.ctl.argv("list")], capture_output=True, timeout=60, check=False)
        self.assertNotEqual(result.returncode, 0)

    def test_prefixes(self):
        self.detach("alpha-1", *SLEEP)
        self.detach("alpha-2", *SLEEP)
        self.fails(self.ctl.run("inspect", "al"), 125, "several ids")
        self.fails(self.ctl.run("inspect", "beta"), 125, "no sandbox")
        self.assertEqual(json.loads(self.ctl.run("inspect", "alpha-2").stdout)["id"], "alpha-2")
        self.assertEqual(self.ctl.run("delete", "-f", "alpha-1").returncode, 0)
        self.assertEqual(json.loads(self.ctl.run("inspect", "al").stdout)["id"], "alpha-2")

    def test_wait_with_a_limit(self):
        self.detach("w", *SLEEP)
        self.fails(self.ctl.run("wait", "--timeout", "500ms", "w"), 124, "still runs")

    def test_a_killed_supervisor(self):
        """A null guest lives in its supervisor, so it dies with it; everything must still be removable."""
        self.detach("k", *SLEEP)
        os.kill(self.ctl.supervisor("k"), signal.SIGKILL)
        self.ctl.wait_until("the guest is seen to have ended", lambda: self.ctl.sandbox("k")["state"] == "stopped")
        self.assertEqual(self.ctl.run("recover").returncode, 0)
        self.assertEqual(self.ctl.run("list", "-q").stdout, b"")

    def test_interrupting_the_start_undoes_it(self):
        for _ in range(5):
            process = self.ctl.start("run", "-d", "--name", "i", "--rootfs", self.ctl.rootfs, "--", *SLEEP)
            time.sleep(0.01)
            process.kill()
            process.communicate()
            self.ctl.wait_until("it is there or gone", lambda: (self.ctl.sandbox("i") or {"state": "running"})["state"] == "running")
            self.ctl.clean()


class Json(Null):
    def test_every_command(self):
        self.assertEqual(self.ctl.json("list"), [])
        self.assertEqual(self.ctl.json("stats"), [])
        self.assertIn("null", [row["name"] for row in self.ctl.json("hypervisor", "list")])
        self.assertIsInstance(self.ctl.json("plan", "--cpus", "2", "--memory", "1G"), dict)
        self.assertIsInstance(self.ctl.json("env"), dict)
        rows = json.loads(self.ctl.run("check", "--json").stdout)
        self.assertTrue(rows)
        for row in rows:
            self.assertLessEqual({"name", "ok", "required", "detail", "remedy"}, set(row))
        self.assertTrue(json.loads(self.ctl.run("hypervisor", "choose", "--json").stdout))
        self.assertEqual(self.ctl.json("recover"), {"removed": 0})

    def test_errors(self):
        result = self.ctl.run("--json", "inspect", "nobody")
        self.assertEqual(result.returncode, 125)
        self.assertIn("nobody", json.loads(result.stderr)["error"]["message"])

    def test_tables(self):
        for words in (["list"], ["hypervisor", "list"], ["hypervisor", "choose"], ["check"]):
            lines = self.ctl.run(*words).stdout.decode().splitlines()
            self.assertRegex(lines[0], r"\A[A-Z \t]+\Z")
            for line in lines:
                self.assertEqual(line.count("\t"), lines[0].count("\t"), words)
        self.assertIn(b"=", self.ctl.run("env").stdout)

    def test_a_configuration_that_is_wrong(self):
        path = os.path.join(self.ctl.directory, "bad.toml")
        with open(path, "w", encoding="ascii") as f:
            f.write("[hypervisor.qemu]\ndefault_vcpus = \"many\"\n")
        result = self.ctl.run("--config", path, "list")
        self.assertEqual(result.returncode, 125)
        self.assertIn(b"default_vcpus", result.stderr)
        self.assertEqual(result.stderr.count(b"\n"), 1)
        self.assertEqual(self.ctl.run("--config", "/nonexistent.toml", "list").returncode, 125)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
