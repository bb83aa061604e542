#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-embedding: examples/loop.c and reattach.c, built and run against the installed library through pkg-config.
Arguments: BUILD_DIR SOURCE_ROOT KATACTL HYPERVISOR EXAMPLE..."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest  # noqa: E402
from installed import Installed  # noqa: E402

BUILD, SOURCE, PROGRAM, HYPERVISOR = sys.argv[1:5]
CONFIG = os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml")
# What each says; over the null backend a machine ends with its creator.
SAYS = {
    "loop": [f"pod {n} ended with {n} and said: hello from pod {n}" for n in range(10)],
    "reattach": ["first life: the container says: ready",
                 "second life: the machine ended with its creator; only its traces are left" if HYPERVISOR == "null" else
                 "second life: the container ended with 7 and says: again"],
}


def fault(ctl, place, example):
    """What is wrong with an example, or None."""
    # They use epoll and fork besides C99.
    program = place.compile(os.path.join(SOURCE, "examples", example + ".c"), "-std=c99", "-D_DEFAULT_SOURCE", "-pedantic")
    env = dict(os.environ, LD_LIBRARY_PATH=place.libraries, EXAMPLE_STATE_DIR=ctl.state, EXAMPLE_HYPERVISOR=HYPERVISOR)
    if os.path.exists(CONFIG):
        env["EXAMPLE_CONFIG"] = CONFIG
    result = subprocess.run([program, ctl.rootfs], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
    left = ctl.ids() + ctl.settled_leftovers()
    print(f"{example}: exit {result.returncode}; left behind: {left or 'nothing'}\n{result.stdout}{result.stderr}")
    good = result.returncode == 0 and sorted(result.stdout.splitlines()) == SAYS[example] and not left
    return None if good else example


def main():
    ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR)
    if HYPERVISOR != "null":
        require_guest(ctl)
    make_rootfs(ctl.rootfs)
    with tempfile.TemporaryDirectory(prefix="katactl-examples-") as directory:
        place = Installed(BUILD, directory)
        bad = [f for f in (fault(ctl, place, example) for example in sys.argv[5:]) if f]
    ctl.close()
    print("wrong:", ", ".join(bad) or "nothing")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
