#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-programs: katactl and the shim have nothing of the library in them, and take from it only what it exports to every program.
Arguments: LIBRARY PROGRAM… (lint/layering looks at what they include; this at what was linked)."""
import re
import subprocess
import sys


def symbols(path, *options):
    """{name: kind} of what begins with kata_."""
    out = subprocess.run(["nm", *options, path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name.partition("@")[0]: kind for kind, name in re.findall(r"([A-Za-z]) (kata_\S+)$", out, re.M)}


def main():
    exported = set(symbols(sys.argv[1], "-D", "--defined-only"))
    faults = []
    for program in sys.argv[2:]:
        found = symbols(program)
        wanted = {name for name, kind in found.items() if kind in "Uw"}
        faults += [f"{program}: {name} is not exported by the library" for name in sorted(wanted - exported)]
        faults += [f"{program}: {name} is the library's, but in the program" for name in sorted(set(found) - wanted)]
        if not wanted:
            faults.append(f"{program}: takes nothing from the library; was it stripped?")
        print(f"{program}: {len(wanted)} of {len(exported)} functions")
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
