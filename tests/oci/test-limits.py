#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a virtual machine makes different, row by row of docs/limitations.md: test-limits.py KATA-RUNTIME [HYPERVISOR]."""
import fcntl
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

import runtime

PROGRAM = sys.argv[1]
HYPERVISOR = sys.argv[2] if len(sys.argv) > 2 else "null"
NULL = HYPERVISOR == "null"
SLEEP = ("sleep", "1000")
DEADLY = (1, 9, 15)  # busybox sh ignores SIGQUIT


def namespaces(*types, **paths):
    return [{"type": t} for t in types] + [{"type": t, "path": p} for t, p in paths.items()]


def linux(**members):
    return lambda config: config["linux"].update(members)


def process(**members):
    return lambda config: config["process"].update(members)


def mount(**members):
    return lambda config: config["mounts"].append({"destination": "/x", **members})


def device(kind, major, minor):
    return linux(devices=[{"path": "/dev/x", "type": kind, "major": major, "minor": minor}])


SYSTEM = ("pid", "network", "ipc", "uts", "mount")

# Refused before anything is made: what the engine is told.
REFUSED = {
    "host_network": (linux(namespaces=namespaces("pid", "ipc", "uts", "mount")), "cannot have the host's network"),
    "host_network_by_path": (linux(namespaces=namespaces("pid", "ipc", "uts", "mount", network="/proc/1/ns/net")), "network"),
    "pid_of_another": (linux(namespaces=namespaces("network", "ipc", "uts", "mount", pid="/proc/1/ns/pid")), "put both containers into one pod"),
    "ipc_of_another": (linux(namespaces=namespaces("network", "pid", "uts", "mount", ipc="/proc/1/ns/ipc")), "put both containers into one pod"),
    "user_of_host": (linux(namespaces=namespaces(*SYSTEM, user="/proc/1/ns/user")), "user namespace of the host cannot be joined"),
    "device": (device("c", 10, 232), "is a device of the host, which the guest does not have"),
    "block_device": (device("b", 4095, 1048575), "the host has no block device 4095:1048575"),
    "vfio_group": (linux(devices=[{"path": "/dev/vfio/999999", "type": "c", "major": 243, "minor": 0}]), "no PCI function in IOMMU group 999999"),
    "bind_of_a_device": (mount(type="bind", source="/dev/null"), "is a device of the host"),
    "bind_of_the_host": (mount(type="bind", source="/"), "is the whole host"),
    "bind_of_proc": (mount(type="bind", source="/proc/sys"), "is the host kernel's"),
    "bind_of_sys": (mount(type="bind", source="/sys"), "is the host kernel's"),
    "shared_propagation": (mount(type="bind", source="/etc", options=["rbind", "rshared"]), "what a guest mounts stays in the guest"),
    "id_mapped_mount": (mount(type="bind", source="/etc", options=["rbind", "idmap"]), "id-mapped mounts"),
    "network_file_system": (mount(type="nfs", source="a:/b"), "would need something of the host"),
    "overlay": (mount(type="overlay", source="overlay", options=["lowerdir=/a:/b"]), "would need something of the host"),
    "disk": (mount(type="ext4", source="/nowhere/sda1"), "would need something of the host"),
    "no_process": (lambda config: config.pop("process"), "$.process is missing"),
}

