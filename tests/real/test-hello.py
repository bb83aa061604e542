#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-hello: examples/hello.c, built and run against the installed library through pkg-config.
Arguments: BUILD_DIR SOURCE_ROOT KATACTL HYPERVISOR [CONFIG]."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest, skip  # noqa: E402

BUILD, SOURCE, PROGRAM, HYPERVISOR = sys.argv[1:5]
CONFIG = sys.argv[5] if len(sys.argv) > 5 else os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml")


def call(*words, **more):
    result = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **more)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def build(directory):
    """Installs below @directory, compiles there; returns the program and where the library is."""
    call("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", directory)
    (pc,) = glob.glob(f"{directory}/**/libkata.pc", recursive=True)
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(pc), PKG_CONFIG_SYSROOT_DIR=directory)
    flags = call("pkg-config", "--cflags", "--libs", "libkata", env=env).split()
    # No distribution's include directory is left out, although the file tree is not its usual one.
    program = os.path.join(directory, "hello")
    call(shutil.which("cc") or "gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", os.path.join(SOURCE, "examples", "hello.c"), "-o",
         program, *flags)
    (library,) = glob.glob(f"{directory}/**/libkata.so.0", recursive=True)
    return program, os.path.dirname(library)


def main():
    for tool in ("meson", "pkg-config"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR)
    if HYPERVISOR != "null":
        require_guest(ctl)
    make_rootfs(ctl.rootfs)
    with tempfile.TemporaryDirectory(prefix="katactl-hello-") as directory:
        program, library = build(directory)
        env = dict(os.environ, LD_LIBRARY_PATH=library, HELLO_STATE_DIR=ctl.state, HELLO_HYPERVISOR=HYPERVISOR)
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
