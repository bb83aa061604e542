#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fetches what the agent of another architecture is compiled against: musl, protobuf-c, the kernel's headers; it compiles nothing."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import debs  # noqa: E402

# What the compiler and linker are told of, by links in the sysroot: name there, package, path in the package.
PARTS = [
    ('musl', 'musl-dev', 'usr/include/{triple}-musl'),
    ('lib', 'musl-dev', 'usr/lib/{triple}-musl'),
    ('include', 'libprotobuf-c-dev', 'usr/include'),
    ('protobuf-c', 'libprotobuf-c-dev', 'usr/lib/{triple}-gnu'),
    ('linux', 'linux-libc-dev', 'usr/include'),
    ('asm', 'linux-libc-dev', 'usr/include/{triple}-gnu'),
]


def main():
    debian, triple, folder, stamp = sys.argv[1:5]
    out = f'{folder}/sysroot'
    os.makedirs(out, exist_ok=True)
    try:
        packages = debs.Cache(debs.default_cache(folder), debian)
        packages.download(sorted({package for _, package, _ in PARTS}))
        for name, package, path in PARTS:
            target = f'{packages.unpack(package)}/{path.format(triple=triple)}'
            if not os.path.isdir(target):
                sys.exit(f'guest sysroot: {package} has no {path.format(triple=triple)}')
            link = f'{out}/{name}'
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(target, link)
    except debs.DebError as e:
        sys.exit(f'guest sysroot: {e}')
    with open(stamp, 'w', encoding='utf-8') as f:
        f.write(''.join(f'{name} {version}\n' for name, version in sorted(packages.used.items())))


if __name__ == '__main__':
    main()
