#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-cycles: many create/run/delete cycles leave nothing behind. Arguments: KATACTL HYPERVISOR [COUNT]; KATACTL_CYCLES sets the count."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest  # noqa: E402

PROGRAM, HYPERVISOR = sys.argv[1], sys.argv[2]
COUNT = int(os.environ.get("KATACTL_CYCLES") or (sys.argv[3] if len(sys.argv) > 3 else 100))


def main():
    ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR, timeout=180)
    if HYPERVISOR != "null":
        require_guest(ctl)
    make_rootfs(ctl.rootfs)
    begun = time.monotonic()
    failure = None
    for i in range(COUNT):
        result = ctl.run("run", "--rootfs", ctl.rootfs, "--", "sh", "-c", f"echo {i}; exit {i % 100}")
        if (result.returncode, result.stdout) != (i % 100, b"%d\n" % i):
            failure = f"cycle {i}: exit {result.returncode}, {result.stdout!r}, {result.stderr!r}"
            break
    left = ctl.ids() + ctl.settled_leftovers()
    ctl.close()
    seconds = time.monotonic() - begun
    print(f"{COUNT} cycles over {HYPERVISOR} in {seconds:.1f} s, {seconds / COUNT:.2f} s each; left behind: {left or 'nothing'}")
    if failure:
        print(failure)
    return 1 if failure or left else 0


if __name__ == "__main__":
    sys.exit(main())
