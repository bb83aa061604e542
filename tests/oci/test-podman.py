#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""podman with kata-runtime, by its name and by its path, over a real guest: test-podman.py KATA-RUNTIME [CONFIG] [TEST...].

CONFIG, a file *.toml, names the hypervisor; without it podman's call has no word of ours.
"""
import json
import os
import pathlib
import pty
import resource
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
import residue

PROGRAM = os.path.abspath(sys.argv[1])
CONFIG = sys.argv[2] if sys.argv[2:] and sys.argv[2].endswith(".toml") else None
# PODMAN_CYCLES=200 is what a release is tried with.
CYCLES = int(os.environ.get("PODMAN_CYCLES", "2"))
# In the bed each program takes its time.
SLOW = 4 if "KATA_BED" in os.environ else 1
STATE = "/run/libkata"
LOOP = ("sh", "-c", "trap 'echo bye; exit 5' TERM; echo begun; while :; do sleep 0.2; done")


class Podman:
    """A podman with a store of its own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="kata-podman-test-")
        self.image = "bb"
        hard = [resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)]
        nofile, nproc = (n if n > 0 else 20000 for n in hard)
        conf = pathlib.Path(self.directory, "containers.conf")
        # No line about the runtime: what is set is what this machine lacks (limits that may be raised, systemd).
        conf.write_text(f'[containers]\ndefault_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]\n'
                        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n', encoding="ascii")
        self.env = dict(os.environ, CONTAINERS_CONF=str(conf))

    def argv(self, *words, by=PROGRAM):
        flags = ["--runtime-flag", f"kata-config={CONFIG}"] if CONFIG else []
        return ["podman", "--root", f"{self.directory}/root", "--runroot", f"{self.directory}/run", "--runtime", by, *flags, *map(str, words)]

    def run(self, *words, by=PROGRAM, stdin=b"", timeout=120 * SLOW):
        return subprocess.run(self.argv(*words, by=by), input=stdin, capture_output=True, env=self.env, timeout=timeout, check=False)

    def ok(self, *words, **more):
        result = self.run(*words, **more)
        if result.returncode != 0:
            raise AssertionError(f"podman {words}: exit {result.returncode}: {result.stderr.decode(errors='replace')[-600:]}")
        return result.stdout.decode().strip()

    def make_image(self):
        folder = ctl.make_rootfs(os.path.join(self.directory, "image"))
        for applet in ("nc", "ifconfig", "httpd", "wget"):
            os.symlink("busybox", os.path.join(folder, "bin", applet))
        subprocess.run(["tar", "-C", folder, "-cf", f"{self.directory}/image.tar", "."], check=True)
        self.ok("import", f"{self.directory}/image.tar", self.image)

    def close(self):
        self.run("pod", "rm", "-af")
        self.run("rm", "-af", "-t", "0")
        self.run("system", "reset", "-f")
        shutil.rmtree(self.directory, ignore_errors=True)


def held():
    """What of a container is on the host: processes, cgroups, network devices, namespaces, mounts, state."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line and ("kata-podman-test-" in line and name in ("kata-proxy", "conmon") or STATE in line):
            found.add(f"process {name} {pid}")
    for kind in ("containers", "pods"):
        folder = f"{STATE}/.oci/{kind}"
        found.update(f"{kind} {name}" for name in (os.listdir(folder) if os.path.isdir(folder) else []))
    for top, folders, _ in os.walk("/sys/fs/cgroup"):
        found.update(f"cgroup {top}/{name}" for name in folders if name.startswith("libpod-"))
    found.update(f"link {name}" for name in os.listdir("/sys/class/net") if name.startswith(("veth", "podman")) and name != "podman0")
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    found.update(f"netns {name}" for name in names if name.startswith("netns-"))  # podman's
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as f:
        found.update(f"mount {line.split()[4]}" for line in f if "/merged" in line or STATE in line)
    return found


def remove_folders(names):
    """Those of kata-runtime's that were not there before us; it keeps them for the next call."""
    for name in names:
        try:
            os.rmdir(f"{STATE}/{name}")
        except OSError:
            pass  # not made, or somebody else's by now


def resident(pid):
    """KiB of memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def keeper_of(container):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "kata-keeper\n" and \
                    container.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            continue
    raise AssertionError(f"{container} has no keeper")


class Tests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = held()
        cls.addClassCleanup(remove_folders, [n for n in (".oci/pods", ".oci/containers", ".oci") if not os.path.exists(f"{STATE}/{n}")])
        cls.p = Podman()
        cls.addClassCleanup(cls.p.close)
        cls.p.make_image()

    def tearDown(self):
        self.p.run("rm", "-af", "-t", "0")
        until = time.monotonic() + 15 * SLOW
        while held() - self.before and time.monotonic() < until:
            time.sleep(0.2)
        self.assertEqual(held() - self.before, set(), "left on the host")

    def once(self, *words, options=(), **more):
        return self.p.run("run", "--rm", "--network", "none", *options, self.p.image, *words, **more)

    def test_run(self):
        result = self.once("sh", "-c", "echo out; echo err >&2; uname -r; exit 3")
        self.assertEqual((result.returncode, result.stderr), (3, b"err\n"))
        self.assertTrue(result.stdout.startswith(b"out\n"))
        self.assertNotIn(os.uname().release.encode(), result.stdout, "it has the host's kernel")

    def test_by_name(self):
        """`--runtime kata` without a line of configuration, once kata-runtime is in /usr/bin."""
        link = "/usr/bin/kata-runtime"
        if os.path.islink(link) and os.readlink(link) == PROGRAM:
            os.unlink(link)  # of a run that was killed
        if os.path.lexists(link):
            self.skipTest(f"{link} is there already")
        os.symlink(PROGRAM, link)
        self.addCleanup(os.unlink, link)
        result = self.p.run("run", "--rm", "--network", "none", self.p.image, "sh", "-c", "echo kata; exit 4", by="kata")
        self.assertEqual((result.returncode, result.stdout), (4, b"kata\n"))
        result = self.p.run("run", "--rm", "--network", "none", self.p.image, "/bin/none", by="kata")
        self.assertEqual(result.returncode, 127, result.stderr)

    def test_exit_codes(self):
        for code in (0, 1, 125, 255):
            self.assertEqual(self.once("sh", "-c", f"exit {code}").returncode, code)
        self.assertEqual(self.once("/bin/none").returncode, 127)
        self.assertEqual(self.once("/bin/not-executable").returncode, 126)

    def test_inspect(self):
        """What engines above podman read, before the start, while it runs and after its end."""
        words = "{{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.OCIRuntime}}"
        self.p.ok("create", "--name", "i", "--hostname", "named", "--network", "none", self.p.image, *LOOP)
        self.assertEqual(self.p.ok("inspect", "i", "--format", words), f"created false 0 0 false {PROGRAM}")
        self.p.ok("start", "i")
        pid = self.p.ok("inspect", "i", "--format", "{{.State.Pid}}")
        self.assertEqual(self.p.ok("inspect", "i", "--format", words), f"running true {pid} 0 false {PROGRAM}")
        self.assertEqual(self.p.ok("inspect", "i", "--format", "{{.Config.Hostname}} {{.HostConfig.NetworkMode}} {{.NetworkSettings.IPAddress}}").split(),
                         ["named", "none"])
        self.assertEqual(self.p.ok("exec", "i", "hostname"), "named")
        self.assertIn(f"i {pid} Up ", self.p.ok("ps", "--format", "{{.Names}} {{.Pid}} {{.State}}"))
        self.p.ok("stop", "i")
        self.assertEqual(self.p.ok("inspect", "i", "--format", words), f"exited false 0 5 false {PROGRAM}")

    def test_memory_runs_out(self):
        result = self.p.run("run", "--name", "oom", "--network", "none", "--memory", "64m", self.p.image, "sh", "-c",
                            "x=xxxxxxxx; while :; do x=$x$x; done")
        self.assertEqual(result.returncode, 137, result.stderr)
        self.assertEqual(self.p.ok("inspect", "oom", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}"), "true 137")

    def test_networks_that_are_refused(self):
        result = self.p.run("run", "--rm", "--network", "host", self.p.image, "true")
        self.assertEqual((result.returncode, b"cannot have the host's network" in result.stderr), (126, True), result.stderr)

    @unittest.skipIf(CONFIG, "the bed's devices are root's")
    def test_rootless(self):
        """A user without any right: root of a user namespace of podman's, with one user in it."""
        top = tempfile.mkdtemp(prefix="kata-podman-user-", dir="/tmp")
        self.addCleanup(shutil.rmtree, top, ignore_errors=True)
        pathlib.Path(top, "containers.conf").write_text('[containers]\ndefault_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]\n'
                                                        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n', encoding="ascii")
        pathlib.Path(top, "storage.conf").write_text('[storage]\ndriver = "vfs"\n[storage.options.vfs]\nignore_chown_errors = "true"\n', encoding="ascii")
        shutil.copy(f"{self.p.directory}/image.tar", top)
        os.mkdir(f"{top}/run", 0o700)
        for path in (top, f"{top}/run", f"{top}/image.tar"):
            os.chown(path, 12345, 12345)
        words = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", "env", f"HOME={top}", "USER=nobody", f"XDG_RUNTIME_DIR={top}/run",
                 f"CONTAINERS_CONF={top}/containers.conf", f"CONTAINERS_STORAGE_CONF={top}/storage.conf"]
        if subprocess.run([*words, "unshare", "-Urm", PROGRAM, "--version"], cwd=top, capture_output=True, check=False).returncode:
            self.skipTest("an unprivileged user has no user namespace here, or cannot run what was built")

        def user(*more):
            return subprocess.run([*words, "podman", "--runtime", PROGRAM, *more], cwd=top, stdin=subprocess.DEVNULL, capture_output=True, timeout=180,
                                  check=False)
        self.addCleanup(user, "system", "migrate")  # ends the process that holds podman's user namespace
        if user("import", "image.tar", "bb").returncode:
            self.skipTest("podman itself does not work for an unprivileged user here")
        result = user("run", "--rm", "--network", "none", "bb", "sh", "-c", "uname -r; exit 7")
        self.assertEqual(result.returncode, 7, result.stderr)
        self.assertNotIn(os.uname().release.encode(), result.stdout)

    def test_standard_input(self):
        self.assertEqual(self.once("cat", options=("-i",), stdin=b"words\n" * 1000).stdout, b"words\n" * 1000)

    def test_terminal(self):
        master, slave = pty.openpty()
        with subprocess.Popen(self.p.argv("run", "-it", "--rm", "--network", "none", self.p.image, "sh", "-c", "tty; read x; echo got $x; exit 6"),
                              stdin=slave, stdout=slave, stderr=slave, env=self.p.env, start_new_session=True) as p:
            os.close(slave)
            os.write(master, b"hello\n")
            text = b""
            while b"got hello" not in text:
                text += os.read(master, 1000)
            self.assertEqual(p.wait(60 * SLOW), 6)
            self.assertIn(b"/dev/pts/", text)
        os.close(master)

    def test_detached(self):
        self.p.ok("run", "-d", "--name", "d", "--network", "none", self.p.image, *LOOP)
        pid = int(self.p.ok("inspect", "d", "--format", "{{.State.Pid}}"))
        state = json.loads(self.p.ok("inspect", "d"))[0]
        self.assertEqual((state["State"]["Status"], state["State"]["Running"]), ("running", True))
        self.assertEqual(pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii"), "kata-proxy\n")
        self.assertEqual(self.p.ok("exec", "d", "echo", "more"), "more")
        self.assertEqual(self.p.ok("exec", "-i", "d", "cat", stdin=b"in"), "in")
        self.assertEqual(self.p.run("exec", "d", "sh", "-c", "exit 42").returncode, 42)
        self.assertEqual(self.p.run("exec", "d", "/bin/none").returncode, 127)
        self.p.ok("pause", "d")
        self.assertEqual(self.p.ok("inspect", "d", "--format", "{{.State.Status}}"), "paused")
        self.p.ok("unpause", "d")
        top = self.p.ok("top", "d", "args")
        self.assertNotIn("python", top, "the host's processes")
        pathlib.Path(self.p.directory, "hosts").write_text("copied\n", encoding="ascii")
        self.p.ok("cp", f"{self.p.directory}/hosts", "d:/tmp/copy")
        self.assertEqual(self.p.ok("exec", "d", "cat", "/tmp/copy"), "copied")
        self.p.ok("stop", "d")
        self.assertEqual(self.p.ok("inspect", "d", "--format", "{{.State.ExitCode}} {{.State.Status}}"), "5 exited")
        self.assertEqual(self.p.ok("logs", "d").split(), ["begun", "bye"])
        self.p.ok("start", "d")
        self.p.ok("kill", "d")
        self.assertEqual(self.p.ok("wait", "d"), "137")
        self.p.ok("rm", "d")

    def test_volumes_and_limits(self):
        shared = os.path.join(self.p.directory, "shared")
        os.mkdir(shared)
        pathlib.Path(shared, "file").write_text("of the host\n", encoding="ascii")
        result = self.once("sh", "-c", "cat /data/file /one; echo of the guest >/data/new; touch /ro/x; touch /x; grep MemTotal /proc/meminfo; exit 3",
                           options=("-v", f"{shared}:/data", "-v", f"{shared}:/ro:ro", "-v", f"{shared}/file:/one:ro", "--read-only", "--cpus", "1",
                                    "--memory", "128m"))
        self.assertEqual((result.returncode, result.stdout.splitlines()[:2]), (3, [b"of the host"] * 2), result.stderr)
        self.assertEqual(result.stderr.count(b"Read-only file system"), 2, result.stderr)
        self.assertEqual(pathlib.Path(shared, "new").read_text(encoding="ascii"), "of the guest\n")
        total = int(result.stdout.split(b"MemTotal:")[1].split()[0])
        self.assertLess(total, 256 << 10, "the machine is sized by the limit")

    def test_network(self):
        """The bridge, and a port of the host that leads to a server in the virtual machine."""
        if not os.path.exists("/usr/lib/podman/netavark"):
            self.skipTest("netavark is not installed")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.p.ok("run", "-d", "--name", "web", "-p", f"{port}:80", self.p.image, "sh", "-c", "echo from the machine >/tmp/page; httpd -f -p 80 -h /tmp")
        gateway = self.p.ok("inspect", "web", "--format", "{{.NetworkSettings.Gateway}}")
        address = self.p.ok("inspect", "web", "--format", "{{.NetworkSettings.IPAddress}}")
        self.assertIn(f"inet addr:{address} ", self.p.ok("exec", "web", "ifconfig", "eth0"))
        self.assertIn(gateway, self.p.ok("exec", "web", "busybox", "ip", "route"))
        for url in (f"http://127.0.0.1:{port}/page", f"http://{address}/page"):
            text, until = b"", time.monotonic() + 30 * SLOW
            while not text and time.monotonic() < until:
                try:
                    text = urllib.request.urlopen(url, timeout=5 * SLOW).read()
                except OSError:
                    time.sleep(0.3)
            self.assertEqual(text, b"from the machine\n", url)
        self.p.ok("rm", "-f", "-t", "0", "web")

    def test_one_after_the_other(self):
        """What a container costs on the host is the same after many."""
        before, begun, proxies, keepers = residue.take(), time.monotonic(), [], []
        for i in range(CYCLES):
            container = self.p.ok("run", "-d", "--name", f"c{i}", "--network", "none", self.p.image, "sleep", "1000")
            with open(f"{self.p.directory}/run/overlay-containers/{container}/userdata/pidfile", encoding="ascii") as f:
                proxies.append(resident(f.read()))
            keepers.append(resident(keeper_of(container)))
            self.p.ok("rm", "-f", "-t", "0", f"c{i}")
            if i % 10 == 9:
                print(f"{i + 1} after {time.monotonic() - begun:.0f} s: proxy {proxies[-1]}, keeper {keepers[-1]} KiB", file=sys.stderr, flush=True)
        for name, sizes, limit in ("proxy", proxies, 3), ("keeper", keepers, 12):
            print(f"{name}: resident {sizes[0]} first, {sizes[-1]} last, {min(sizes)} to {max(sizes)} KiB", file=sys.stderr, flush=True)
            self.assertLess(max(sizes), limit * 1024)
        if "KATA_BED" not in os.environ:
            return  # others may be at work on this machine
        until = time.monotonic() + residue.SETTLE_S * SLOW
        while (left := [line for line in residue.difference(before, residue.take()) if line.startswith("left")]) and time.monotonic() < until:
            time.sleep(0.5)
        self.assertEqual(left, [])

    def test_many_in_one(self):
        """A container that runs on, with many processes in it one after the other, costs the host no more."""
        container, count = self.p.ok("run", "-d", "--name", "g", "--network", "none", self.p.image, "sleep", "1000"), max(CYCLES, 10)
        keeper, sizes = keeper_of(container), []
        for _ in range(count):
            self.assertEqual(self.p.ok("exec", "g", "echo", "x"), "x")
            sizes.append((resident(keeper), len(os.listdir(f"/proc/{keeper}/fd"))))
        print(f"{count} in one: keeper's KiB and descriptors: {sizes[0]} first, {sizes[count // 2]} in the middle, {sizes[-1]} last", file=sys.stderr)
        self.assertLess(sizes[-1][0], sizes[count // 2][0] + 256)
        self.assertLess(sizes[-1][1], sizes[0][1] + 8)
        self.p.ok("rm", "-f", "-t", "0", "g")

    def test_pod(self):
        """Two containers of a pod are in one virtual machine and talk over its loopback."""
        if shutil.which("catatonit") is None and not os.path.exists("/usr/libexec/podman/catatonit"):
            self.skipTest("catatonit, which podman's pods begin with, is not installed")
        self.addCleanup(self.p.run, "pod", "rm", "-af")
        self.p.ok("pod", "create", "--name", "pod", "--network", "none")
        self.p.ok("run", "-d", "--pod", "pod", "--name", "server", self.p.image, "sh", "-c",
                  "while :; do echo from the server | nc -l -p 8080; done")
        result = self.p.run("run", "--rm", "--pod", "pod", self.p.image, "sh", "-c",
                            "for i in $(seq 60); do nc 127.0.0.1 8080 && break; sleep 0.5; done")
        self.assertEqual(result.stdout, b"from the server\n")
        sandboxes = [name for name in os.listdir(STATE) if not name.startswith(".")]
        infra = self.p.ok("pod", "inspect", "pod", "--format", "{{.InfraContainerID}}")
        self.assertIn(infra, sandboxes)
        self.assertNotIn(self.p.ok("inspect", "server", "--format", "{{.Id}}"), sandboxes)
        self.p.ok("pod", "rm", "-f", "-t", "0", "pod")


if __name__ == "__main__":
    if os.geteuid() != 0:
        ctl.skip("podman is tried as root")
    for needed in ("podman", "conmon"):
        if not shutil.which(needed):
            ctl.skip(f"{needed} is not installed")
    unittest.main(argv=sys.argv[:1] + sys.argv[3 if CONFIG else 2:], verbosity=2)
