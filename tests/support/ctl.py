# SPDX-License-Identifier: LGPL-2.1-or-later
"""ctl: runs katactl for tests, with a state directory of its own, and finds what it left behind."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import residue

APPLETS = ("sh cat echo true false sleep head tail sha256sum stat stty ls id env pwd touch chmod mkdir rm dd wc hostname uname "
           "kill ps yes seq tr sort mount grep test dmesg free nproc tty od").split()


def skip(reason):
    """Ends the whole test program; meson shows it as skipped."""
    print(f"SKIP: {reason}")
    sys.exit(77)


def make_rootfs(directory):
    """A root file system of one static busybox."""
    busybox = shutil.which("busybox")
    if not busybox:
        skip("busybox is not installed (package busybox-static)")
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc", "root", "mnt"):
        os.makedirs(os.path.join(directory, name), exist_ok=True)
    shutil.copy(busybox, os.path.join(directory, "bin", "busybox"))
    for applet in APPLETS:
        link = os.path.join(directory, "bin", applet)
        if not os.path.lexists(link):
            os.symlink("busybox", link)
    with open(os.path.join(directory, "etc", "passwd"), "w", encoding="ascii") as f:
        f.write("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
    with open(os.path.join(directory, "bin", "not-executable"), "w", encoding="ascii") as f:
        f.write("no program\n")
    return directory


class Katactl:
    """One katactl with one state directory; `hypervisor` and `config` go into every call."""

    def __init__(self, program, hypervisor=None, config=None, timeout=60):
        self.program, self.hypervisor, self.config, self.timeout = os.path.abspath(program), hypervisor, config, timeout
        self.directory = tempfile.mkdtemp(prefix="katactl-test-")
        self.state = os.path.join(self.directory, "state")
        self.rootfs = os.path.join(self.directory, "rootfs")
        os.mkdir(self.rootfs)

    def argv(self, *words):
        line = [self.program, "--state-dir", self.state]
        if self.hypervisor:
            line += ["--hypervisor", self.hypervisor]
        if self.config:
            line += ["--config", self.config]
        return line + [str(w) for w in words]

    def run(self, *words, stdin=b"", timeout=None, **more):
        """Runs to the end: CompletedProcess with bytes."""
        if isinstance(stdin, bytes) and "input" not in more:
            more["input"] = stdin
        return subprocess.run(self.argv(*words), capture_output=True, timeout=timeout or self.timeout, check=False, **more)

    def start(self, *words, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def json(self, *words):
        result = self.run("--json", *words)
        if result.returncode != 0:
            raise AssertionError(f"{words}: exit {result.returncode}: {result.stderr.decode()}")
        return json.loads(result.stdout)

    def ids(self):
        return self.run("list", "-q").stdout.decode().split()

    def sandbox(self, name):
        for row in self.json("list"):
            if row["id"] == name:
                return row
        return None

    def supervisor(self, name):
        with open(os.path.join(self.state, ".katactl", name, "lock"), encoding="ascii") as f:
            return int(f.read())

    def wait_until(self, what, condition, seconds=30):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}")

    def clean(self):
        """Removes every sandbox, whatever state it is in."""
        for name in self.ids():
            self.run("delete", "-f", name)
        self.run("recover", "--all")

    def leftovers(self):
        """Processes, mounts and files that belong to this state directory."""
        found = residue.about(self.directory)
        for folder, _, files in os.walk(self.state):
            if folder != self.state:
                found.append(f"directory {folder}")
            found += [f"file {folder}/{name}" for name in files if not name.endswith(".lock") and name != "lock"]
        return found

    def settled_leftovers(self, seconds=10):
        """The same, after giving processes that end just now a moment."""
        until = time.monotonic() + seconds
        while self.leftovers() and time.monotonic() < until:
            time.sleep(0.1)
        return self.leftovers()

    def close(self):
        self.clean()
        for line in self.leftovers():
            if line.startswith("process "):
                try:
                    os.kill(int(line.split()[1].rstrip(":")), signal.SIGKILL)
                except OSError:
                    pass
        shutil.rmtree(self.directory, ignore_errors=True)


def require_guest(ctl):
    """Skips the test program unless this host can run a real guest."""
    result = ctl.run("check", "--json")
    try:
        rows = json.loads(result.stdout)
    except ValueError:
        rows = []
    for row in rows:
        if row.get("required") and not row.get("ok"):
            shutil.rmtree(ctl.directory, ignore_errors=True)
            skip(f"{row.get('name')}: {row.get('detail')}; {row.get('remedy')}")


def require_guest_for(program, **options):
    """The same for a Katactl that is there for nothing else; `options` are its own."""
    with contextlib.closing(Katactl(program, **options)) as ctl:
        require_guest(ctl)
