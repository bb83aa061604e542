# SPDX-License-Identifier: LGPL-2.1-or-later
"""runtime: runs kata-runtime for tests: bundles, a root folder of its own, what it left behind."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import ctl  # noqa: E402
import residue  # noqa: E402

NAMESPACES = ("pid", "network", "ipc", "uts", "mount")


class Runtime:
    """One kata-runtime with one root folder."""

    def __init__(self, program, hypervisor=None, timeout=90):
        self.program, self.hypervisor, self.timeout = os.path.abspath(program), hypervisor, timeout
        self.directory = tempfile.mkdtemp(prefix="kata-runtime-test-")
        self.root = os.path.join(self.directory, "root")

    def argv(self, *words):
        line = [self.program, "--root", self.root]
        if self.hypervisor:
            line += ["--hypervisor", self.hypervisor]
        return line + [str(w) for w in words]

    def run(self, *words, stdin=b"", **more):
        more.setdefault("timeout", self.timeout)
        return subprocess.run(self.argv(*words), input=stdin, capture_output=True, check=False, **more)

    def create(self, name, bundle, *words, out=None):
        """Runs `create` as an engine does: the streams of the container outlive the call."""
        target = open(out, "wb") if out else subprocess.DEVNULL
        with subprocess.Popen(self.argv("create", "--bundle", bundle, *words, name), stdin=subprocess.DEVNULL, stdout=target,
                              stderr=subprocess.PIPE if not out else target) as p:
            # Its standard error is the container's too: it has no end before the container has one.
            code = p.wait(self.timeout)
        if out:
            target.close()
        return code

    def bundle(self, *args, change=None, rootfs=True, **process):
        """A new bundle that runs `args`; `change` may edit its config."""
        folder = tempfile.mkdtemp(prefix="bundle-", dir=self.directory)
        if rootfs:
            os.mkdir(os.path.join(folder, "rootfs"))
            ctl.make_rootfs(os.path.join(folder, "rootfs"))
        config = {"ociVersion": "1.0.2",
                  "process": {"args": list(args), "cwd": "/", "user": {"uid": 0, "gid": 0},
                              "env": ["PATH=/bin"], **process},
                  "root": {"path": "rootfs"},
                  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                             {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
                             {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}],
                  "linux": {"namespaces": [{"type": t} for t in NAMESPACES]}}
        if change:
            change(config)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        return folder

    def state(self, name):
        result = self.run("state", name)
        return json.loads(result.stdout) if result.returncode == 0 else None

    def status(self, name):
        state = self.state(name)
        return state["status"] if state else None

    def wait_until(self, what, condition, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}")

    def leftovers(self):
        """Processes, mounts and files that belong to this root folder."""
        found = residue.about(self.directory)
        for kind in ("containers", "pods"):
            folder = os.path.join(self.root, ".oci", kind)
            found += [f"{kind}/{name}" for name in os.listdir(folder)] if os.path.isdir(folder) else []
        if os.path.isdir(self.root):
            found += [f"sandbox {name}" for name in os.listdir(self.root) if not name.startswith(".")]
        return found

    def settled_leftovers(self, seconds=10):
        """The same, after a moment for what ends just now."""
        until = time.monotonic() + seconds
        while self.leftovers() and time.monotonic() < until:
            time.sleep(0.1)
        return self.leftovers()

    def close(self):
        result = self.run("list", "-q")
        for name in result.stdout.decode().split():
            self.run("delete", "--force", name)
        shutil.rmtree(self.directory, ignore_errors=True)
