# SPDX-License-Identifier: LGPL-2.1-or-later
"""golang: builds Go programs against the library of the build folder, under the race detector unless told otherwise."""
import os
import shutil
import subprocess

from place import TOP, skip


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


def build(place, env, name, *words, race=True, cwd=os.path.join(TOP, "bindings", "go")):
    """A program from `go WORD... [-race] -o PROGRAM`. Nothing in it depends on this place, so that the cache holds the next time."""
    program = os.path.join(place.build, "go-cache", name)
    os.makedirs(os.path.dirname(program), exist_ok=True)
    command = [go(), words[0], *(["-race"] if race else []), "-o", program, *words[1:]]
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return program
