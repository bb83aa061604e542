#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-go: the Go package's tests over a hypervisor, under the race detector unless --memory asks for what it would spoil: memory that stays
constant. Arguments: BUILD_DIR HYPERVISOR [--memory] [GO TEST OPTION...].
Compiled things stay in the build folder; nothing is fetched."""
import subprocess
import sys

from golang import build, environment
from place import Place


def main():
    place = Place(sys.argv[1], sys.argv[2])
    env = environment(place)
    words = sys.argv[3:]
    memory = words[:1] == ["--memory"]
    program = build(place, env, "plain.test" if memory else "kata.test", "test", "-c", "./kata", race=not memory)
    words = ["-test.run", "TestCycles", *words[1:]] if memory else words
    code = subprocess.run([program, "-test.v", *words], cwd=place.directory, env=env, check=False).returncode
    left = place.leftovers()
    print(f"left behind: {left or 'nothing'}")
    return code or (1 if left else 0)


if __name__ == "__main__":
    sys.exit(main())
