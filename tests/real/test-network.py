#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-network: a container in a pod's network namespace, with its address and routes; data both ways, then nothing is left; and passt.
Arguments: KATACTL [CONFIG [unittest arguments]]."""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import APPLETS, Katactl, make_rootfs, require_guest, skip  # noqa: E402

PROGRAM = sys.argv[1]
CONFIG = sys.argv[2] if len(sys.argv) > 2 else None
# An emulated guest on a busy machine.
PATIENCE = 600 if CONFIG else 240
SIZE = 256 << 10 if CONFIG else 4 << 20
APPLETS += ["nc", "ip", "ping"]


def sh(line, check=True):
    result = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=False)
    if check and result.returncode != 0:
        raise AssertionError(f"{line}: {result.stdout}{result.stderr}")
    return result.stdout


class Pod:
    """Two namespaces with a veth pair between them: the pod's, and one that stands for the host's side."""

    def __init__(self, name, model="veth"):
        self.pod, self.host = f"kt{os.getpid()}{name}", f"kh{os.getpid()}{name}"
        sh(f"ip netns add {self.pod} && ip netns add {self.host}")
        sh(f"ip -n {self.pod} link add {'eth0' if model == 'veth' else 'below'} type veth peer name p0 netns {self.host}")
        if model != "veth":
            sh(f"ip -n {self.pod} link set below up && ip -n {self.pod} link add eth0 link below type {model}")
        sh(f"ip -n {self.pod} link set lo up && ip -n {self.pod} link set eth0 mtu 1400 up")
        sh(f"ip -n {self.pod} addr add 10.88.0.2/24 dev eth0 && ip -n {self.pod} route add default via 10.88.0.1")
        sh(f"ip -n {self.pod} -6 addr add fd88::2/64 dev eth0 nodad", check=False)
        sh(f"ip -n {self.host} link set lo up && ip -n {self.host} link set p0 up && ip -n {self.host} addr add 10.88.0.1/24 dev p0")
        # Beyond the gateway.
        sh(f"ip -n {self.host} addr add 10.99.0.1/32 dev lo")
        self.before = self.look()

    def look(self):
        return sh(f"ip -n {self.pod} -o link | cut -d: -f2; tc -n {self.pod} qdisc show")

    def close(self):
        sh(f"ip netns del {self.pod}; ip netns del {self.host}", check=False)


def spawn_in(netns, function):
    """Calls it in a process of its own in the namespace; returns the process."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            fd = os.open(f"/run/netns/{netns}", os.O_RDONLY)
            import ctypes
            if ctypes.CDLL(None, use_errno=True).setns(fd, 0) == 0:
                code = function()
        finally:
            os._exit(code)
    return pid


def accept_one(port, ready):
    """The first connection to @port; @ready is told when it can come."""
    with socket.create_server(("", port)) as server:
        server.settimeout(PATIENCE)
        os.write(ready, b".")
        connection, _ = server.accept()
    connection.settimeout(PATIENCE)
    return connection


def receive(connection, size):
    """@size bytes, or fewer where the other end closes before."""
    got = b""
    while len(got) < size:
        piece = connection.recv(65536)
        if not piece:
            break
        got += piece
    return got


def serve(data, port, ready):
    """Sends @data to the first connection, reads what it sends, and checks that it is the same."""
    with accept_one(port, ready) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        got = receive(connection, len(data))
        sender.join()
    return 0 if got == data else 3


def answer(data, port, ready, over):
    """Reads @data from the first connection, sends it back, and lets the connection be until @over is closed: Debian 12's passt (March 2023) carries
    nothing more to a guest that has closed its half, and forgets to close that of a guest whose host did it at the same time."""
    with accept_one(port, ready) as connection:
        got = receive(connection, len(data))
        if len(got) == len(data):
            connection.sendall(got)
            os.read(over, 1)
    return 0 if got == data else 3


