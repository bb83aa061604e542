#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-layout: the structs of the Python package against what the C compiler says, field by field. Arguments: BUILD_DIR LAYOUT."""
import ctypes
import json
import os
import subprocess
import sys

from place import TOP, Place

place = Place(sys.argv[1])
os.environ.update(LIBKATA=place.library)
sys.path.insert(0, os.path.join(TOP, "bindings", "python"))
from kata import _abi, errors  # noqa: E402


def main():
    truth = json.loads(subprocess.run([os.path.abspath(sys.argv[2])], capture_output=True, text=True, check=True).stdout)
    faults = [f"{name}: not in the package" for name in truth if name not in _abi.STRUCTS]
    for name, struct in _abi.STRUCTS.items():
        mine = {"": [0, ctypes.sizeof(struct)]}
        mine.update({f[0]: [getattr(struct, f[0]).offset, getattr(struct, f[0]).size] for f in struct._fields_})
        if mine != truth.get(name):
            faults += [f"{name}.{f}: {mine.get(f)} in Python, {truth.get(name, {}).get(f)} in C" for f in {**mine, **truth.get(name, {})}
                       if mine.get(f) != truth.get(name, {}).get(f)]
    # Each code has a class of its own, and the library has no more codes.
    for code, kind in errors.CLASSES.items():
        error = errors.from_code(code, "text", "key")
        if type(error) is not kind or error.code != code or error.name == "unknown":
            faults.append(f"code {code}: {type(error).__name__} {error.name}")
    if sorted(errors.CLASSES, reverse=True) != list(range(-1, -1 - len(errors.CLASSES), -1)):
        faults.append("codes: a gap")
    if _abi.lib.kata_error_code_name(-1 - len(errors.CLASSES)) != b"unknown":
        faults.append("codes: the library has one more")
    print("\n".join(faults) or f"{len(truth)} structs, {len(errors.CLASSES)} codes: the same")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
