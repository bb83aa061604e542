#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the residue check for scripts sees a file, a process and a link that stayed; it needs no rights."""

import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'support'))

import residue   # noqa: E402
import source    # noqa: E402


def main():
    found = []
    with tempfile.TemporaryDirectory() as folder:
        program = f'{folder}/katactl-lint'
        os.symlink('/bin/sleep', program)
        # Other tests of this machine come and go meanwhile.
        for _ in range(20):
            before = residue.take([folder])
            changes = residue.difference(before, residue.take([folder]))
            if not changes:
                break
            time.sleep(0.5)
        else:
            found.append(f'a difference where nothing changed: {changes}')
        with subprocess.Popen([program, '30']) as child:
            open(f'{folder}/left', 'w', encoding='utf-8').close()
            lines = residue.difference(before, residue.take([folder]))
            child.kill()
        if not any('file' in line and line.endswith('/left') for line in lines):
            found.append(f'a file that stayed was not seen: {lines}')
        if not any(f'katactl-lint pid {child.pid}' in line for line in lines):
            found.append(f'a process that stayed was not seen: {lines}')
        os.unlink(f'{folder}/left')
        if any(f'pid {child.pid}' in line or '/left' in line for line in residue.difference(before, residue.take([folder]))):
            found.append('something is seen that is gone')
    source.report(found, 3, 'cases')


if __name__ == '__main__':
    main()
