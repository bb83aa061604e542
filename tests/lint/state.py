#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the library has no mutable file-scope state: nothing in .data, .bss or common; state.allow names exceptions and why."""

import re
import subprocess
import sys

import source

MUTABLE = re.compile(r'\*COM\*$|\.(?:t?data|t?bss)(?!\.rel\.ro)')
# protobuf-c's descriptors hold pointers and are not const in old versions; GLib's quark caches are written once.
GENERATED = re.compile(r'\.pb-c\.c\.o$')


def objects(archive):
    """Yields (object, symbol, section) of each data symbol; .data.rel.ro is made read-only once the loader has been there."""
    out = subprocess.run(['objdump', '-t', archive], check=True, stdout=subprocess.PIPE, text=True).stdout
    name = ''
    for line in out.splitlines():
        if line.endswith(('file format elf64-x86-64', 'file format elf64-littleaarch64')):
            name = line.split(':')[0]
        m = re.match(r'^[0-9a-f]{16} .{7} (\S+)\t[0-9a-f]+\s+(?:\.hidden )?(\S+)$', line)
        if m:
            yield name, m.group(2), m.group(1)


def faults(symbols, allow):
    for name, symbol, section in symbols:
        # A sanitizer's and the compiler's own symbols are no state of ours; a function's static has a number behind its name.
        plain = re.sub(r'\.\d+$', '', symbol)
        if (MUTABLE.match(section) and not GENERATED.search(name) and not plain.startswith(('__', '.', 'DW.'))
                and plain not in allow):
            yield f'{name}: {symbol}: mutable file-scope state; put it into an object, or make it const'


def main():
    allow = source.allowed('state')
    symbols = [s for archive in sys.argv[1:] for s in objects(archive)]
    if not symbols:
        source.skip('no library is built')
    source.report(list(faults(symbols, allow)), len(symbols), 'symbols')


if __name__ == '__main__':
    main()
