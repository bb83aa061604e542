#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-go: the Go package's tests under the race detector, over a hypervisor. Arguments: BUILD_DIR HYPERVISOR [GO TEST OPTION...].
Compiled things stay in the build folder; nothing is fetched."""
import os
import shutil
import subprocess
import sys

from place import TOP, Place, skip


def go():
    """Debian's own first: it is what the package is written for."""
    for name in ("/usr/bin/go", shutil.which("go")):
        if name and os.path.exists(name):
            return name
    return skip("go is not installed (package golang-go)")


def environment(place):
    """For the go command: the library of the build folder, through pkg-config; no network."""
    for tool in ("pkg-config", "gcc"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    pc = os.path.join(place.directory, "libkata.pc")
    with open(pc, "w", encoding="utf-8") as f:
        f.write(f"Name: libkata\nDescription: of the build folder\nVersion: 0.1.0\nCflags: -I{TOP}/include\n"
                f"Libs: -L{os.path.dirname(place.library)} -lkata\n")
    return place.environment(PKG_CONFIG_PATH=place.directory, GOCACHE=os.path.join(place.build, "go-cache"), GOPATH=os.path.join(place.build, "go"),
                             GOFLAGS="-mod=mod", GOPROXY="off", GOSUMDB="off", GOTOOLCHAIN="local", GO111MODULE="on", CGO_ENABLED="1", CC="gcc",
                             GORACE="halt_on_error=1")


def build(place, env):
    """The test program. The paths in it do not depend on this place, so that the cache holds the next time."""
    program = os.path.join(place.build, "go-cache", "kata.test")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    result = subprocess.run([go(), "test", "-race", "-c", "-o", program, "./kata"], cwd=os.path.join(TOP, "bindings", "go"), env=env,
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"go test -race -c: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return program


def main():
    place = Place(sys.argv[1], sys.argv[2])
    env = environment(place)
    program = build(place, env)
    code = subprocess.run([program, "-test.v", *sys.argv[3:]], cwd=place.directory, env=env, check=False).returncode
    left = place.leftovers()
    print(f"left behind: {left or 'nothing'}")
    return code or (1 if left else 0)


if __name__ == "__main__":
    sys.exit(main())
