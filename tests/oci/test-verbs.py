#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kata-runtime's verbs as an engine calls them, over the null backend: test-verbs.py KATA-RUNTIME [HYPERVISOR]."""
import array
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

import runtime

PROGRAM, HYPERVISOR = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "null"
SLEEP = ("sleep", "1000")


def ended(pid):
    """Has it ended, waited for or not?"""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().split()[2] == "Z"
    except FileNotFoundError:
        return True


class Verbs(unittest.TestCase):
    def setUp(self):
        self.r = runtime.Runtime(PROGRAM, HYPERVISOR)
        self.addCleanup(self.r.close)

    def started(self, name, *args, **more):
        """A running container; returns its bundle."""
        bundle = self.r.bundle(*(args or SLEEP), **more)
        self.assertEqual(self.r.create(name, bundle, "--pid-file", f"{self.r.directory}/pid"), 0)
        self.assertEqual(self.r.run("start", name).returncode, 0)
        return bundle

    def gone(self):
        self.assertEqual(self.r.settled_leftovers(), [])

    def test_run(self):
        result = self.r.run("run", "-b", self.r.bundle("sh", "-c", "echo out; echo err >&2; exit 7"), "c1")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (7, b"out\n", b"err\n"))
        self.gone()

    def test_standard_input(self):
        result = self.r.run("run", "-b", self.r.bundle("cat"), "c1", stdin=b"x" * 300000)
        self.assertEqual((result.returncode, len(result.stdout)), (0, 300000))

    def test_exit_codes(self):
        for code in (0, 1, 125, 255):
            self.assertEqual(self.r.run("run", "-b", self.r.bundle("sh", "-c", f"exit {code}"), "c1").returncode, code)
        self.gone()

    def test_life(self):
        out = f"{self.r.directory}/out"
        bundle = self.r.bundle("sh", "-c", "echo begun; sleep 1000")
        self.assertEqual(self.r.create("c1", bundle, "--pid-file", f"{self.r.directory}/pid", out=out), 0)
        with open(f"{self.r.directory}/pid", encoding="ascii") as f:
            pid = f.read()
        state = self.r.state("c1")
        self.assertEqual((state["status"], str(state["pid"]), state["bundle"], state["id"]), ("created", pid, bundle, "c1"))
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(os.path.getsize(out), 0)
        self.assertNotEqual(self.r.create("c1", bundle), 0, "the same id twice")
        self.assertEqual(self.r.run("start", "c1").returncode, 0)
        self.assertEqual(self.r.status("c1"), "running")
        self.r.wait_until("output", lambda: os.path.getsize(out) > 0)
        self.assertEqual(self.r.run("start", "c1").returncode, 1)
        self.assertEqual(self.r.run("delete", "c1").returncode, 1, "it runs")
        self.assertEqual(json.loads(self.r.run("ps", "--format", "json", "c1").stdout), [int(pid)])
        self.assertEqual(self.r.run("pause", "c1").returncode, 0)
        self.assertEqual(self.r.status("c1"), "paused")
        self.assertEqual(self.r.run("resume", "c1").returncode, 0)
        self.assertEqual([c["id"] for c in json.loads(self.r.run("list", "-f", "json").stdout)], ["c1"])
        self.assertEqual(self.r.run("list", "-q").stdout, b"c1\n")
        self.assertEqual(self.r.run("kill", "c1", "KILL").returncode, 0)
        self.r.wait_until("stopped", lambda: self.r.status("c1") == "stopped")
        self.assertEqual(self.r.state("c1")["pid"], 0)
        result = self.r.run("kill", "c1", "TERM")
        self.assertEqual((result.returncode, b"container not running" in result.stderr), (1, True))
        self.assertEqual(self.r.run("delete", "c1").returncode, 0)
        result = self.r.run("delete", "c1")
        self.assertEqual((result.returncode, b"does not exist" in result.stderr), (1, True))
        self.assertEqual(self.r.run("delete", "--force", "c1").returncode, 0)
        self.gone()

    def test_exec(self):
        self.started("c1")
        result = self.r.run("exec", "c1", "sh", "-c", "echo hello; exit 9")
        self.assertEqual((result.returncode, result.stdout), (9, b"hello\n"))
        self.assertEqual(self.r.run("exec", "c1", "cat", stdin=b"words").stdout, b"words")
        process = f"{self.r.directory}/process.json"
        with open(process, "w", encoding="ascii") as f:
            json.dump({"args": ["sh", "-c", "exit 3"], "cwd": "/", "user": {"uid": 0, "gid": 0}}, f)
        self.assertEqual(self.r.run("exec", "--process", process, "c1").returncode, 3)
        self.assertEqual(self.r.run("exec", "c1").returncode, 255)
        result = self.r.run("exec", "c1", "/bin/no-such-program")
        self.assertIn(b"executable file not found in $PATH", result.stderr)
        self.assertEqual(result.returncode, 255)
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.gone()

    def test_program_not_found(self):
        log = f"{self.r.directory}/log"
        with open(log, "w", encoding="ascii"):
            pass
        result = self.r.run("--log", log, "--log-format", "json", "run", "-b", self.r.bundle("/bin/no-such-program"), "c1")
        self.assertEqual(result.returncode, 255)
        with open(log, encoding="utf-8") as f:
            lines = f.read().splitlines()
        self.assertEqual(len(lines), 1)
        record = json.loads(lines[0])
        self.assertEqual(record["level"], "error")
        self.assertIn("executable file not found in $PATH", record["msg"])
        self.gone()

    def test_proxy(self):
        """The reported process: small, alone in its namespaces, passes signals on, ends with the container's status."""
        bundle = self.r.bundle(*SLEEP)
        with subprocess.Popen(self.r.argv("run", "--pid-file", f"{self.r.directory}/pid", "-b", bundle, "c1"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            self.r.wait_until("running", lambda: self.r.status("c1") == "running" or p.poll() is not None)
            self.assertIsNone(p.poll(), p.stderr.read() if p.poll() is not None else "")
            with open(f"{self.r.directory}/pid", encoding="ascii") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                rows = dict(line.split(":", 1) for line in f)
            self.assertLessEqual(int(rows["VmRSS"].split()[0]), 3072)
            self.assertEqual(rows["NSpid"].split()[-1], "1")
            self.assertEqual(int(rows["CapEff"], 16), 0)
            for kind in ("pid", "mnt", "user", "net"):
                self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/{kind}"), os.readlink(f"/proc/self/ns/{kind}"), kind)
            with open(f"/proc/{pid}/mountinfo", encoding="ascii") as f:
                self.assertLessEqual(len(f.readlines()), 2, "nothing of the host is mounted there")
            p.send_signal(signal.SIGTERM)
            # As Kata's agent, ours kills a first process that has no handler for SIGTERM: its namespace would ignore the signal.
            self.assertEqual(p.wait(30), 128 + (signal.SIGTERM if HYPERVISOR == "null" else signal.SIGKILL))
        self.gone()

    def test_proxy_killed(self):
        self.started("c1")
        os.kill(self.r.state("c1")["pid"], signal.SIGKILL)
        self.r.wait_until("stopped", lambda: self.r.status("c1") == "stopped")
        self.assertEqual(self.r.run("delete", "c1").returncode, 0)
        self.gone()

    def test_configuration_beside_us(self):
        """A path from the working directory, where the keeper does not work."""
        with open(f"{self.r.directory}/here.toml", "w", encoding="ascii"):
            pass
        bundle = self.r.bundle("sh", "-c", "exit 4")
        if HYPERVISOR == "null":
            self.assertEqual(self.r.run("--kata-config", "here.toml", "run", "-b", bundle, "c1", cwd=self.r.directory).returncode, 4)
            self.gone()

    def test_keeper_killed(self):
        self.started("c1")
        pid = self.r.state("c1")["pid"]
        keeper = [line for line in self.r.leftovers() if " keep " in line]
        self.assertEqual(len(keeper), 1)
        os.kill(int(keeper[0].split()[1].rstrip(":")), signal.SIGKILL)
        self.r.wait_until("the proxy's end", lambda: ended(pid))
        self.assertEqual(self.r.status("c1"), "stopped")
        self.assertEqual(self.r.run("delete", "--force", "c1").returncode, 0)
        self.gone()

    def test_create_killed(self):
        """An engine that is killed while it creates, then deletes by force, as conmon and podman do: nothing stays."""
        for delay in (0.02, 0.06, 0.12, 0.2, 0.4):
            bundle = self.r.bundle(*SLEEP)
            with subprocess.Popen(self.r.argv("create", "--bundle", bundle, "c1"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as p:
                time.sleep(delay)
                p.kill()
            self.assertEqual(self.r.run("delete", "--force", "c1").returncode, 0)
            self.r.settled_leftovers(3)
            self.r.run("delete", "--force", "c1")
            self.assertEqual(self.r.settled_leftovers(40), [], delay)

    def test_console(self):
        """A terminal goes to the engine's socket; its size reaches the guest."""
        path = f"{self.r.directory}/console.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(path)
            server.listen()
            bundle = self.r.bundle("sh", "-c", "echo on a terminal; sleep 1000", terminal=True)
            self.assertEqual(self.r.create("c1", bundle), 1, "no console socket")
            self.assertEqual(self.r.create("c1", bundle, "--console-socket", path), 0)
            connection, _ = server.accept()
            with connection:
                data, ancillary, _, _ = connection.recvmsg(64, socket.CMSG_SPACE(4))
                self.assertTrue(data)
                master = array.array("i", ancillary[0][2])[0]
        try:
            self.assertTrue(os.isatty(master))
            self.assertEqual(self.r.run("start", "c1").returncode, 0)
            self.assertIn(b"on a terminal", os.read(master, 100))
        finally:
            os.close(master)
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.gone()

    def test_hooks(self):
        """In the engine's namespaces, with the state on standard input, in the order of the specification."""
        trace = f"{self.r.directory}/trace"

        def hook(name):
            return [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {name} $X $(cat | tr -d ' \\n') >>{trace}"], "env": ["X=x", "PATH=/bin:/usr/bin"]}]

        kinds = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
        bundle = self.r.bundle("true", change=lambda c: c.update(hooks={k: hook(k) for k in kinds}))
        self.assertEqual(self.r.run("run", "-b", bundle, "c1").returncode, 0)
        with open(trace, encoding="ascii") as f:
            lines = [line.split(" ", 2) for line in f.read().splitlines()]
        self.assertEqual([(name, x) for name, x, _ in lines], [(k, "x") for k in kinds])
        states = [json.loads(text) for _, _, text in lines]
        self.assertEqual([s["status"] for s in states], ["created", "creating", "creating", "running", "stopped"])
        self.assertTrue(all(s["id"] == "c1" and s["bundle"] == bundle for s in states))
        self.assertGreater(states[0]["pid"], 0)
        self.gone()

    def test_later_hooks_fail(self):
        """After the start a hook that fails is a warning, and the next ones run."""
        for kind in ("poststart", "poststop"):
            trace = f"{self.r.directory}/{kind}"
            hooks = {kind: [{"path": "/bin/false"}, {"path": "/bin/sh", "args": ["sh", "-c", f"echo x >{trace}"], "env": ["PATH=/bin:/usr/bin"]}]}
            result = self.r.run("run", "-b", self.r.bundle("true", change=lambda c, h=hooks: c.update(hooks=h)), "c1")
            self.assertEqual(result.returncode, 0)
            self.assertIn(b"warning", result.stderr)
            self.assertTrue(os.path.exists(trace))

    def test_hook_fails(self):
        for hook, text in (({"path": "/bin/false"}, b"exit status 1"), ({"path": "/no/such"}, b"exit status 127"),
                           ({"path": "/bin/sleep", "args": ["sleep", "100"], "timeout": 1}, b"ran out of its time")):
            bundle = self.r.bundle("true", change=lambda c, h=hook: c.update(hooks={"createRuntime": [h]}))
            begun = time.monotonic()
            result = self.r.run("run", "-b", bundle, "c1")
            self.assertEqual(result.returncode, 255)
            self.assertIn(b"createRuntime[0]", result.stderr)
            self.assertIn(text, result.stderr)
            self.assertLess(time.monotonic() - begun, 30)
            self.gone()

    def test_hook_with_all_the_time(self):
        """However large a number a time limit is: one that is too large for a clock is none, and none is short for being negative in it."""
        for limit in (2**31, 18446744073709552, 2**63 - 1):
            hook = {"path": "/bin/sleep", "args": ["sleep", "0.6"], "timeout": limit}
            bundle = self.r.bundle("true", change=lambda c, h=hook: c.update(hooks={"createRuntime": [h]}))
            result = self.r.run("run", "-b", bundle, "c1")
            self.assertEqual((result.returncode, result.stderr), (0, b""), limit)

    def test_pod(self):
        """A container that its annotations put into another's virtual machine, as podman, CRI-O and containerd write them."""
        dialects = (("io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID"),
                    ("io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id"))
        for kind, place in dialects:
            second = self.r.bundle(*SLEEP, change=lambda c, k=kind, p=place: c.update(annotations={k: "container", p: "pod"}))
            self.assertEqual(self.r.create("c2", second), 1, "there is no pod yet")
            self.started("pod", change=lambda c, k=kind: c.update(annotations={k: "sandbox"}))
            self.assertEqual(self.r.create("c2", second), 0)
            self.assertEqual(self.r.run("start", "c2").returncode, 0)
            self.assertEqual(len([line for line in self.r.leftovers() if line.startswith("sandbox ")]), 1)
            self.assertEqual(self.r.state("c2")["annotations"][place], "pod")
            self.assertEqual(self.r.run("delete", "-f", "c2").returncode, 0)
            self.assertEqual(self.r.status("pod"), "running")
            self.assertEqual(self.r.run("delete", "-f", "pod").returncode, 0)
            self.gone()

    def test_update_and_events(self):
        self.started("c1")
        self.assertEqual(self.r.run("update", "--memory", "64M", "--pids-limit", "50", "c1").returncode, 0)
        self.assertEqual(self.r.run("update", "-r", "-", "c1", stdin=b'{"memory":{"limit":67108864}}').returncode, 0)
        for wrong in (b"{", b'{"memory":{"limit":"x"}}', b"[" * 5000):
            self.assertEqual(self.r.run("update", "-r", "-", "c1", stdin=wrong).returncode, 1)
        event = json.loads(self.r.run("events", "--stats", "c1").stdout)
        self.assertEqual((event["type"], event["id"]), ("stats", "c1"))
        self.assertIn("memory", event["data"])

    def test_words(self):
        self.assertEqual(json.loads(self.r.run("features").stdout)["ociVersionMin"], "1.0.0")
        self.assertTrue(self.r.run("--version").stdout.startswith(b"kata-runtime version "))
        self.assertEqual(self.r.run("spec", cwd=self.r.directory).returncode, 0)
        with open(f"{self.r.directory}/config.json", encoding="ascii") as f:
            self.assertEqual(json.load(f)["process"]["args"], ["sh"])
        self.assertEqual(self.r.run("spec", cwd=self.r.directory).returncode, 1, "it is there")
        for wrong in (("frobnicate",), ("create", "--no-such"), ("state",), ("state", "a", "b"), ("kill", "x", "NOSIG"), ("--no-such", "list")):
            self.assertEqual(self.r.run(*wrong).returncode, 1, wrong)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
