#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each source file begins with the licence and one sentence that says what it is."""

import re

import source

TAG = 'SPDX-License-Identifier: LGPL-2.1-or-later'


def faults(path, text):
    lines = text.split('\n')
    if lines and lines[0].startswith('#!'):
        lines = lines[1:]
    if path.endswith(('.c', '.h')):
        if not lines or lines[0] != f'/* {TAG} */':
            yield f'{path}:1: the first line is not /* {TAG} */'
        elif len(lines) < 2 or not re.match(r'/\*\*?(?: \S.{14,}|$)', lines[1]):
            yield f'{path}:2: no comment that says in a sentence what the file is'
    else:
        if not lines or TAG not in lines[0]:
            yield f'{path}: the first line (after #!) does not name the licence ({TAG})'
        elif len(lines) < 2 or not re.match(r'("""|# |\'\'\')\S.{14,}', lines[1]):
            yield f'{path}: the line after the licence does not say what the file is'


def main():
    names = [p for p in source.files('.c', '.h', '.py', '.sh', '.map') if not p.endswith('.map')]
    names += [p for p in ('quickstart', 'check', '.ci/run', 'guest/kernel/build') if p in source.files()]
    source.report([f for p in names for f in faults(p, source.read(p))], len(names))


if __name__ == '__main__':
    main()
