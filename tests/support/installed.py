# SPDX-License-Identifier: LGPL-2.1-or-later
"""installed: installs the library below a directory and compiles programs against it as its users do: pkg-config and a strict C99 compiler."""
import glob
import os
import shutil
import subprocess

from ctl import skip


def call(*words, **more):
    result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False, **more)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


class Installed:
    """`libraries` is where libkata.so is, for LD_LIBRARY_PATH. The library must have been built."""

    def __init__(self, build, directory):
        for tool in ("meson", "pkg-config"):
            if not shutil.which(tool):
                skip(f"{tool} is not installed")
        self.directory = directory
        call("meson", "install", "-C", build, "--no-rebuild", "--destdir", directory)
        (pc,) = glob.glob(f"{directory}/**/libkata.pc", recursive=True)
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(pc), PKG_CONFIG_SYSROOT_DIR=directory)
        self.flags = call("pkg-config", "--cflags", "--libs", "libkata", env=env).split()
        (library,) = glob.glob(f"{directory}/**/libkata.so.0", recursive=True)
        self.libraries = os.path.dirname(library)

    def compile(self, source, *flags):
        """The program that is made of one C file; a warning is an error. No distribution's include directory is left out, although the file tree
        is not its usual one."""
        program = os.path.join(self.directory, os.path.basename(source)[:-2])
        call(shutil.which("cc") or "gcc", *(flags or ("-std=c99", "-pedantic")), "-Wall", "-Wextra", "-Werror", source, "-o", program, *self.flags)
        return program