class Network(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ctl = Katactl(PROGRAM, hypervisor=None if CONFIG else "qemu", config=CONFIG, timeout=PATIENCE)
        require_guest(cls.ctl)
        make_rootfs(cls.ctl.rootfs)

    @classmethod
    def tearDownClass(cls):
        cls.ctl.close()

    def run_in(self, pod, script, *more):
        return self.ctl.run("run", "--rm", "--network", pod, "--rootfs", self.ctl.rootfs, *more, "--", "sh", "-c", script)

    def check_left(self, pod):
        self.assertEqual(pod.look(), pod.before)
        self.assertEqual(self.ctl.settled_leftovers(), [])

    def exchange(self, pod, *more, network=None):
        data = os.urandom(SIZE)
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.ctl.rootfs, "root", "data"), "wb") as f:
            f.write(data)
        r, w = os.pipe()
        server = spawn_in(pod.host, lambda: serve(data, 7000, w))
        os.close(w)
        os.read(r, 1)
        os.close(r)
        result = self.run_in(network or pod.pod, "ip addr show eth0; ip route; nc 10.99.0.1 7000 < /root/data > /tmp/got; sha256sum /tmp/got", *more)
        out = result.stdout.decode()
        self.assertEqual(result.returncode, 0, out + result.stderr.decode())
        self.assertIn("inet 10.88.0.2/24", out)
        self.assertIn("mtu 1400", out)
        self.assertIn("default via 10.88.0.1", out)
        self.assertIn(digest, out)
        self.assertEqual(os.waitpid(server, 0)[1], 0)

    def test_both_directions(self):
        pod = Pod("a")
        try:
            self.exchange(pod)
            self.check_left(pod)
        finally:
            pod.close()

    def test_queues(self):
        pod = Pod("q")
        try:
            self.exchange(pod, "--cpus", "2")
            self.check_left(pod)
        finally:
            pod.close()

    def test_server_in_the_container(self):
        """From outside to a server in the container; inspect shows the interface; the machine's death leaves nothing that recovery does not remove."""
        pod = Pod("s")
        try:
            result = self.ctl.run("run", "-d", "--name", "web", "--network", f"/run/netns/{pod.pod}", "--rootfs", self.ctl.rootfs, "--", "sh", "-c",
                                  "while true; do echo hello from the guest | nc -l -p 8080; done")
            self.assertEqual(result.returncode, 0, result.stderr)

            def answer():
                return sh(f"ip netns exec {pod.host} timeout 3 busybox nc 10.88.0.2 8080 < /dev/null", check=False) == "hello from the guest\n"
            self.ctl.wait_until("an answer from the container", answer, 60)
            text = self.ctl.run("inspect", "web").stdout.decode()
            network = json.loads(text)
            network = (network[0] if isinstance(network, list) else network)["network"]
            self.assertEqual(network["interfaces"][0]["name"], "eth0")
            self.assertIn("10.88.0.2/24", network["interfaces"][0]["addresses"])
            self.assertIn("ingress", pod.look())
            self.ctl.run("delete", "-f", "web")
            self.check_left(pod)
        finally:
            pod.close()

    def test_later(self):
        """An interface that comes while the guest runs, data through it, its other address, and its end; then another in the same port."""
        pod = Pod("l")
        try:
            result = self.ctl.run("run", "-d", "--name", "later", "--network", pod.pod, "--rootfs", self.ctl.rootfs, "--", "sleep", "600")
            self.assertEqual(result.returncode, 0, result.stderr)
            started = pod.look()
            self.come(pod, 1)
            data = os.urandom(SIZE)
            with open(os.path.join(self.ctl.rootfs, "root", "data"), "wb") as f:
                f.write(data)
            r, w = os.pipe()
            server = spawn_in(pod.host, lambda: serve(data, 7002, w))
            os.close(w)
            os.read(r, 1)
            os.close(r)
            out = self.inside("ip addr show eth1; ip route; nc 10.77.1.1 7002 < /root/data | sha256sum")
            self.assertIn(hashlib.sha256(data).hexdigest(), out)
            self.assertEqual(os.waitpid(server, 0)[1], 0)
            for part in ("inet 10.77.1.2/24", "mtu 1300", "10.66.0.0/16 via 10.77.1.1"):
                self.assertIn(part, out)
            sh(f"ip -n {pod.pod} addr del 10.77.1.2/24 dev eth1; ip -n {pod.pod} addr add 10.77.1.9/24 dev eth1")
            self.refresh("changed")
            out = self.inside("ip addr show eth1; ip route; ping -c 1 -W 20 10.77.1.1")
            self.assertIn("inet 10.77.1.9/24", out)
            self.assertIn("1 packets received", out)
            self.assertNotIn("10.77.1.2/24", out)
            self.assertNotIn("10.66.0.0/16", out)
            sh(f"ip -n {pod.pod} link del eth1")
            self.refresh("removed")
            self.assertEqual(pod.look(), started)
            self.come(pod, 2)
            out = self.inside("ip addr; ping -c 1 -W 20 10.77.2.1")
            self.assertIn("inet 10.77.2.2/24", out)
            self.assertIn("inet 10.88.0.2/24", out)
            self.assertNotIn("10.77.1.", out)
            self.assertIn("1 packets received", out)
            self.assertEqual(self.ctl.run("delete", "-f", "later").returncode, 0)
            sh(f"ip -n {pod.pod} link del eth1")
            self.check_left(pod)
        finally:
            self.ctl.run("delete", "-f", "later")
            pod.close()

    def come(self, pod, n):
        sh(f"ip -n {pod.pod} link add eth1 type veth peer name p1 netns {pod.host} && ip -n {pod.host} addr add 10.77.{n}.1/24 dev p1 && "
           f"ip -n {pod.host} link set p1 up && ip -n {pod.pod} addr add 10.77.{n}.2/24 dev eth1 && ip -n {pod.pod} link set eth1 mtu 1300 up && "
           f"ip -n {pod.pod} route add 10.66.0.0/16 via 10.77.{n}.1")
        self.refresh("added")

    def refresh(self, what):
        since = time.monotonic()
        result = self.ctl.run("refresh", "later")
        self.assertEqual(result.returncode, 0, result.stderr)
        print(f"  {what} after {time.monotonic() - since:.2f} s", flush=True)

    def inside(self, script):
        return self.ctl.run("exec", "later", "--", "sh", "-c", script).stdout.decode()

    def test_macvtap(self):
        pod = Pod("m")
        before, self.ctl.config = self.ctl.config, os.path.join(self.ctl.directory, "macvtap.toml")
        try:
            with open(CONFIG or os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml"), encoding="utf-8") as f:
                text = f.read()
            with open(self.ctl.config, "w", encoding="utf-8") as f:
                f.write(text + '\n[runtime]\ninternetworking_model = "macvtap"\n')
            result = self.run_in(pod.pod, "ip addr show eth0; ping -c 3 -W 20 10.88.0.1")
            out = result.stdout.decode() + result.stderr.decode()
            if "put a macvtap on it" in out:
                self.skipTest(out)
            self.assertEqual(result.returncode, 0, out)
            self.assertIn("10.88.0.2/24", out)
            self.check_left(pod)
        finally:
            self.ctl.config = before
            pod.close()

    def test_user(self):
        if CONFIG and "builtin" in CONFIG:
            result = self.ctl.run("run", "--rm", "--network", "user", "--rootfs", self.ctl.rootfs, "--", "true")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("network in user space", result.stderr.decode())
            return
        if not shutil.which("passt"):
            self.skipTest("passt is not installed")
        data = os.urandom(512 << 10)
        r, w = os.pipe()
        over, still = os.pipe()
        server = os.fork()
        if server == 0:
            os.close(still)
            os._exit(answer(data, 7001, w, over))
        os.close(w)
        os.close(over)
        os.read(r, 1)
        os.close(r)
        with open(os.path.join(self.ctl.rootfs, "root", "data"), "wb") as f:
            f.write(data)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
                own = probe.getsockname()[0]
            except OSError:
                os.kill(server, 9)
                os.waitpid(server, 0)
                self.skipTest("this machine has no route to anywhere, which passt needs")
        # The guest's end stays open too.
        result = self.run_in("user", f"ip addr show eth0; ip route; (cat /root/data; while [ ! -e /tmp/over ]; do sleep 1; done) | nc {own} 7001 > /tmp/got & "
                             f"while [ $(wc -c < /tmp/got) -lt {len(data)} ]; do sleep 1; done; touch /tmp/over; sha256sum /tmp/got")
        os.close(still)
        out = result.stdout.decode() + result.stderr.decode()
        self.assertIn(hashlib.sha256(data).hexdigest(), out)
        self.assertEqual(result.returncode, 0, out)
        self.assertIn("10.0.2.15/24", out)
        self.assertEqual(os.waitpid(server, 0)[1], 0)
        self.assertEqual(self.ctl.settled_leftovers(), [])

    def test_vhost_user(self):
        """A device that passt of 2024 or later serves, by a file of a directly attached network."""
        passt = shutil.which("passt")
        if not passt or "--vhost-user" not in sh(f"{passt} --help 2>&1", check=False):
            self.skipTest("passt is not installed, or does not know --vhost-user (from November 2024 on it does)")
        pod = Pod("v")
        path, dan = (os.path.join(self.ctl.directory, name) for name in ("served", "dan.json"))
        with open(dan, "w", encoding="ascii") as f:
            json.dump({"devices": [{"name": "eth0", "guest_mac": "02:00:00:00:00:01", "device": {"type": "vhost-user", "path": path}, "network_info": {
                "interface": {"ip_addresses": ["10.88.0.2/24"], "mtu": 1400}, "routes": [{"dest": "", "gateway": "10.88.0.1"}]}}]}, f)
        log = os.path.join(self.ctl.directory, "passt.log")
        with subprocess.Popen(["ip", "netns", "exec", pod.host, passt, "-f", "--vhost-user", "-s", path, "-l", log, "-i", "p0", "-a", "10.88.0.2", "-n", "24", "-g",
                               "10.88.0.1"], stdin=subprocess.DEVNULL) as server:
            try:
                self.ctl.wait_until("passt listens", lambda: os.path.exists(path) or server.poll() is not None)
                self.exchange(pod, network=f"dan:{dan}")
            finally:
                server.kill()
                pod.close()
        self.assertEqual(self.ctl.settled_leftovers(), [])

    def test_refused(self):
        for network, part in (("/proc/self/ns/net", "it is the host's"), ("/dev/null", "no network namespace"), ("nobody", "nobody")):
            result = self.run_in(network, "true")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(part, result.stderr.decode())
        self.assertEqual(self.ctl.settled_leftovers(), [])


if __name__ == "__main__":
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun") or not shutil.which("ip") or not shutil.which("tc"):
        skip("needs root, /dev/net/tun, ip and tc")
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:], verbosity=2)
