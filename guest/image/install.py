#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run by `meson install`: installs the guest's files if they were built; it builds nothing itself."""

import os
import shutil
import sys

FILES = ['vmlinuz', 'kata-containers-initrd.img', 'guest.json']


def main():
    built, data = sys.argv[1:3]
    if not all(os.path.exists(f'{built}/{name}') for name in FILES):
        target = os.path.basename(built).replace('guest', 'guest-image', 1)
        print(f'{os.path.basename(built)}: not built, so not installed ("ninja {target}" builds it)')
        return
    target = os.path.join(os.environ['MESON_INSTALL_DESTDIR_PREFIX'], data)
    os.makedirs(target, exist_ok=True)
    for name in FILES:
        shutil.copyfile(f'{built}/{name}', f'{target}/{name}')
        os.chmod(f'{target}/{name}', 0o644)
        print(f'Installing {name} to {target}')


if __name__ == '__main__':
    main()
