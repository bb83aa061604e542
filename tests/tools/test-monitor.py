#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-monitor: metrics and status of sandboxes of shim, keeper and katactl over the null hypervisor, and `katactl monitor` before them.
Arguments: KATACTL KATA_RUNTIME SHIM."""
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder) for folder in ("support", "oci", "shim")]
from ctl import Katactl  # noqa: E402
from exposition import Text, Wrong  # noqa: E402
from runtime import Runtime  # noqa: E402
from shim import Host, Task  # noqa: E402
from starve import starved  # noqa: E402

KATACTL, RUNTIME, SHIM = sys.argv[1:4]
SOCKET = "shim-monitor.sock"
PATIENCE = 60 # the machine may be busy: nothing here depends on how long a thing takes


class Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = dial(self.path)


def dial(path):
    """A connected socket, whatever the path's length."""
    folder = os.open(os.path.dirname(path), os.O_PATH)
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}") # waits for a place in the queue
        client.settimeout(PATIENCE)
    except OSError:
        client.close()
        raise
    finally:
        os.close(folder)
    return client


def ask(where, path, **headers):
    """(status, body) of a GET; @where is a socket's path or a port."""
    connection = Connection(where) if isinstance(where, str) else http.client.HTTPConnection("127.0.0.1", where, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def raw(where, data):
    """What comes back for these bytes, until the other end hangs up."""
    client = dial(where) if isinstance(where, str) else socket.create_connection(("127.0.0.1", where), timeout=PATIENCE)
    with client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass # it has answered already
        got = b""
        while piece := client.recv(65536):
            got += piece
        return got


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def kill(pid):
    """SIGKILL, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while not ended(pid) and time.monotonic() < until:
        time.sleep(0.01)


class Monitor:
    """`katactl monitor` over one state directory."""

    def __init__(self, ctl, *words):
        self.process = ctl.start("monitor", "--listen", "127.0.0.1:0", *words)
        line = self.process.stdout.readline().decode()
        assert line.startswith("http://127.0.0.1:"), (line, self.process.stderr.read())
        self.port = int(line.rsplit(":", 1)[1].rstrip("/\n"))

    def metrics(self):
        status, body = ask(self.port, "/metrics")
        assert status == 200, body
        return Text(body)

    def end(self, signum=signal.SIGTERM):
        self.process.send_signal(signum)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        error = self.process.stderr.read()
        self.process.stderr.close()
        return code, error


class Base(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(KATACTL, hypervisor="null")
        self.monitor = None

    def tearDown(self):
        if self.monitor:
            self.monitor.end()
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def detach(self, name):
        result = self.ctl.run("run", "-d", "--name", name, "--rootfs", self.ctl.rootfs, "--", "sleep", "300")
        self.assertEqual(result.returncode, 0, result.stderr)
        return os.path.join(self.ctl.state, ".katactl", name, SOCKET)

    def private(self, path):
        mode = os.lstat(path).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)

    def metrics(self, path, sandbox):
        status, body = ask(path, "/metrics")
        self.assertEqual(status, 200, body)
        text = Text(body)
        self.assertEqual(text.ids(), {sandbox})
        return text

    def common(self, path, sandbox, server, container):
        """What every kind of server tells."""
        self.private(path)
        text = self.metrics(path, sandbox)
        self.assertEqual(text.values("kata_shim_info", hypervisor="null", served_by=server), [1])
        self.assertEqual(text.value("kata_shim_sandbox_state", state="running"), 1)
        self.assertEqual(text.value("kata_shim_containers", state="running"), 1)
        self.assertEqual(text.value("kata_container_memory_usage_bytes", container_id=container), 1 << 20)
        self.assertEqual(text.value("kata_guest_load", item="load1"), 0.25)
        self.assertEqual([text.value("kata_shim_" + n) for n in ("library_answers", "guest_answers", "guest_metrics")], [1, 1, 1])
        self.assertEqual(text.value("kata_shim_containers_without_figures"), 0)
        self.assertGreater(text.value("kata_shim_process_resident_memory_bytes"), 1 << 20)
        self.assertGreater(text.value("kata_shim_fds"), 3)
        status, body = ask(path, "/status")
        told = json.loads(body)
        self.assertEqual((status, told["sandbox_id"], told["state"], told["served_by"], told["hypervisor"]),
                         (200, sandbox, "running", server, "null"))
        self.assertEqual([(c["id"], c["state"]) for c in told["containers"]], [(container, "running")])
        self.assertTrue(os.path.isdir(f"/proc/{told['pid']}"))
        self.assertEqual(ask(path, "/nothing")[0], 404)
        return told["pid"], text


class Served(Base):
    def test_katactl(self):
        path = self.detach("web")
        self.common(path, "web", "katactl", "web")
        self.assertEqual(self.ctl.run("pause", "web").returncode, 0)
        text = self.metrics(path, "web")
        self.assertEqual((text.value("kata_shim_sandbox_state", state="paused"), text.value("kata_shim_guest_answers")), (1, 0))
        self.assertEqual(text.value("kata_shim_monitor_requests_total", code="404"), 1)
        self.ctl.run("stop", "-t", "0", "web")
        self.ctl.run("wait", "web")
        self.assertEqual(self.ctl.run("delete", "-f", "web").returncode, 0)
        self.assertFalse(os.path.lexists(path))

    def test_katactl_killed(self):
        for removal in (["delete", "-f", "web"], ["recover", "--all"]):
            path = self.detach("web")
            kill(json.loads(ask(path, "/status")[1])["pid"])
            self.assertTrue(os.path.lexists(path))
            result = self.ctl.run(*removal)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertFalse(os.path.lexists(os.path.dirname(path)))

    def test_keeper(self):
        runtime = Runtime(RUNTIME, hypervisor="null")
        try:
            for killed in (False, True):
                self.assertEqual(runtime.create("one", runtime.bundle("sleep", "300")), 0)
                self.assertEqual(runtime.run("start", "one").returncode, 0)
                path = os.path.join(runtime.root, ".oci", "pods", "one", SOCKET)
                pid, text = self.common(path, "one", "keeper", "one")
                self.assertGreaterEqual(text.value("kata_shim_keeper_requests_total"), 2)
                self.assertEqual(text.value("kata_shim_oom_events_total"), 0)
                if killed:
                    kill(pid)
                result = runtime.run("delete", "--force", "one")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertFalse(os.path.lexists(os.path.dirname(path)))
        finally:
            runtime.run("delete", "--force", "one")
            shutil.rmtree(runtime.directory)

    def test_shim(self):
        host = Host(SHIM)
        try:
            for killed in (False, True):
                task = Task(host, "one", ["sleep", "300"])
                path = os.path.join(os.path.dirname(task.socket), SOCKET)
                self.private(path)
                told = json.loads(ask(path, "/status")[1]) # there is no sandbox yet
                self.assertEqual((told["state"], told["containers"]), ("absent", None))
                self.assertEqual(self.metrics(path, "default__one").value("kata_shim_library_answers"), 1)
                task.create()
                task.call("Start")
                pid, text = self.common(path, "default__one", "shim", "one")
                self.assertEqual(text.value("kata_shim_rpc_durations_histogram_milliseconds_count", action="create"), 1)
                self.assertEqual(text.value("kata_shim_tasks"), 1)
                self.assertEqual(text.value("kata_shim_oom_events_total"), 0)
                if not os.environ.get("SHIM_SANITIZED"):
                    self.assertLess(text.value("kata_shim_process_resident_memory_bytes"), 12 << 20)
                if killed:
                    kill(pid)
                    task.client.close()
                    task.delete_verb()
                else:
                    task.call("Kill", [(3, 9)])
                    task.wait()
                    task.end()
                self.assertEqual(host.settled_left(PATIENCE), [])
                shutil.rmtree(os.path.join(host.top, "bundles"))
                for name in ("one-out", "one-err"):
                    os.unlink(os.path.join(host.top, name))
        finally:
            host.destroy()


class Hostile(Base):
    REQUESTS = ((405, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), (405, b"HEAD / HTTP/1.0\r\n\r\n"),
                (400, b"GET /metrics HTTP/1.1\r\n\r\n"), (400, b"\0" * 100), (400, b"GET /metrics\r\n\r\n"), (400, b"\x16\x03\x01\x02\0\x01"),
                (404, b"GET /../../etc/passwd HTTP/1.0\r\n\r\n"), (404, b"GET /metrics/ HTTP/1.0\r\n\r\n"),
                (431, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000), (431, b"a" * 8192), (414, b"GET /" + b"a" * 400 + b" HTTP/1.0\r\n\r\n"),
                (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))

    def test_requests(self):
        path = self.detach("web")
        self.monitor = Monitor(self.ctl)
        for where in (path, self.monitor.port):
            for status, data in self.REQUESTS:
                got = raw(where, data)
                self.assertTrue(got.startswith(b"HTTP/1.1 %d " % status), (where, data[:60], got[:60]))
            for data in (b"", b"GET"):
                self.assertEqual(raw(where, data), b"")
        self.metrics(path, "web")

    def test_slow_and_many_clients(self):
        """More stuck clients than there are places: the container is as reachable as ever, and so is the socket, after a while."""
        path = self.detach("web")
        clients = [dial(path) for _ in range(24)] # 16 places, and some in the queue
        for i, client in enumerate(clients):
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"[:i])
        self.assertEqual(self.ctl.run("exec", "web", "--", "echo", "hi").stdout, b"hi\n")
        self.metrics(path, "web") # once those before it were shown out
        self.assertTrue(clients[0].recv(100).startswith(b"HTTP/1.1 408 "))
        for client in clients:
            client.close()
        # Those that ask and never read.
        deaf = [dial(path) for _ in range(12)]
        for client in deaf:
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        self.metrics(path, "web")
        for client in deaf:
            client.close()
        self.assertEqual(self.ctl.run("delete", "-f", "web").returncode, 0)

    def test_out_of_descriptors(self):
        path = self.detach("web")
        self.assertLess(starved(json.loads(ask(path, "/status")[1])["pid"], path), 0.2)
        self.metrics(path, "web")
        self.assertEqual(self.ctl.run("delete", "-f", "web").returncode, 0)

    def test_deletion_under_clients(self):
        path = self.detach("web")
        clients = [dial(path) for _ in range(8)]
        result = []
        asking = threading.Thread(target=lambda: result.append(raw(path, b"GET /metrics HTTP/1.0\r\n\r\n")))
        asking.start()
        self.assertEqual(self.ctl.run("delete", "-f", "web").returncode, 0)
        asking.join()
        self.assertFalse(os.path.lexists(os.path.dirname(path)))
        for client in clients:
            client.close()

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_another_user(self):
        """Even where the modes let him in."""
        path = self.detach("web")
        for p in (path, os.path.dirname(path)):
            os.chmod(p, 0o777)
        up = os.path.dirname(path)
        while up != "/tmp" and up != "/":
            os.chmod(up, os.stat(up).st_mode | 0o5)
            up = os.path.dirname(up)
        code = ("import os,socket,sys\nos.setgid(65534);os.setuid(65534)\nf=os.open(sys.argv[1],os.O_PATH)\ns=socket.socket(socket.AF_UNIX)\n"
                "s.connect(f'/proc/self/fd/{f}/" + SOCKET + "')\n"
                "try:\n s.sendall(b'GET /metrics HTTP/1.0\\r\\n\\r\\n')\n print(len(s.recv(10)))\nexcept OSError: print(0)\n")
        result = subprocess.run([sys.executable, "-c", code, os.path.dirname(path)], capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(result.stdout, b"0\n", result.stderr)
        os.chmod(os.path.dirname(path), 0o700)


class Node(Base):
    def server(self, name, answer):
        """A sandbox that somebody else plays: `answer` is what the socket says."""
        folder = os.path.join(self.ctl.state, ".katactl", name)
        os.makedirs(folder, mode=0o700)
        listener = socket.socket(socket.AF_UNIX)
        fd = os.open(folder, os.O_PATH)
        listener.bind(f"/proc/self/fd/{fd}/{SOCKET}")
        os.close(fd)
        listener.listen(8)
        listener.settimeout(0.05)
        ending = threading.Event()

        def run():
            clients = []
            while not ending.is_set():
                try:
                    client, _ = listener.accept()
                except TimeoutError:
                    continue
                clients.append(client)
                if answer is not None:
                    client.recv(8192)
                    client.sendall(answer)
                    client.close()
            for client in clients:
                client.close()
            listener.close()
            shutil.rmtree(folder)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(ending.set)
        return ending, thread

    @staticmethod
    def good(body):
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def test_three_kinds_in_one_text(self):
        self.detach("web")
        runtime = Runtime(RUNTIME, hypervisor="null")
        host = Host(SHIM)
        folder, runtime.root = runtime.directory, self.ctl.state
        host.state = self.ctl.state
        host.env["LIBKATA_STATE_DIR"] = self.ctl.state
        try:
            self.assertEqual(runtime.create("two", runtime.bundle("sleep", "300")), 0)
            self.assertEqual(runtime.run("start", "two").returncode, 0)
            task = Task(host, "three", ["sleep", "300"])
            task.create()
            task.call("Start")
            self.monitor = Monitor(self.ctl)
            text = self.monitor.metrics()
            self.assertEqual(text.ids(), {None, "web", "two", "default__three"})
            self.assertEqual(text.value("kata_monitor_running_shim_count"), 3)
            self.assertEqual(text.value("kata_monitor_unreachable_shim_count"), 0)
            self.assertEqual(len(text.values("kata_guest_load", item="load5")), 3)
            self.assertEqual(ask(self.monitor.port, "/sandboxes"), (200, "default__three\ntwo\nweb\n"))
            ids = json.loads(ask(self.monitor.port, "/sandboxes?format=json")[1])
            self.assertEqual(ids, json.loads(ask(self.monitor.port, "/sandboxes", Accept="application/json")[1]))
            self.assertEqual(ids, ["default__three", "two", "web"])
            for name in ids:
                self.assertEqual(json.loads(ask(self.monitor.port, "/status?sandbox=" + name)[1])["state"], "running")
                self.assertEqual(Text(ask(self.monitor.port, "/metrics?sandbox=" + name)[1]).ids(), {name})
            kill(json.loads(ask(self.monitor.port, "/status?sandbox=web")[1])["pid"])
            text = self.monitor.metrics()
            self.assertEqual((text.value("kata_monitor_running_shim_count"), text.value("kata_monitor_unreachable_shim_count")), (2, 1))
            self.assertEqual((text.value("kata_monitor_scrape_count"), text.value("kata_monitor_scrape_failed_count")), (6, 1))
            self.assertEqual(text.value("kata_monitor_scrape_durations_histogram_milliseconds_count"), 5)
            self.assertEqual(ask(self.monitor.port, "/status?sandbox=web")[0], 502)
            task.call("Kill", [(3, 9)])
            task.wait()
            task.end()
        finally:
            runtime.run("delete", "--force", "two")
            host.state = os.path.join(host.top, "state") # destroy() looks for shims there; ours has ended
            host.destroy()
            shutil.rmtree(folder)
            for name in (".oci/pods", ".oci/containers", ".oci", ".shim"):
                try:
                    os.rmdir(os.path.join(self.ctl.state, name))
                except FileNotFoundError:
                    pass

    def test_bad_servers(self):
        """What another sandbox says, or does not say, costs the good one nothing."""
        self.detach("web")
        family = b"# HELP kata_shim_threads T.\n# TYPE kata_shim_threads gauge\n"
        answers = {"silent": None, "garbage": b"\0\1\2", "short": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx 1\n",
                   "refusing": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "foreign": self.good(family + b'kata_shim_threads{sandbox_id="web"} 1\n'),
                   "nameless": self.good(family + b"kata_shim_threads 1\n"), "torn": self.good(family + b'kata_shim_threads{sandbox_id="torn"'),
                   "good": self.good(family + b'kata_shim_threads{sandbox_id="good"} 7\n')}
        servers = [self.server(name, answer) for name, answer in answers.items()]
        self.monitor = Monitor(self.ctl)
        text = self.monitor.metrics()
        self.assertEqual(text.ids(), {None, "web", "good"})
        self.assertEqual(text.value("kata_shim_threads", sandbox_id="good"), 7)
        self.assertEqual([text.value(f"kata_monitor_{n}_shim_count") for n in ("running", "unreachable", "malformed")], [2, 4, 3])
        self.assertEqual(ask(self.monitor.port, "/metrics?sandbox=torn")[0], 502)
        self.assertEqual(ask(self.monitor.port, "/metrics?sandbox=garbage")[0], 502)
        for ending, _ in servers:
            ending.set()
        for _, thread in servers:
            thread.join()

    def test_traps(self):
        """No name leads out of the state directory, and no folder that others can write to is looked at."""
        target = self.detach("web")
        top = os.path.join(self.ctl.state, ".katactl")
        os.symlink(os.path.dirname(target), os.path.join(top, "link"))
        for name in ("open", "-x", "a b", "socketlink", "file"):
            os.mkdir(os.path.join(top, name), 0o700)
        os.symlink(target, os.path.join(top, "socketlink", SOCKET))
        with open(os.path.join(top, "file", SOCKET), "w", encoding="ascii"):
            pass
        for name in ("open", "-x", "a b"):
            with socket.socket(socket.AF_UNIX) as s:
                fd = os.open(os.path.join(top, name), os.O_PATH)
                s.bind(f"/proc/self/fd/{fd}/{SOCKET}")
                os.close(fd)
        os.chmod(os.path.join(top, "open"), 0o777)
        self.monitor = Monitor(self.ctl)
        self.assertEqual(ask(self.monitor.port, "/sandboxes"), (200, "web\n"))
        for name in ("..%2Fweb", "link", "%2E%2E", "open", "", "socketlink", "file", "a%20b"):
            self.assertEqual(ask(self.monitor.port, "/metrics?sandbox=" + name)[0], 404, name)
        for query in ("sandbox=%", "sandbox=%00", "sandbox=" + "a" * 200, "format=%4"):
            self.assertEqual(ask(self.monitor.port, "/metrics?" + query)[0], 400, query)
        for name in ("open", "-x", "a b", "socketlink", "file"):
            shutil.rmtree(os.path.join(top, name))
        os.unlink(os.path.join(top, "link"))

    def test_addresses_and_signals(self):
        for words, code in ((("--listen", "0.0.0.0:0"), 2), (("--listen", "[::]:0"), 2), (("--listen", "192.0.2.1:0"), 2), (("--listen", "web:1"), 2),
                            (("--listen", "127.0.0.1"), 2), (("--listen", "127.0.0.1:65536"), 2), (("--listen", "127.0.0.1:1x"), 2),
                            (("--listen", "192.0.2.1:0", "--any-address"), 125), (("extra",), 2)):
            result = self.ctl.run("monitor", *words)
            self.assertEqual(result.returncode, code, (words, result.stderr))
            self.assertEqual(result.stdout, b"")
        for signum in (signal.SIGTERM, signal.SIGINT):
            monitor = Monitor(self.ctl)
            stuck = socket.create_connection(("127.0.0.1", monitor.port), timeout=PATIENCE)
            self.assertEqual(monitor.metrics().value("kata_monitor_running_shim_count"), 0)
            self.assertEqual(ask(monitor.port, "/sandboxes"), (200, ""))
            self.assertEqual(ask(monitor.port, "/sandboxes?format=json"), (200, "[]\n"))
            self.assertEqual(ask(monitor.port, "/status")[0], 400)
            self.assertEqual(ask(monitor.port, "/")[0], 200)
            for host, status in (("evil.example", 421), ("127.0.0.1.evil.example:80", 421), ("localhost", 200), ("[::1]:8090", 200)):
                self.assertEqual(ask(monitor.port, "/metrics", Host=host)[0], status, host)
            self.assertEqual(monitor.end(signum), (0, b""))
            stuck.close()


class Format(unittest.TestCase):
    def test_the_reader_is_strict(self):
        for text in ("x 1", "x{a=b} 1\n", "x 1\nx 1\n", "# TYPE x gauge\nx 1\n", "# HELP x y\n# TYPE x gauge\nx 1\n# HELP y z\n# TYPE y gauge\ny 1\nx 2\n"):
            with self.assertRaises(Wrong, msg=text):
                Text(text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
