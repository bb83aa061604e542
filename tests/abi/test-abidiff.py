#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-abidiff: libkata.so against the dumps of stored releases, by libabigail: additions are listed, breaks refused.
Usage: test-abidiff.py LIBRARY; test-abidiff.py --store FOLDER LIBRARY keeps a new release's dump and headers."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile

import interface

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(interface.ROOT, 'include')
# abidiff's exit status is bits: an error, a wrong command line, a change, a change that breaks programs for certain.
ERROR, CHANGE = 1 | 2, 4 | 8


def dump(library, path):
    """Only what is exported, only types of public headers; nothing that says where or by whom it was built."""
    subprocess.run(['abidw', '--suppressions', os.path.join(HERE, 'private.abignore'), '--exported-interfaces-only', '--no-show-locs', '--no-corpus-path', '--no-comp-dir-path',
                    '--type-id-style', 'hash', '--out-file', path, library], check=True, stdin=subprocess.DEVNULL)


def compare(old, new, *words):
    done = subprocess.run(['abidiff', *words, old, new], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def grown(release, path):
    """Writes a suppression of the structs that only got fields at their ends: abidiff takes that for a change. It has a rule of its own for them
    (has_data_member_inserted_at), which version 2.2 also applies to structs that changed otherwise."""
    seen = interface.Comparison(*(interface.read(folder) for folder in (os.path.join(HERE, release, 'include'), INCLUDE)))
    broken = {line.split()[1].rstrip(':') for line in seen.breaks if line.startswith('struct ')}
    names = {line.split()[1].rstrip(':') for line in seen.additions if line.startswith('struct ')} - broken
    if any(line.startswith('enum kata_capability:') for line in seen.additions):
        names.add('kata_capabilities')   # one reason more for each; the last field
    with open(path, 'w', encoding='ascii') as f:
        f.writelines(f'[suppress_type]\n  type_kind = struct\n  name = {name}\n' for name in sorted(names))


def store(folder, library):
    os.makedirs(folder)
    shutil.copytree(os.path.join(INCLUDE, 'kata'), os.path.join(folder, 'include', 'kata'))
    dump(library, os.path.join(folder, 'libkata.abi'))


def main():
    if sys.argv[1] == '--store':
        return store(*sys.argv[2:4])
    if platform.machine() != 'x86_64':
        print('SKIP: the stored dumps are of x86_64; abi/headers looks at the rest here')
        return 77
    for tool in ('abidw', 'abidiff'):
        if not shutil.which(tool):
            print(f'SKIP: {tool} is not installed (package abigail-tools)')
            return 77
    bad = 0
    with tempfile.TemporaryDirectory(prefix='kata-abi-') as place:
        today = os.path.join(place, 'libkata.abi')
        dump(sys.argv[1], today)
        with open(today, encoding='utf-8') as f:
            if '<class-decl name=\'kata_sandbox_options\'' not in f.read():
                print('SKIP: the library was built without debugging information (meson -Ddebug=true)')
                return 77
        for release in sorted(name for name in os.listdir(HERE) if name.isdigit()):
            stored = os.path.join(HERE, release, 'libkata.abi')
            print(f'since {release}:', compare(stored, today)[1].strip() or 'nothing changed')
            allowed = os.path.join(place, 'grown.abignore')
            grown(release, allowed)
            status, text = compare(stored, today, '--no-added-syms', '--suppressions', allowed)
            if status & ERROR:
                print(f'abidiff failed: {status}\n{text}')
            elif status & CHANGE:
                print(f'BREAK since {release} ({status}):\n{text}')
            bad += status != 0
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
