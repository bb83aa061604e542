#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docker with kata-runtime over a real guest: test-docker.py KATA-RUNTIME. Its own daemon, bridge and store; nothing of the host's docker is touched."""
import json
import os
import pathlib
import pty
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import runtime
import ctl

PROGRAM = os.path.abspath(sys.argv[1])
KATACTL = os.path.join(os.path.dirname(PROGRAM), "katactl")
CLIENT = next((path for path in ("/usr/bin/docker", shutil.which("docker")) if path and os.path.exists(path)), None)
LOOP = ("sh", "-c", "trap 'echo bye; exit 5' TERM; echo begun; while :; do sleep 0.2; done")
BRIDGE, SECOND = f"kd{os.getpid()}", f"ke{os.getpid()}"
NET = f"10.{os.getpid() % 200 + 20}"


class Docker:
    """A dockerd with a bridge of its own. It sets no packet filter, and its containers' state is in its directory too."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="kata-docker-test-", dir="/run" if os.statvfs("/run").f_bavail * 4096 > 1 << 30 else None)
        self.state = f"{self.directory}/exec/runtime-runc/moby"
        subprocess.run(f"ip link add {BRIDGE} type bridge && ip addr add {NET}.1.1/24 dev {BRIDGE} && ip link set {BRIDGE} up", shell=True, check=True)
        pathlib.Path(self.directory, "daemon.json").write_text("{}", encoding="ascii")  # not the host's
        with open(f"{self.directory}/log", "w", encoding="ascii") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/exec", "--pidfile", f"{self.directory}/pid",
                 "--config-file", f"{self.directory}/daemon.json", "-H", f"unix://{self.directory}/sock", "--bridge", BRIDGE, "--iptables=false", "--ip6tables=false",
                 "--ip-forward=false", "--ip-masq=false", "--exec-opt", "native.cgroupdriver=cgroupfs", "--add-runtime", f"kata={PROGRAM}",
                 "--default-runtime", "kata"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.image = "bb"

    def wait(self):
        until = time.monotonic() + 60
        while self.run("version").returncode != 0:
            if self.daemon.poll() is not None or time.monotonic() > until:
                text = pathlib.Path(self.directory, "log").read_text(encoding="utf-8", errors="replace")[-800:]
                self.close()
                ctl.skip(f"dockerd does not run here: {text}")
            time.sleep(0.2)

    def argv(self, *words):
        return [CLIENT, "-H", f"unix://{self.directory}/sock", *map(str, words)]

    def run(self, *words, stdin=b"", timeout=240):
        return subprocess.run(self.argv(*words), input=stdin, capture_output=True, timeout=timeout, check=False)

    def ok(self, *words, **more):
        result = self.run(*words, **more)
        if result.returncode != 0:
            raise AssertionError(f"docker {words}: exit {result.returncode}: {result.stderr.decode(errors='replace')[-600:]}")
        return result.stdout.decode().strip()

    def make_image(self):
        folder = ctl.make_rootfs(os.path.join(self.directory, "image"))
        for applet in ("nc", "ip", "ping", "httpd", "wget"):
            os.symlink("busybox", os.path.join(folder, "bin", applet))
        subprocess.run(["tar", "-C", folder, "-cf", f"{self.directory}/image.tar", "."], check=True)
        self.ok("import", f"{self.directory}/image.tar", self.image)

    def remove_all(self):
        for name in self.run("ps", "-aq").stdout.decode().split():
            self.run("rm", "-f", "-v", name)

    def close(self):
        if self.daemon.poll() is None:
            self.remove_all()
            self.daemon.terminate()
        try:
            self.daemon.wait(60)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        for link in (BRIDGE, SECOND):
            subprocess.run(["ip", "link", "del", link], stderr=subprocess.DEVNULL, check=False)
        # What the daemon leaves mounted: its namespaces.
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as f:
            mounts = [line.split()[4] for line in f if f" {self.directory}/" in line]
        for mount in reversed(mounts):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
        for kind in filter(os.path.isdir, (f"/sys/fs/cgroup/{name}/docker" for name in [*os.listdir("/sys/fs/cgroup"), "."])):
            try:
                os.rmdir(kind)  # only when it is empty, so no other daemon's
            except OSError:
                pass


def held(docker):
    """What of a container is on the host: processes, cgroups, network devices, mounts, state."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if docker.directory in line and name not in ("dockerd", "containerd", "docker") and int(pid) != os.getpid():
            found.add(f"process {name} {pid}")
    for folder in (docker.state, f"{docker.state}/.oci/containers", f"{docker.state}/.oci/pods"):
        found.update(f"state {folder}/{name}" for name in (os.listdir(folder) if os.path.isdir(folder) else []) if not name.startswith("."))
    for name in os.listdir(f"/sys/class/net/{BRIDGE}/brif"):
        found.add(f"link {name}")
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as f:
        found.update(f"mount {line.split()[4]}" for line in f if docker.directory in line and ("/merged" in line or "/shared" in line))
    return found


