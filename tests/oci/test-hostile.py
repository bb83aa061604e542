#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a hostile bundle, id or folder can try with kata-runtime, over the null backend: test-hostile.py KATA-RUNTIME."""
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import unittest

import runtime
from starve import dial, starved

PROGRAM = sys.argv[1]


def digest(folder, links=True):
    """Names, kinds, contents and numbers of links below a folder."""
    found = hashlib.sha256()
    for top, folders, files in sorted(os.walk(folder)):
        for name in sorted(folders + files):
            path = os.path.join(top, name)
            s = os.lstat(path)
            found.update(f"{path} {s.st_mode:o} {s.st_size} {s.st_nlink if links else 0}".encode())
            if os.path.isfile(path) and not os.path.islink(path):
                found.update(pathlib.Path(path).read_bytes())
    return found.hexdigest()


class Hostile(unittest.TestCase):
    def setUp(self):
        self.r = runtime.Runtime(PROGRAM, "null")
        self.addCleanup(self.r.close)
        self.outside = f"{self.r.directory}/outside"
        os.mkdir(self.outside)
        pathlib.Path(self.outside, "precious").write_text("precious", encoding="ascii")
        self.before, self.contents = digest(self.outside), digest(self.outside, links=False)

    def refused(self, *words, code=1):
        result = self.r.run(*words, timeout=60)
        self.assertEqual(result.returncode, code, result.stderr.decode(errors="replace")[:300])
        self.assertNotIn(b"\x1b", result.stderr)
        self.assertLess(len(result.stderr), 10000)
        self.nothing()
        return result.stderr

    def nothing(self):
        self.assertEqual(self.r.settled_leftovers(), [])
        self.assertEqual(digest(self.outside), self.before)

    def test_config(self):
        bundle = self.r.bundle("true")
        path = f"{bundle}/config.json"
        good = pathlib.Path(path).read_text(encoding="ascii")
        texts = [good[:n] for n in range(0, len(good), max(1, len(good) // 12))]
        texts += ["[" * 10000, '{"a":' * 10000, good.replace('"1.0.2"', "1e999"), good.replace('"cwd": "/"', '"cwd": 7'),
                  good.replace("true", "tr\\u0000ue", 1), good.replace('"args": ["true"]', '"args": []'), "null", "\x00" * 100,
                  good.replace('"ociVersion"', '"ociVersion": "9.9.9", "x"'), good.replace('"rootfs"', '"' + "x" * 5000000 + '"')]
        for text in texts:
            pathlib.Path(path).write_text(text, encoding="ascii")
            self.refused("create", "-b", bundle, "c1")

    def test_config_is_no_file(self):
        bundle = self.r.bundle("true")
        path = f"{bundle}/config.json"
        os.unlink(path)
        self.refused("create", "-b", bundle, "c1")
        os.mkfifo(path)
        self.refused("create", "-b", bundle, "c1")
        os.unlink(path)
        os.mkdir(path)
        self.refused("create", "-b", bundle, "c1")
        os.rmdir(path)
        os.symlink("/dev/zero", path)
        self.refused("create", "-b", bundle, "c1")

    def test_ids(self):
        bundle = self.r.bundle("true")
        for name in ("", ".", "..", "a/b", "../x", "/etc", "x" * 129, "a b", "a\nb", "\u00e9", ".oci", "-", "a\x1b[2J"):
            for words in (("create", "-b", bundle, "--", name), ("state", "--", name), ("start", "--", name), ("kill", "--", name),
                          ("delete", "--", name), ("ps", "--", name), ("pause", "--", name)):
                self.refused(*words)
            self.assertIn(self.r.run("delete", "--force", "--", name).returncode, (0, 1))
        self.assertEqual(self.r.create("x" * 128, bundle), 0, "the longest id")
        self.assertEqual(self.r.run("delete", "-f", "x" * 128).returncode, 0)
        self.nothing()

    def test_same_id_at_once(self):
        bundle, codes = self.r.bundle("sleep", "1000"), []
        threads = [threading.Thread(target=lambda: codes.append(self.r.create("c1", bundle))) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(codes), [0] + [1] * 5)
        self.assertEqual(self.r.status("c1"), "created")
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.nothing()

    def test_annotations(self):
        for annotations in ({"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "../../outside"},
                            {"io.kubernetes.cri.container-type": "container"}, {"io.kubernetes.cri.container-type": "container",
                                                                                "io.kubernetes.cri.sandbox-id": "no-such"}):
            bundle = self.r.bundle("true", change=lambda c, a=annotations: c.update(annotations=a))
            self.refused("create", "-b", bundle, "c1")

    def test_pid_file(self):
        """A link at the place of the pid file is replaced, not followed; a folder there is an error."""
        bundle = self.r.bundle("sleep", "1000")
        link = f"{self.r.directory}/link"
        os.symlink(f"{self.outside}/precious", link)
        self.assertEqual(self.r.create("c1", bundle, "--pid-file", link), 0)
        self.assertFalse(os.path.islink(link))
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.refused("create", "-b", bundle, "--pid-file", self.outside, "c1")
        self.refused("create", "-b", bundle, "--pid-file", f"{self.r.directory}/no/such/folder", "c1")

    def test_log(self):
        """A link or a FIFO at the place of the log is not written to, and does not hang us."""
        link, fifo = f"{self.r.directory}/log-link", f"{self.r.directory}/log-fifo"
        os.symlink(f"{self.outside}/precious", link)
        os.mkfifo(fifo)
        for log in (link, fifo, "/dev/full", self.outside):
            self.refused("--log", log, "--log-format", "json", "state", "no-such")

    def test_console_socket(self):
        bundle = self.r.bundle("sh", terminal=True)
        path = f"{self.r.directory}/file"
        pathlib.Path(path).write_text("x", encoding="ascii")
        for socket_path in (path, f"{self.r.directory}/none", "x" * 300, self.outside):
            self.refused("create", "-b", bundle, "--console-socket", socket_path, "c1")

    def test_rootfs(self):
        """Roots that are no folder, or go through links of the image."""
        for make in (lambda p: None, lambda p: pathlib.Path(p).write_text("x", encoding="ascii"), os.mkfifo,
                     lambda p: os.symlink("/no/such", p)):
            bundle = self.r.bundle("true", rootfs=False)
            make(f"{bundle}/rootfs")
            result = self.r.run("run", "-b", bundle, "c1", timeout=60)
            self.assertNotEqual(result.returncode, 0)
            self.nothing()

    def test_image_links(self):
        """An image whose /proc, /dev and /etc are links to the host: the proxy mounts nothing there."""
        bundle = self.r.bundle("sleep", "1000")
        for name in ("proc", "dev", "etc"):
            path = f"{bundle}/rootfs/{name}"
            subprocess.run(["rm", "-rf", path], check=True)
            os.symlink(self.outside, path)
        code = self.r.create("c1", bundle)
        if code == 0:
            pid = self.r.state("c1")["pid"]
            mounts = pathlib.Path(f"/proc/{pid}/mountinfo").read_text(encoding="ascii")
            self.assertNotIn(self.outside, mounts)
            self.assertNotIn(" - proc ", mounts)
            self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.nothing()

    def test_namespace_paths(self):
        for path in ("/no/such", "/etc/passwd", "/proc/self/ns/pid", self.outside, "/dev/zero"):
            def change(config, p=path):
                config["linux"]["namespaces"] = [{"type": "network", "path": p}, {"type": "pid"}, {"type": "mount"}]
            self.refused("create", "-b", self.r.bundle("true", change=change), "c1")

    def test_cgroup_paths(self):
        for path in ("../../x", "/a/../../b", "/" + "x" * 300):
            bundle = self.r.bundle("true", change=lambda c, p=path: c["linux"].update(cgroupsPath=p))
            self.r.run("run", "-b", bundle, "c1")
            self.assertFalse(any("x" * 300 in d or "/x" == d[-2:] for d in os.listdir("/sys/fs/cgroup")))
            self.nothing()

    def test_root_folder(self):
        """State that another user could have put there is not used."""
        self.assertEqual(self.r.run("list").returncode, 0)
        oci = f"{self.r.root}/.oci"
        os.chmod(oci, 0o777)
        self.refused("list", "-q")
        os.chmod(oci, 0o700)
        os.rename(oci, f"{oci}-away")
        os.symlink(self.outside, oci)
        self.assertEqual(self.r.run("create", "-b", self.r.bundle("true"), "c1").returncode, 1)
        self.assertEqual(digest(self.outside), self.before)
        os.unlink(oci)
        os.rename(f"{oci}-away", oci)

    def test_state_files(self):
        """A state file that is cut, swapped or a link: told, and removed by force; no stranger is signalled."""
        with subprocess.Popen(["sleep", "1000"]) as stranger:
            try:
                for text in ("", "{", "[]", '{"id":"other"}', json.dumps({"id": "c1", "sandbox": "../../outside", "pid": stranger.pid}),
                             json.dumps({"id": "c1", "sandbox": "c1", "pid": stranger.pid, "pid_start": 1})):
                    self.assertEqual(self.r.create("c1", self.r.bundle("sleep", "1000")), 0)
                    path = pathlib.Path(self.r.root, ".oci/containers/c1/state.json")
                    path.unlink()
                    path.write_text(text, encoding="ascii")
                    self.r.run("state", "c1")
                    self.r.run("delete", "c1")
                    self.assertEqual(self.r.run("delete", "--force", "c1").returncode, 0, text)
                    self.assertIsNone(stranger.poll(), "a stranger was signalled")
                    self.nothing()
            finally:
                stranger.send_signal(signal.SIGKILL)

    def test_half_made(self):
        """A keeper that was killed while it made its sandbox: `delete` finds what is left by its id, and looks at no other."""
        self.r.run("list")
        for name in ("c1", "other"):
            os.makedirs(f"{self.r.root}/{name}", 0o700)
            os.makedirs(f"{self.r.root}/.oci/containers/{name}", 0o700)
        self.assertEqual(self.r.run("delete", "--force", "c1").returncode, 0)
        self.assertEqual([n for n in os.listdir(self.r.root) if not n.startswith(".")], ["other"])
        self.assertEqual(self.r.run("delete", "--force", "other").returncode, 0)
        self.nothing()

    def planted(self, path):
        """Each kind of file that somebody may have put at @path; a hard link is to something precious."""
        def hard(p):
            os.link(f"{self.outside}/precious", p)

        def sock(p):
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(p)
        for plant in (hard, sock, os.mkfifo, lambda p: os.symlink(f"{self.outside}/precious", p), lambda p: os.symlink("/no/such", p)):
            plant(path)
            yield plant
            if os.path.lexists(path):
                os.unlink(path)

    def test_planted_files(self):
        """At the places of the pid file and of the log: replaced or refused, but nothing is written through them."""
        bundle, path = self.r.bundle("sleep", "1000"), f"{self.r.directory}/planted"
        for _ in self.planted(path):
            self.assertEqual(self.r.create("c1", bundle, "--pid-file", path), 0)
            self.assertTrue(pathlib.Path(path).is_file() and not os.path.islink(path))
            self.assertEqual(digest(self.outside, links=False), self.contents)
            self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        for _ in self.planted(path):
            self.assertEqual(self.r.run("--log", path, "--log-format", "json", "state", "no-such", timeout=20).returncode, 1)
            self.assertEqual(digest(self.outside, links=False), self.contents)
        self.nothing()

    def test_preserved_descriptors(self):
        """None of ours reaches the proxy or the keeper, and none can be asked for."""
        bundle = self.r.bundle("sleep", "1000")
        self.assertIn(b"--preserve-fds", self.refused("create", "-b", bundle, "--preserve-fds", "2", "c1"))
        leaked = os.open(f"{self.outside}/precious", os.O_RDONLY)
        with subprocess.Popen(self.r.argv("create", "-b", bundle, "c1"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              pass_fds=[leaked], env=dict(os.environ, LISTEN_FDS="1")) as p:
            self.assertEqual(p.wait(60), 0)
        for line in self.r.leftovers():
            if line.startswith("process "):
                pid = line.split()[1].rstrip(":")
                held = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
                self.assertNotIn(f"{self.outside}/precious", held, line)
        os.close(leaked)
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.nothing()

    def test_links_in_the_shared_folder(self):
        """A guest that has put links where the next container of its pod is to be shared: not followed, and the pod lives on."""
        pod = {"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod"}
        member = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"}
        self.assertEqual(self.r.create("pod", self.r.bundle("sleep", "1000", change=lambda c: c.update(annotations=pod))), 0)
        second = self.r.bundle("sleep", "1000", change=lambda c: c.update(annotations=member))
        shared = f"{self.r.root}/pod/shared"
        for name in ("c2", "c2/rootfs"):
            os.makedirs(os.path.dirname(f"{shared}/{name}"), exist_ok=True)
            os.symlink(self.outside, f"{shared}/{name}")
            self.assertEqual(self.r.create("c2", second), 1, name)
            self.assertEqual(digest(self.outside), self.before)
            self.r.run("delete", "-f", "c2")
            subprocess.run(["rm", "-rf", f"{shared}/c2"], check=True)
        self.assertEqual(self.r.create("c2", second), 0)
        for name in ("c2", "pod"):
            self.assertEqual(self.r.run("delete", "-f", name).returncode, 0)
        self.nothing()

    def test_keeper_socket(self):
        """Junk at a keeper's socket: it goes on."""
        self.assertEqual(self.r.create("c1", self.r.bundle("sleep", "1000")), 0)
        path = f"{self.r.root}/.oci/pods/c1/sock"
        for junk in (b"", b"\x00", b"\xff" * 4, b"\x00\x00\x00\x00", b"\x05\x00\x00\x00hello", b"\x02\x00\x00\x00{}", b"\xff\xff\x00\x00" + b"[" * 65535,
                     b'\x0e\x00\x00\x00{"op":"start"}', b'\x16\x00\x00\x00{"op":"x","id":"other"}'):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.connect(path)
                s.sendall(junk)
                s.shutdown(socket.SHUT_WR)
                s.settimeout(40)
                try:
                    s.recv(4096)
                except ConnectionResetError:
                    pass
        self.assertEqual(self.r.status("c1"), "created")
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.nothing()

    def test_busy_keeper(self):
        """While it has as many requests as it takes at once, a verb waits, and does not take the pod for dead."""
        self.assertEqual(self.r.create("c1", self.r.bundle("sleep", "1000")), 0)
        clients = [dial(f"{self.r.root}/.oci/pods/c1/sock") for _ in range(64)]
        ending = threading.Timer(0.5, lambda: [client.close() for client in clients])
        ending.start()
        self.assertEqual(self.r.status("c1"), "created")
        ending.join()
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.nothing()

    def test_keeper_out_of_reach(self):
        """A pod whose keeper runs is not removed behind its back."""
        self.assertEqual(self.r.create("c1", self.r.bundle("sleep", "1000")), 0)
        path = f"{self.r.root}/.oci/pods/c1/sock"
        os.rename(path, path + ".away")
        result = self.r.run("delete", "-f", "c1")
        os.rename(path + ".away", path)
        self.assertEqual((result.returncode, b"cannot be asked" in result.stderr), (1, True), result)
        self.assertEqual(self.r.status("c1"), "created")
        self.assertEqual(self.r.run("start", "c1").returncode, 0)
        # One that listens a little later, since it starts just now, is asked then.
        os.rename(path, path + ".away")
        later = threading.Timer(0.3, lambda: os.rename(path + ".away", path))
        later.start()
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        later.join()
        self.nothing()

    def test_keeper_without_descriptors(self):
        """Who waits to be let in costs no processor time, and is let in later."""
        self.assertEqual(self.r.create("c1", self.r.bundle("sleep", "1000")), 0)
        keeper = next(line for line in self.r.leftovers() if " keep " in line)
        self.assertLess(starved(int(keeper.split()[1].rstrip(":")), f"{self.r.root}/.oci/pods/c1/sock"), 0.2)
        self.r.wait_until("answers", lambda: self.r.status("c1") == "created")
        self.assertEqual(self.r.run("delete", "-f", "c1").returncode, 0)
        self.nothing()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
