#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-hello: examples/hello.c, built and run against the installed library through pkg-config.
Arguments: BUILD_DIR SOURCE_ROOT KATACTL HYPERVISOR [CONFIG]."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest  # noqa: E402
from installed import Installed  # noqa: E402

BUILD, SOURCE, PROGRAM, HYPERVISOR = sys.argv[1:5]
CONFIG = sys.argv[5] if len(sys.argv) > 5 else os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml")


def main():
    ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR)
    if HYPERVISOR != "null":
        require_guest(ctl)
    make_rootfs(ctl.rootfs)
    with tempfile.TemporaryDirectory(prefix="katactl-hello-") as directory:
        place = Installed(BUILD, directory)
        program = place.compile(os.path.join(SOURCE, "examples", "hello.c"))
        env = dict(os.environ, LD_LIBRARY_PATH=place.libraries, HELLO_STATE_DIR=ctl.state, HELLO_HYPERVISOR=HYPERVISOR)
        if os.path.exists(CONFIG):
            env["HELLO_CONFIG"] = CONFIG
        result = subprocess.run([program, ctl.rootfs, "sh", "-c", "echo hello from a container; echo err >&2; exit 6"], env=env,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=180, check=False)
    left = ctl.ids() + ctl.settled_leftovers()
    ctl.close()
    print(result.stdout.decode(), result.stderr.decode(), f"exit {result.returncode}; left behind: {left or 'nothing'}", sep="")
    good = (result.returncode, result.stdout, result.stderr) == (6, b"hello from a container\n", b"err\n")
    return 0 if good and not left else 1


if __name__ == "__main__":
    sys.exit(main())