class Tests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Docker()
        cls.d.wait()
        cls.addClassCleanup(cls.d.close)
        cls.d.make_image()
        cls.before = held(cls.d)

    def tearDown(self):
        self.d.remove_all()
        until = time.monotonic() + 15
        while held(self.d) - self.before and time.monotonic() < until:
            time.sleep(0.2)
        self.assertEqual(held(self.d) - self.before, set(), "left on the host")

    def once(self, *words, options=(), **more):
        return self.d.run("run", "--rm", *options, self.d.image, *words, **more)

    def get(self, url):
        text, until = b"", time.monotonic() + 30
        while not text and time.monotonic() < until:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    text = answer.read()
            except OSError:
                time.sleep(0.3)
        return text

    def test_run(self):
        """Streams, exit code, its own kernel, and docker's bridge: filled by a hook after the create has begun."""
        result = self.once("sh", "-c", "echo out; echo err >&2; uname -r; ip addr show eth0; ip route; cat /etc/resolv.conf >/tmp/x; exit 3")
        out = result.stdout.decode()
        self.assertEqual((result.returncode, result.stderr), (3, b"err\n"))
        self.assertTrue(out.startswith("out\n"))
        self.assertNotIn(os.uname().release, out, "it has the host's kernel")
        self.assertIn(f"inet {NET}.1.", out)
        self.assertIn(f"default via {NET}.1.1", out)

    def test_exit_codes(self):
        for code in (0, 255):
            self.assertEqual(self.once("sh", "-c", f"exit {code}", options=("--network", "none")).returncode, code)
        self.assertEqual(self.once("/bin/none").returncode, 127)
        self.assertEqual(self.once("/bin/not-executable").returncode, 126)

    def test_standard_input(self):
        self.assertEqual(self.once("cat", options=("-i",), stdin=b"words\n" * 1000).stdout, b"words\n" * 1000)

    def test_terminal(self):
        master, slave = pty.openpty()
        with subprocess.Popen(self.d.argv("run", "-it", "--rm", self.d.image, "sh", "-c", "tty; read x; echo got $x; exit 6"), stdin=slave, stdout=slave,
                              stderr=slave, start_new_session=True) as p:
            os.close(slave)
            os.write(master, b"hello\n")
            text = b""
            while b"got hello" not in text:
                text += os.read(master, 1000)
            self.assertEqual(p.wait(60), 6)
            self.assertIn(b"/dev/pts/", text)
        os.close(master)

    def test_detached(self):
        self.d.ok("run", "-d", "--name", "box", self.d.image, *LOOP)
        state = json.loads(self.d.ok("inspect", "box"))[0]["State"]
        self.assertEqual((state["Status"], state["Running"]), ("running", True))
        self.assertEqual(pathlib.Path(f"/proc/{state['Pid']}/comm").read_text(encoding="ascii"), "kata-proxy\n")
        self.assertEqual(self.d.ok("exec", "box", "echo", "more"), "more")
        self.assertEqual(self.d.ok("exec", "-i", "box", "cat", stdin=b"in"), "in")
        self.assertEqual(self.d.run("exec", "box", "sh", "-c", "exit 42").returncode, 42)
        self.d.ok("pause", "box")
        self.assertEqual(self.d.ok("inspect", "box", "--format", "{{.State.Status}}"), "paused")
        self.d.ok("unpause", "box")
        self.d.ok("stop", "box")
        self.assertEqual(self.d.ok("inspect", "box", "--format", "{{.State.ExitCode}} {{.State.Status}}"), "5 exited")
        self.assertEqual(self.d.ok("logs", "box").split(), ["begun", "bye"])
        self.d.ok("start", "box")
        self.d.ok("kill", "box")
        self.assertEqual(self.d.ok("wait", "box"), "137")
        self.d.ok("rm", "box")

    def test_volumes_and_limits(self):
        shared = os.path.join(self.d.directory, "shared")
        os.mkdir(shared)
        pathlib.Path(shared, "file").write_text("of the host\n", encoding="ascii")
        result = self.once("sh", "-c", "cat /data/file; echo of the guest >/data/new; touch /ro/x; touch /x; grep MemTotal /proc/meminfo; nproc",
                           options=("-v", f"{shared}:/data", "-v", f"{shared}:/ro:ro", "--read-only", "--cpus", "1", "--memory", "128m"))
        self.assertEqual(result.stdout.splitlines()[:1], [b"of the host"], result.stderr)
        self.assertEqual(result.stderr.count(b"Read-only file system"), 2, result.stderr)
        self.assertEqual(pathlib.Path(shared, "new").read_text(encoding="ascii"), "of the guest\n")
        self.assertLess(int(result.stdout.split(b"MemTotal:")[1].split()[0]), 256 << 10, "the machine is sized by the limit")
        named = self.once("sh", "-c", "echo kept >/v/a; cat /v/a", options=("-v", "named:/v"))
        self.assertEqual(named.stdout, b"kept\n", named.stderr)
        self.d.ok("volume", "rm", "named")

    def test_port_and_second_network(self):
        """A port of the host that leads to a server in the virtual machine; another network, connected and left while it runs."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        name = self.d.ok("run", "-d", "--name", "web", "-p", f"127.0.0.1:{port}:80", self.d.image, "sh", "-c",
                         "echo from the machine >/tmp/page; httpd -f -p 80 -h /tmp")
        address = self.d.ok("inspect", "web", "--format", "{{.NetworkSettings.IPAddress}}")
        for url in (f"http://127.0.0.1:{port}/page", f"http://{address}/page"):
            self.assertEqual(self.get(url), b"from the machine\n", url)
        self.d.ok("network", "create", "--subnet", f"{NET}.2.0/24", "-o", f"com.docker.network.bridge.name={SECOND}", "second")
        try:
            self.d.ok("network", "connect", "second", "web")
            self.refresh(name)
            second = self.d.ok("inspect", "web", "--format", "{{.NetworkSettings.Networks.second.IPAddress}}")
            out = self.d.ok("exec", "web", "sh", "-c", f"ip addr show eth1; ping -c 1 -W 20 {NET}.2.1")
            self.assertIn(f"inet {second}/24", out)
            self.assertIn("1 packets received", out)
            self.assertEqual(self.get(f"http://{second}/page"), b"from the machine\n")
            self.d.ok("network", "disconnect", "second", "web")
            self.refresh(name)
            self.assertNotIn(second, self.d.ok("exec", "web", "ip", "addr"))
            self.assertEqual(self.get(f"http://127.0.0.1:{port}/page"), b"from the machine\n")
        finally:
            self.d.run("rm", "-f", "web")
            self.d.run("network", "rm", "second")

    def refresh(self, name):
        result = subprocess.run([KATACTL, "--state-dir", self.d.state, "refresh", name], capture_output=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    if os.geteuid() != 0:
        ctl.skip("docker is tried as root")
    if not CLIENT:
        ctl.skip("docker is not installed")
    for needed in ("dockerd", "containerd", "containerd-shim-runc-v2", "ip"):
        if not shutil.which(needed):
            ctl.skip(f"{needed} is not installed")
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
