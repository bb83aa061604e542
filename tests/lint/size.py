#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that no file is longer than 600 lines and no function than 60; size.allow names the exceptions and why."""

import source

FILE_LIMIT, FUNCTION_LIMIT = 600, 60


def faults(path, text, allow):
    lines = text.count('\n')
    if lines > FILE_LIMIT and path not in allow:
        yield f'{path}: {lines} lines; a file has at most {FILE_LIMIT}: give its second noun a file of its own'
    if path.endswith('.c'):
        for name, line, length in source.functions(text):
            if length > FUNCTION_LIMIT and f'{path} {name}' not in allow:
                yield f'{path}:{line}: {name} has {length} lines; a function has at most {FUNCTION_LIMIT}'


def main():
    allow = source.allowed('size')
    names = source.files('.c', '.h', '.py')
    found = [f for p in names for f in faults(p, source.read(p), allow)]
    found += [f'tests/lint/size.allow: {what}: there is no such file' for what in allow if what.split()[0] not in names]
    source.report(found, len(names))


if __name__ == '__main__':
    main()
