# SPDX-License-Identifier: LGPL-2.1-or-later
"""place: where the tests of the bindings run: the library that was built, a directory with a root file system, what was left behind."""
import atexit
import os
import shutil
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