# Left out with a line in the pod's log.
WARNED = {
    "host_pid": (linux(namespaces=namespaces("network", "ipc", "uts", "mount")), "no pid: it is the guest's, not the host's"),
    "host_ipc": (linux(namespaces=namespaces("network", "pid", "uts", "mount")), "no ipc: it is the guest's, not the host's"),
    "host_uts": (linux(namespaces=namespaces("network", "pid", "ipc", "mount")), "no uts: it is the guest's, not the host's"),
    "time_namespace": (linux(namespaces=namespaces(*SYSTEM, "time")), "time cannot be sent"),
    "time_offsets": (linux(timeOffsets={"boottime": {"secs": 5}}), "$.linux.timeOffsets"),
    "personality": (linux(personality={"domain": "LINUX32"}), "$.linux.personality"),
    "cache_allocation": (linux(intelRdt={"l3CacheSchema": "L3:0=f"}), "$.linux.intelRdt"),
    "mount_label": (linux(mountLabel="x"), "the guest has no SELinux"),
    "slave_propagation": (mount(type="bind", source="/etc", options=["rbind", "rslave"]), "do not appear in the guest; taken as rprivate"),
    "root_propagation": (linux(rootfsPropagation="shared"), "mounts do not reach the host; taken as rslave"),
    "apparmor": (process(apparmorProfile="x"), "the guest has no AppArmor"),
    "selinux": (process(selinuxLabel="x"), "the guest has no SELinux"),
    "umask": (process(user={"uid": 0, "gid": 0, "umask": 63}), "$.process.user.umask"),
    "scheduler": (process(scheduler={"policy": "SCHED_BATCH"}), "$.process.scheduler"),
    "io_priority": (process(ioPriority={"class": "IOPRIO_CLASS_IDLE"}), "$.process.ioPriority"),
    "unknown_capability": (process(capabilities={"bounding": ["CAP_KILL", "CAP_TEST"]}), "\"CAP_TEST\" is no capability of Linux"),
    "start_hooks": (lambda config: config.update(hooks={"startContainer": [{"path": "/bin/true"}]}), "$.hooks: are not run"),
    "domain_name": (lambda config: config.update(domainname="x"), "$.domainname"),
    "cpuset": (linux(resources={"cpu": {"cpus": "0"}}), "means processors of the host"),
    "block_limits": (linux(resources={"blockIO": {"weight": 10}}), "means disks of the host"),
    "huge_pages": (linux(resources={"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}), "no huge pages"),
    "unified": (linux(resources={"unified": {"memory.high": "1"}}), "$.linux.resources.unified"),
    "swap": (linux(resources={"memory": {"limit": 1 << 27, "swap": 1 << 28}}), "a guest has no swap"),
    "swappiness": (linux(resources={"memory": {"swappiness": 1}}), "memory.swappiness"),
    "network_priorities": (linux(resources={"network": {"classID": 5}}), "cgroup v2, which does not know it"),
}


@unittest.skipUnless(NULL, "what is said before a guest boots does not depend on the guest")
class Words(unittest.TestCase):
    def setUp(self):
        self.r = runtime.Runtime(PROGRAM, HYPERVISOR)
        self.addCleanup(self.r.close)

    def log_of(self, name):
        return pathlib.Path(self.r.root, ".oci", "pods", name, "log").read_text(encoding="utf-8", errors="replace")

    def test_refused(self):
        for name, (change, text) in REFUSED.items():
            with self.subTest(name):
                result = self.r.run("create", "--bundle", self.r.bundle(*SLEEP, change=change), "c1")
                self.assertEqual(result.returncode, 1)
                self.assertIn(text, result.stderr.decode())
        self.assertEqual(self.r.settled_leftovers(), [])

    def test_warned(self):
        for name, (change, text) in WARNED.items():
            with self.subTest(name):
                out = f"{self.r.directory}/out"
                self.assertEqual(self.r.create("c1", self.r.bundle(*SLEEP, change=change), out=out), 0, pathlib.Path(out).read_text())
                self.assertIn(text, self.log_of("c1"))
                self.assertEqual(self.r.run("delete", "--force", "c1").returncode, 0)
        self.assertEqual(self.r.settled_leftovers(), [])

    def test_seccomp_left_out(self):
        """Kata's default."""
        path = pathlib.Path(self.r.directory, "kata.toml")
        path.write_text('[hypervisor.null]\n[runtime]\nhypervisor_name = "null"\ndisable_guest_seccomp = true\n', encoding="ascii")
        bundle = self.r.bundle(*SLEEP, change=linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW"}))
        out = f"{self.r.directory}/out"
        with open(out, "wb") as said:
            code = subprocess.run(self.r.argv("--kata-config", path, "create", "-b", bundle, "c1"), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                  timeout=60, check=False).returncode
        self.assertEqual(code, 0, pathlib.Path(out).read_text(encoding="utf-8"))
        self.assertIn("$.linux.seccomp: is not applied", self.log_of("c1"))

    def test_descriptors(self):
        """--preserve-fds, for create and exec."""
        bundle = self.r.bundle(*SLEEP)
        result = self.r.run("create", "--preserve-fds", "1", "--bundle", bundle, "c1")
        self.assertEqual((result.returncode, b"cannot be handed into a virtual machine" in result.stderr), (1, True))
        self.assertEqual(self.r.create("c1", bundle, "--preserve-fds", "0"), 0)
        self.assertEqual(self.r.run("start", "c1").returncode, 0)
        result = self.r.run("exec", "--preserve-fds", "3", "c1", "true")
        self.assertIn(b"cannot be handed into a virtual machine", result.stderr)

    def test_checkpoint(self):
        self.assertEqual(self.r.create("c1", self.r.bundle(*SLEEP)), 0)
        for verb in ("checkpoint", "restore"):
            result = self.r.run(verb, "c1")
            self.assertEqual((result.returncode, verb.encode() in result.stderr), (1, True), result.stderr)

    def test_second_host_name(self):
        """The containers of a pod share the virtual machine's."""
        self.assertEqual(self.r.create("pod", self.r.bundle(*SLEEP, change=lambda c: c.update(
            hostname="one", annotations={"io.kubernetes.cri-o.ContainerType": "sandbox"}))), 0)
        self.assertEqual(self.r.create("c2", self.r.bundle(*SLEEP, change=lambda c: c.update(
            hostname="two", annotations={"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "pod"}))), 0)
        self.assertIn("share its host name", self.log_of("pod"))

    def test_cgroup(self):
        """The path is where the host's processes are, proxy and machine; the container's own limits are in the guest."""
        path = f"/kata-limits-{os.getpid()}"
        if not os.access("/sys/fs/cgroup", os.W_OK) or subprocess.run(["mkdir", f"/sys/fs/cgroup{path}"], check=False, capture_output=True).returncode:
            self.skipTest("cgroups cannot be made here")
        os.rmdir(f"/sys/fs/cgroup{path}")
        self.assertEqual(self.r.create("c1", self.r.bundle(*SLEEP, change=linux(cgroupsPath=path))), 0)
        pid = self.r.state("c1")["pid"]
        self.assertIn(path, pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii"))
        self.assertEqual(self.r.run("delete", "--force", "c1").returncode, 0)
        self.assertFalse(os.path.exists(f"/sys/fs/cgroup{path}"))

    def test_exit_codes(self):
        """All of them; programs with sanitizers are slow to start."""
        self.assertEqual(self.r.create("c1", self.r.bundle(*SLEEP)), 0)
        self.assertEqual(self.r.run("start", "c1").returncode, 0)
        for code in range(0, 256, 17 if "SHIM_SANITIZED" in os.environ else 1):
            self.assertEqual(self.r.run("exec", "c1", "sh", "-c", f"exit {code}").returncode, code)


class Patient(runtime.Runtime):
    """With a guest that applies seccomp."""

    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        built = pathlib.Path(PROGRAM).resolve().parent / "configuration.toml"
        self.config = f"{self.directory}/configuration.toml"
        pathlib.Path(self.config).write_text(built.read_text(encoding="utf-8") + "[runtime]\ndisable_guest_seccomp = false\n"
                                             "[agent.kata]\ndial_timeout = 300\n", encoding="utf-8")

    def argv(self, *words):
        return super().argv("--kata-config", self.config, *words)


@unittest.skipIf(NULL, "the null hypervisor has no guest")
class Guest(unittest.TestCase):
    """One machine with one container that has every right there, as --privileged asks for."""

    @classmethod
    def setUpClass(cls):
        cls.r = Patient(PROGRAM, HYPERVISOR, timeout=400)
        cls.addClassCleanup(cls.r.close)
        cls.shared = f"{cls.r.directory}/shared"
        os.mkdir(cls.shared)
        source = pathlib.Path(__file__).parent / "limits-probe.c"
        subprocess.run(["cc", "-static", "-O1", "-o", f"{cls.shared}/probe", source], check=True)
        caps = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_TIME", "CAP_MKNOD", "CAP_SYS_PTRACE", "CAP_SYSLOG", "CAP_CHOWN", "CAP_DAC_OVERRIDE",
                "CAP_KILL", "CAP_SYS_RESOURCE"]

        def change(config):
            config["mounts"] += [{"destination": "/data", "type": "bind", "source": cls.shared, "options": ["rbind"]},
                                 {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["size=1234k"]},
                                 {"destination": "/sys", "type": "sysfs", "source": "sysfs"}]
            config["linux"].update(sysctl={"net.ipv4.ip_default_ttl": "77", "kernel.msgmax": "12345"},
                                   resources={"memory": {"limit": 64 << 20}},
                                   seccomp={"defaultAction": "SCMP_ACT_ALLOW",
                                            "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]})
            config["process"].update(capabilities={k: caps for k in ("bounding", "effective", "permitted")},
                                     rlimits=[{"type": "RLIMIT_NOFILE", "hard": 4000, "soft": 3000}, {"type": "RLIMIT_CORE", "hard": 0, "soft": 0}])
        out = f"{cls.r.directory}/out"
        if cls.r.create("c1", cls.r.bundle(*SLEEP, change=change), out=out) != 0:
            raise AssertionError(pathlib.Path(out).read_text(encoding="utf-8"))
        if cls.r.run("start", "c1").returncode != 0:
            raise AssertionError("not started")

    def sh(self, script, ok=True):
        result = self.r.run("exec", "c1", "sh", "-c", script)
        if ok:
            self.assertEqual(result.returncode, 0, (script, result.stdout, result.stderr))
        return (result.stdout + result.stderr).decode(errors="replace").strip()

    def test_kernel(self):
        """Its own kernel: version, processors, memory, logs, boot time, core pattern."""
        self.assertNotEqual(self.sh("uname -r"), os.uname().release)
        hosts = pathlib.Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
        self.assertLess(int(self.sh("head -n 1 /proc/meminfo").split()[1]), int(hosts))
        self.assertIn("Linux version", self.sh("dmesg | head -n 3"))
        self.assertEqual(self.sh("cat /proc/sys/kernel/core_pattern"), "core")
        self.assertLess(float(self.sh("cat /proc/uptime").split()[0]), 600)
        self.assertNotEqual(self.sh("cat /proc/sys/kernel/random/boot_id"),
                            pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())

    def test_rights(self):
        """All capabilities are rights over the guest: what is mounted, set or made there does not reach the host."""
        self.sh("mkdir -p /mnt/m && mount -t tmpfs limits-test /mnt/m")
        self.assertNotIn("limits-test", pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace"))
        self.assertLess(abs(int(self.sh("busybox date +%s")) - time.time()), 120, "it was set at the start")
        self.sh("busybox date -s 2001-02-03")
        self.assertIn("2001", self.sh("busybox date"))
        self.assertNotIn("2001", subprocess.run(["date"], stdout=subprocess.PIPE, check=True).stdout.decode())
        self.assertIn("No such file", self.sh("ls /dev/kvm", ok=False))
        self.sh("mknod /tmp/kvm c 10 232 2>/dev/null || busybox mknod /tmp/kvm c 10 232")
        self.sh("! cat /tmp/kvm 2>/dev/null")

    def test_processes(self):
        """Only the container's; on the host there is the proxy alone."""
        self.assertIn("sleep 1000", self.sh("ps -o args"))
        self.assertNotIn("python", self.sh("ps -o args"))
        pid = self.r.state("c1")["pid"]
        self.assertEqual(json.loads(self.r.run("ps", "--format", "json", "c1").stdout), [pid])
        self.assertIn(b"kata-proxy", self.r.run("ps", "c1").stdout)

    def test_limits(self):
        """ulimits, shared memory's size, sysctls, seccomp and the memory limit hold in the guest."""
        self.assertEqual(self.sh("head -n 99 /proc/1/limits | grep 'open files'").split()[3:5], ["3000", "4000"])
        self.assertEqual(self.sh("busybox df -k /dev/shm | tail -n 1").split()[1], "1236")  # whole pages
        self.assertEqual(self.sh("cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax").split(), ["77", "12345"])
        self.assertIn("not supported", self.sh("hostname other", ok=False))
        stats = json.loads(self.r.run("events", "--stats", "c1").stdout)["data"]
        self.assertEqual(stats["memory"]["usage"]["limit"], 64 << 20)

    def beside(self, change):
        """One more container in the machine: was it refused, and what was said."""
        out, log = f"{self.r.directory}/beside", pathlib.Path(self.r.root, ".oci", "pods", "c1", "log")
        before = log.stat().st_size

        def edit(config):
            change(config)
            config["annotations"] = {"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "c1"}
        refused = self.r.create("c2", self.r.bundle(*SLEEP, change=edit), out=out) != 0
        if not refused:
            self.assertEqual(self.r.run("delete", "--force", "c2").returncode, 0)
        return refused, pathlib.Path(out).read_text(encoding="utf-8") + log.read_text(encoding="utf-8")[before:]

    def test_sysctl_of_the_kernel(self):
        refused, text = self.beside(linux(sysctl={"vm.swappiness": "1"}))
        self.assertTrue(refused)
        self.assertIn("not a parameter a container may set", text)

    def test_seccomp(self):
        refused, text = self.beside(linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x"}))
        self.assertTrue(refused)
        self.assertIn("listener on the host", text)
        self.assertIn("defaultErrnoRet", self.beside(linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 5}))[1])

    def test_own_users(self):
        """A user namespace of the container's own comes with an IPC namespace: mqueue can be mounted in it."""
        def change(config):
            ids = [{"containerID": 0, "hostID": 1000, "size": 1000}]
            config["linux"].update(namespaces=namespaces(*SYSTEM, "user"), uidMappings=ids, gidMappings=ids)
            config["mounts"].append({"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]})
        self.assertEqual(self.beside(change), (False, ""))

    def test_ends(self):
        for number in DEADLY:
            self.assertEqual(self.r.run("exec", "c1", "sh", "-c", f"kill -{number} $$").returncode, 128 + number)
        for code in (0, 1, 127, 255):
            self.assertEqual(self.r.run("exec", "c1", "sh", "-c", f"exit {code}").returncode, code)

    def test_kill_all(self):
        """SIGKILL reaches all processes of a container, other signals its first one."""
        def change(config):
            config["annotations"] = {"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "c1"}
        self.assertEqual(self.r.create("c3", self.r.bundle("sh", "-c", "trap 'touch /tmp/told' USR1; while :; do sleep 0.2; done", change=change)), 0)
        self.addCleanup(self.r.run, "delete", "--force", "c3")
        self.assertEqual(self.r.run("start", "c3").returncode, 0)
        with subprocess.Popen(self.r.argv("exec", "c3", "sh", "-c", "echo up; exec sleep 1000"), stdout=subprocess.PIPE) as other:
            self.assertEqual(other.stdout.readline(), b"up\n")
            self.assertEqual(self.r.run("kill", "--all", "c3", "USR1").returncode, 0)
            self.r.wait_until("told", lambda: self.r.run("exec", "c3", "cat", "/tmp/told").returncode == 0)
            self.assertIsNone(other.poll())
            self.assertEqual(self.r.run("kill", "--all", "c3", "KILL").returncode, 0)
            self.assertEqual(other.wait(60), 137)
        self.r.wait_until("stopped", lambda: self.r.status("c3") == "stopped")

    def test_locks(self):
        """A lock is known on one side only."""
        with open(f"{self.shared}/lock", "wb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            self.assertEqual(self.sh("/data/probe lock /data/lock"), "done")

    def test_notification(self):
        """inotify in the guest tells of the guest's changes, not of the host's."""
        os.mkdir(f"{self.shared}/watched")
        with subprocess.Popen(self.r.argv("exec", "c1", "/data/probe", "watch", "/data/watched"), stdout=subprocess.PIPE) as p:
            self.r.wait_until("watching", lambda: os.path.exists(f"{self.shared}/ready"))
            pathlib.Path(self.shared, "watched", "hosts").write_text("", encoding="ascii")
            self.assertEqual(self.sh("cd /data/watched; ls; touch guests last"), "hosts", "the file itself is seen")
            self.assertEqual(p.stdout.read().split(), [b"guests", b"last"])

    def test_socket(self):
        """A unix socket of the host is a file in the guest that nobody listens at."""
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f"{self.shared}/socket")
            s.listen()
            self.assertEqual(self.sh("/data/probe reach /data/socket"), "Connection refused")

    def test_memory_runs_out(self):
        """A process is killed in the guest; the `events` verb says so."""
        with subprocess.Popen(self.r.argv("events", "--interval", "1s", "c1"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
            self.assertIn(b'"stats"', p.stdout.readline())
            self.assertEqual(self.r.run("exec", "c1", "sh", "-c", "x=xxxxxxxx; while :; do x=$x$x; done").returncode, 137)
            line = b""
            while b'"oom"' not in line:
                line = p.stdout.readline()
                self.assertTrue(line, "no event came")
            self.assertEqual(json.loads(line), {"type": "oom", "id": "c1"})
            p.kill()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
