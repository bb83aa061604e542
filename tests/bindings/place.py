# SPDX-License-Identifier: LGPL-2.1-or-later
"""place: where the tests of the bindings run: the library that was built, a directory with a root file system, what was left behind."""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import residue  # noqa: E402
from ctl import make_rootfs, skip  # noqa: E402


class Place:
    """`build` is the build folder; `hypervisor` "null", or "qemu" with the configuration of the build folder."""

    def __init__(self, build, hypervisor="null"):
        self.build, self.hypervisor = os.path.abspath(build), hypervisor
        self.library = os.path.join(self.build, "lib", "libkata.so.0")
        if not os.path.exists(self.library):
            skip("libkata.so.0 is not built")
        if os.geteuid() != 0:
            skip("needs root, for the mounts of directories that are shared")
        self.directory = tempfile.mkdtemp(prefix="kata-bindings-")
        atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
        faulty = os.path.join(self.build, "tests", "lifecycle", "faulty-backend.so")
        if os.path.exists(faulty):  # without links in its path, and writable by nobody else, whatever the build folder is
            faulty = shutil.copy(faulty, os.path.realpath(self.directory))
            os.chmod(faulty, 0o755)
        self.faulty = faulty
        self.state, self.rootfs = os.path.join(self.directory, "state"), os.path.join(self.directory, "rootfs")
        os.mkdir(self.rootfs)
        if hypervisor == "null":
            self.config = os.path.join(self.directory, "configuration.toml")
            with open(self.config, "w", encoding="ascii") as f:
                f.write("[hypervisor.null]\n")
        else:
            self.config = os.path.join(self.build, "tools", "configuration.toml")
            make_rootfs(self.rootfs)

    def environment(self, **more):
        """What programs in every language look at."""
        env = dict(os.environ, LIBKATA=self.library, LD_LIBRARY_PATH=os.path.dirname(self.library), KATA_TEST_HYPERVISOR=self.hypervisor,
                   KATA_TEST_CONFIG=self.config, KATA_TEST_ROOTFS=self.rootfs, KATA_TEST_STATE=self.state, KATA_TEST_DIR=self.directory,
                   KATA_TEST_FAULTY=self.faulty,
                   PYTHONPATH=os.path.join(TOP, "bindings", "python"), PYTHONDONTWRITEBYTECODE="1")
        env.update(more)
        return env

    def leftovers(self, seconds=10):
        """Processes and mounts of this place, and sandboxes; those that are just going get a moment."""
        until = time.monotonic() + seconds
        while True:
            found = residue.about(self.directory)
            if os.path.isdir(self.state):
                found += [f"sandbox {name}" for name in os.listdir(self.state) if os.path.isdir(os.path.join(self.state, name)) and name[0] != "."]
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def without(self):
        """What a guest needs and this host has not; "" = nothing."""
        probe = "import kata, os\nr = kata.Runtime(config_path=os.environ['KATA_TEST_CONFIG'], state_dir=os.environ['KATA_TEST_STATE'])\n" \
                "print(*[f\"{c['name']}: {c['detail']}\" for c in r.check() if c['required'] and not c['ok']], sep='; ')"
        return subprocess.run([sys.executable, "-c", probe], env=self.environment(), capture_output=True, text=True, check=True).stdout.strip()

    def run(self, program, *words):
        """A Python program here, with warnings as errors. Ends this one with its status, or with 1 if it has left something behind."""
        missing = self.hypervisor != "null" and self.without()
        if missing:
            skip(missing)
        code = subprocess.run([sys.executable, "-X", "dev", "-W", "error", program, *words], env=self.environment(), check=False).returncode
        left = self.leftovers()
        print(f"left behind: {left or 'nothing'}")
        sys.exit(code or (1 if left else 0))
