#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-types: mypy --strict over the Python package; and each public name has a doc string. Arguments: BUILD_DIR."""
import inspect
import os
import shutil
import subprocess
import sys

from place import TOP, Place

place = Place(sys.argv[1])
os.environ.update(LIBKATA=place.library)
sys.path.insert(0, os.path.join(TOP, "bindings", "python"))
import kata  # noqa: E402


def undocumented():
    """Public things without a doc string or, for functions, without types."""
    for name in kata.__all__:
        thing = getattr(kata, name)
        if inspect.isclass(thing) or callable(thing):
            yield from ([name] if not thing.__doc__ else [])
        for part, member in vars(thing).items() if inspect.isclass(thing) and thing.__module__.startswith("kata") else ():
            member = member.fget if isinstance(member, property) else member
            if inspect.isfunction(member) and (not part.startswith("_")) and not (member.__doc__ and "return" in member.__annotations__):
                yield f"{name}.{part}"


def main():
    missing = list(undocumented())
    print(f"no doc string or no types: {missing or 'none'}")
    if missing:
        return 1
    for command in ([sys.executable, "-m", "mypy"], ["mypy"], ["/usr/bin/mypy"]):
        if shutil.which(command[0]) and subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
            return subprocess.run([*command, "--strict", "--cache-dir", os.path.join(place.directory, "mypy"), "kata"],
                                  cwd=os.path.join(TOP, "bindings", "python"), check=False).returncode
    print("SKIP: mypy is not installed (package mypy); the rest was checked")
    return 77


if __name__ == "__main__":
    sys.exit(main())
