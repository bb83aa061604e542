#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the disk of tools that guests of the disk tests mount: fio and ext4's programs with their libraries. Arguments: OUT PROGRAM..."""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import initrd   # noqa: E402


def main():
    out, programs = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        for program in programs:
            if not initrd.copy_program(folder, program):
                sys.exit(f'{program}: not installed')
        size = sum(os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(folder) for name in names)
        if os.path.exists(out):
            os.remove(out)
        subprocess.run(['/sbin/mke2fs', '-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-m', '0', '-d', folder, out,
                        f'{(size >> 20) + (size >> 25) + 8}M'], check=True)


main()
