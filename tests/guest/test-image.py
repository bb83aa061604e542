#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of the guest image builder: same inputs, same bytes; within budget; what it refuses. It needs apt's packages, no guest."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILT = sys.argv[1:3]
BUILDER = f'{SOURCE}/guest/image/build.py'
INITRD = 'kata-containers-initrd.img'
sys.path.insert(0, f'{SOURCE}/guest/image')
sys.dont_write_bytecode = True

import cpio      # noqa: E402
import elf       # noqa: E402


def run(*words, **more):
    return subprocess.run([sys.executable, '-B', BUILDER, '--cache', f'{BUILT}/cache', *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def read_archive(data):
    """Names and modes of a newc archive, read by the kernel's description of it and not by our writer's code."""
    at, names = 0, {}
    while True:
        assert data[at:at + 6] == b'070701', f'no header at {at}'
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        body = (at + 110 + fields[11] + 3) & ~3
        if name == 'TRAILER!!!':
            return names
        assert name not in names, f'{name}: twice'
        assert (fields[2], fields[3], fields[5]) == (0, 0, 0), f'{name}: owner or time is not 0'
        parent = name.rpartition('/')[0]
        assert not parent or parent in names, f'{name}: comes before its directory'
        names[name] = (fields[1], data[body:body + fields[6]])
        at = (body + fields[6] + 3) & ~3


def test_writer():
    tree = cpio.Tree()
    tree.file('usr/bin/x', b'abc', 0o755)
    tree.symlink('bin', 'usr/bin')
    tree.chardev('dev/console', 5, 1)
    names = read_archive(tree.pack())
    assert names['usr/bin/x'] == (0o100755, b'abc') and names['bin'] == (0o120777, b'usr/bin')
    assert names['dev/console'][0] == 0o020600 and list(names) == sorted(names)


def test_elf():
    with open('/bin/sh', 'rb') as f:
        image = elf.Elf(f.read(), '/bin/sh')
    assert 'libc.so.6' in image.needed() and image.interpreter().startswith('/lib64/')
    for bad in (b'', b'#!/bin/sh\n', b'\x7fELF\x01\x01' + b'\0' * 64):
        try:
            elf.Elf(bad, 'bad')
            raise AssertionError(f'{bad[:8]} was taken for an ELF file')
        except elf.ElfError as e:
            assert 'bad' in str(e)


def test_same_bytes(folder):
    for name in 'ab':
        # The two builds differ in all that must not matter: time, place, umask, time zone, order of a directory.
        done = run('--out', f'{folder}/{name}', '--agent', f'{BUILT}/agent/kata-agent', umask=0o077 if name == 'a' else 0o022,
                   env={**os.environ, 'TZ': 'Asia/Tokyo' if name == 'a' else 'UTC'})
        assert done.returncode == 0, done.stdout
    for name in (INITRD, 'vmlinuz', 'guest.json'):
        assert digest(f'{folder}/a/{name}') == digest(f'{folder}/b/{name}'), f'{name} differs between two builds'
    again = run('--out', f'{folder}/a', '--agent', f'{BUILT}/agent/kata-agent')
    assert again.returncode == 0 and 'up to date' in again.stdout, again.stdout


def test_budget(folder):
    with open(f'{folder}/a/guest.json', encoding='utf-8') as f:
        guest = json.load(f)
    print(f"initrd {guest['initrd']['bytes'] >> 10} KiB of 16 MiB, agent {guest['agent']['bytes'] >> 10} KiB of 1 MiB, kernel "
          f"{guest['kernel']['version']}")
    assert guest['version'] == 1 and guest['initrd']['bytes'] == os.path.getsize(f'{folder}/a/{INITRD}') <= 16 << 20
    assert guest['agent']['bytes'] <= 1 << 20 and guest['initrd']['sha256'] == digest(f'{folder}/a/{INITRD}')
    for feature in ('virtio-pci', 'virtio-mmio', 'virtio-serial', 'virtio-fs', 'virtio-blk', 'virtio-net', 'vsock', 'overlay', 'erofs'):
        assert feature in guest['features'], f'{feature} is missing'


def test_content(folder):
    done = run('--out', f'{folder}/c', '--agent', f'{BUILT}/agent/kata-agent', '--compress', 'gzip')
    assert done.returncode == 0, done.stdout
    with open(f'{folder}/c/{INITRD}', 'rb') as f:
        names = read_archive(gzip.decompress(f.read()))
    assert names['init'][0] == 0o100755 and 'usr/bin/crun' in names and 'usr/lib64/ld-linux-x86-64.so.2' in names
    # The kernel calls modprobe on its own while it boots; ours would be a second agent.
    assert not any(name.endswith('modprobe') for name in names)
    lists = [name for name in names if name.startswith('etc/kata-modules') and names[name][0] >> 12 == 8]
    assert 'etc/kata-modules' in lists
    for name in lists:
        for line in names[name][1].decode().split('\n')[:-1]:
            assert line.startswith('/lib/modules/') and 'usr' + line in names, f'{name}: {line} is not in the image'


def test_refusals(folder):
    for words, text in [
        (('--agent', '/nonexistent/agent'), '/nonexistent/agent: No such file'),
        (('--flavour', 'custom', '--kernel', '/nonexistent', '--agent', '/bin/true'), 'guest/kernel/build'),
        (('--agent', '/dev/null', '--file', 'x=/nonexistent/file'), '/nonexistent/file'),
    ]:
        done = run('--out', f'{folder}/d', *words)
        assert done.returncode == 1 and text in done.stdout and 'Traceback' not in done.stdout, (words, done.stdout)
    assert not os.path.exists(f'{folder}/d/{INITRD}'), 'a refused build left an image'


def main():
    if not shutil.which('dpkg-deb') or not shutil.which('apt-get') or os.uname().machine != 'x86_64':
        print('SKIP: the image is made of Debian packages for amd64; this is another machine')
        sys.exit(77)
    if not os.path.exists(f'{BUILT}/agent/kata-agent'):
        print('SKIP: the agent is not built (meson option guest)')
        sys.exit(77)
    test_writer()
    test_elf()
    with tempfile.TemporaryDirectory(prefix='kata-image-') as folder:
        test_same_bytes(folder)
        test_budget(folder)
        test_content(folder)
        test_refusals(folder)
    print('guest image: ok')


if __name__ == '__main__':
    main()
