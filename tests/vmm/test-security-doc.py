#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the tables of docs/security.md are those of the filters: test-security-doc.py PRINT-RULES docs/security.md [--write]."""

import subprocess
import sys

BEGIN, END = '<!-- rules: made by tests/vmm/test-security-doc.py --write -->\n', '<!-- end of rules -->\n'


def main():
    program, path = sys.argv[1:3]
    done = subprocess.run([program], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit('a kind of thread may make more system calls than promised')
    with open(path) as f:
        text = f.read()
    head, rest = text.split(BEGIN)
    tables, tail = rest.split(END)
    if '--write' in sys.argv:
        with open(path, 'w') as f:
            f.write(head + BEGIN + done.stdout + END + tail)
    elif tables != done.stdout:
        sys.exit(f'{path}: its tables are not those of lib/vmm/confine/rules.c; run {sys.argv[0]} {program} {path} --write')


if __name__ == '__main__':
    main()
