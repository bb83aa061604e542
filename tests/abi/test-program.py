#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-program: a program that was compiled with an older release's headers, run over the null backend. Arguments: PROGRAM KATACTL."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs  # noqa: E402


def main():
    ctl = Katactl(sys.argv[2], hypervisor="null")
    make_rootfs(ctl.rootfs)
    result = subprocess.run([sys.argv[1], ctl.state, ctl.rootfs], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100,
                            check=False)
    left = ctl.ids() + ctl.settled_leftovers()
    ctl.close()
    print(result.stdout.decode(), f"exit {result.returncode}; left behind: {left or 'nothing'}", sep="")
    return 0 if result.returncode == 0 and not left else 1


if __name__ == "__main__":
    sys.exit(main())
