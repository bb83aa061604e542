#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-snippets: the programs in a Markdown file, as they stand: each fenced block of c, python or go that is a whole program must compile, run in
a virtual machine's place (/srv/rootfs, the default configuration and state directory are this test's own) and say hello.
Arguments: BUILD_DIR HYPERVISOR FILE.md..."""
import os
import re
import shutil
import subprocess
import sys

from golang import build, environment
from place import TOP, Place, skip

WHOLE = {"c": r"\bmain \(", "python": r"^import kata", "go": r"^package main"}
# What the snippets expect of the machine, in a mount namespace of their own.
STAGE = """set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /srv
mkdir /srv/rootfs
mount --bind "$KATA_TEST_ROOTFS" /srv/rootfs
if [ -d /etc/kata-containers ]; then to=/etc/kata-containers; else mount -t tmpfs tmpfs /opt; to=/opt/kata/share/defaults/kata-containers/runtime-rs; mkdir -p $to; fi
mkdir -p "$KATA_TEST_DIR/configuration" && cp "$KATA_TEST_CONFIG" "$KATA_TEST_DIR/configuration/configuration.toml"
mount --bind "$KATA_TEST_DIR/configuration" $to
"$@"
test -z "$(find /run/libkata -mindepth 1 -maxdepth 1 -type d ! -name '.*')"
"""


def snippets(path):
    """(language, first line, text) of each whole program."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for found in re.finditer(r"^```(\w+)[^\n]*\n(.*?)^```", text, re.S | re.M):
        language, body = found.group(1).lower(), found.group(2)
        if language in WHOLE and re.search(WHOLE[language], body, re.M):
            yield language, text.count("\n", 0, found.start()) + 2, body


def compile_c(place, env, source):
    program = source[:-2]
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libkata"], env=env, capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", source, "-o", program, *flags], env=env, check=True)
    return [program]


def compile_go(place, env, source):
    """In a module of its own, as a user's is, that looks for the package here."""
    module = os.path.join(place.build, "go-snippet")
    os.makedirs(module, exist_ok=True)
    shutil.copy(source, os.path.join(module, "main.go"))
    with open(os.path.join(module, "go.mod"), "w", encoding="utf-8") as f:
        f.write(f"module snippet\n\ngo 1.19\n\nrequire libkata/bindings/go v0.0.0\n\nreplace libkata/bindings/go => {TOP}/bindings/go\n")
    return [build(place, env, "snippet", "build", ".", cwd=module)]


def main():
    place = Place(sys.argv[1], sys.argv[2])
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/srv"], capture_output=True, check=False).returncode != 0:
        skip("nothing can be mounted here")
    env, faults, count = environment(place), 0, 0
    makers = {"c": compile_c, "python": lambda place, env, source: [sys.executable, source], "go": compile_go}
    for path in sys.argv[3:]:
        for language, line, body in snippets(path):
            source = os.path.join(place.directory, f"snippet{count}.{'py' if language == 'python' else language}")
            with open(source, "w", encoding="utf-8") as f:
                f.write(body)
            command = makers[language](place, env, source)
            result = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", STAGE, "sh", *command], env=env, capture_output=True,
                                    text=True, timeout=200, check=False)
            good = result.returncode == 0 and result.stdout.startswith("hello") and not result.stderr
            print(f"{os.path.relpath(path, TOP)}:{line}: {language}: exit {result.returncode}: {result.stdout!r} {result.stderr!r}")
            count, faults = count + 1, faults + (not good)
    left = place.leftovers()
    print(f"{count} snippets, {faults} failed; left behind: {left or 'nothing'}")
    return 0 if count and not faults and not left else 1


if __name__ == "__main__":
    sys.exit(main())
