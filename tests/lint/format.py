#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks with clang-format that all C is laid out as .clang-format says; it changes nothing."""

import re
import shutil
import subprocess

import source

VERSION = 14


def program():
    for name in (f'clang-format-{VERSION}', 'clang-format'):
        if shutil.which(name):
            text = subprocess.run([name, '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout
            if re.search(rf'version {VERSION}\.', text):
                return name
    return None


def main():
    tool = program()
    if not tool:
        source.skip(f'clang-format {VERSION} is not installed; another version lays out differently')
    names = source.files('.c', '.h')
    done = subprocess.run([tool, '--dry-run', '-Werror', '--ferror-limit=1', *names], cwd=source.ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    found = sorted(set(re.findall(r'^(\S+?):\d+:\d+: error', done.stderr, re.M)))
    if done.returncode and not found:
        found = [done.stderr]
    source.report([f'{path}: run {tool} -i on it' for path in found], len(names))


if __name__ == '__main__':
    main()
