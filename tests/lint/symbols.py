#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that libkata.so exports what the public headers declare, no more and no less, each under a node of libkata.map."""

import os
import re
import subprocess
import sys

import source


def declared(text):
    """Names after KATA_API in a header."""
    names = []
    for m in re.finditer(r'^KATA_API\b([^;{]*)', source.bare(text), re.M):
        found = re.search(r'(kata_\w+)\s*\(', m.group(1)) or re.search(r'(kata_\w+)\s*$', m.group(1).strip())
        if found:
            names.append(found.group(1))
    return names


def exported(library):
    out = subprocess.run(['nm', '-D', '--defined-only', '--with-symbol-versions', library], check=True, stdout=subprocess.PIPE,
                         text=True).stdout
    symbols = {}
    for line in out.splitlines():
        kind, name = line.split()[-2:]
        name, _, version = name.partition('@@')
        if kind in 'TDBRVW' and not (kind == 'A'):
            symbols[name] = version
    return symbols


def faults(headers, symbols, nodes):
    for name in sorted(set(headers) - set(symbols)):
        yield f'{name}: declared KATA_API, but libkata.so does not export it'
    for name in sorted(set(symbols) - set(headers)):
        yield f'{name}: exported by libkata.so, but no public header declares it'
    for name, version in sorted(symbols.items()):
        if version not in nodes:
            yield f'{name}: has version "{version}", which is no node of libkata.map'
        if '__' in name:
            yield f'{name}: a double underscore is for internal functions'


def main():
    if len(sys.argv) < 2 or not os.path.exists(sys.argv[1]):
        source.skip('libkata.so is not built')
    headers = [n for p in source.files('.h') if p.startswith('include/') for n in declared(source.read(p))]
    nodes = re.findall(r'^(\w+(?:\.\d+)+)\s*\{', source.read('lib/libkata.map'), re.M)
    source.report(list(faults(headers, exported(sys.argv[1]), nodes)), len(headers), 'functions')


if __name__ == '__main__':
    main()
