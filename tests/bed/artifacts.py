#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prepares what the bed boots: Debian's general kernel, or that of $KATA_BED_KERNEL (a linux-image .deb), and an initramfs with its modules, kept
in a cache; it starts nothing."""

import argparse
import fcntl
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f'{SOURCE}/guest/image')
sys.dont_write_bytecode = True

import bzimage   # noqa: E402
import cpio      # noqa: E402
import debs      # noqa: E402
import modules   # noqa: E402

PACKAGE = 'linux-image-amd64'
BUSYBOX = '/bin/busybox'
# Loaded at every boot, before the root is mounted: /dev/kvm and its friends are to be there for the first command.
MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'kvm-amd', 'vhost_net', 'vhost_vsock', 'tun', 'tap', 'virtio_net', 'virtio_blk',
           'fuse', 'loop', 'veth', 'bridge', 'macvtap', 'cls_u32', 'act_mirred', 'sch_ingress']
OPTIONS = {'kvm-amd': 'nested=0'}


class ArtifactError(Exception):
    pass


def default_cache():
    xdg = os.environ.get('XDG_CACHE_HOME')
    return os.environ.get('KATA_BED_CACHE') or (f'{xdg}/libkata' if xdg else f'{SOURCE}/build/guest/cache')


def chosen():
    """The linux-image package that the user wants, or None for the one of this machine's Debian."""
    path = os.environ.get('KATA_BED_KERNEL')
    return os.path.abspath(path) if path else None


def digest():
    """What decides about the result besides the kernel's version."""
    total = hashlib.sha256(os.path.basename(chosen() or '').encode())
    for path in (f'{HERE}/init.sh', os.path.abspath(__file__), bzimage.__file__, modules.__file__, cpio.__file__, BUSYBOX):
        try:
            with open(path, 'rb') as f:
                total.update(hashlib.sha256(f.read()).digest())
        except OSError as e:
            raise ArtifactError(f'{path}: {e.strerror}; the bed needs busybox-static')
    return total.hexdigest()[:16]


def initramfs(mods):
    tree = cpio.Tree()
    for folder in ('proc', 'sys', 'dev', 'modules.d'):
        tree.directory(folder)
    tree.chardev('dev/console', 5, 1)
    with open(BUSYBOX, 'rb') as f:
        tree.file('bin/busybox', f.read(), 0o755)
    with open(f'{HERE}/init.sh', encoding='utf-8') as f:
        tree.file('init', f.read(), 0o755)
    lines = ''
    for path in mods.order(MODULES):
        name = os.path.basename(path).removesuffix('.ko')
        tree.file(f'modules.d/{name}.ko', modules.strip(mods.data(path)))
        lines += f'/modules.d/{name}.ko {OPTIONS.get(name, "")}\n'
    tree.file('modules', lines)
    return tree.pack()


def unpacked(cache_folder):
    """The folder that the kernel's package is unpacked in, or ''."""
    cache = debs.Cache(cache_folder)
    if chosen():
        return cache.unpack_file(chosen())
    concrete = [n for n in cache.closure(PACKAGE)[1:] if n.startswith('linux-image-')]
    return cache.unpack(concrete[0]) if concrete else ''


def plain_modules(folder):
    """Debian packs them from Linux 6.7 on."""
    packed = glob.glob(f'{folder}/**/*.ko.xz', recursive=True)
    if packed:
        subprocess.run(['xargs', '-0', '-P', '2', '-n', '200', 'xz', '-d'], input='\0'.join(packed).encode(), check=True)


def build(cache_folder, out):
    """Writes kernel and initramfs into `out` as one step; the modules stay in the unpacked package, with an index for modprobe."""
    root = unpacked(cache_folder)
    if not root:
        raise ArtifactError(f'{PACKAGE}: apt does not name its kernel package; run "apt-get update" (as root) first')
    release = os.path.basename(root).split('_')[0].removeprefix('linux-image-').removesuffix('-unsigned')
    folder = f'{root}/lib/modules/{release}'
    plain_modules(folder)
    if not os.path.exists(f'{folder}/modules.dep.bin'):
        subprocess.run(['/sbin/depmod', '-b', root, release], check=True)
    part = f'{out}.part'
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    with open(f'{root}/boot/vmlinuz-{release}', 'rb') as packed, open(f'{part}/kernel', 'wb') as f:
        f.write(bzimage.kernel(packed.read()))
    with open(f'{part}/initramfs', 'wb') as f:
        f.write(initramfs(modules.Modules(folder)))
    with open(f'{part}/bed.json', 'w', encoding='utf-8') as f:
        json.dump({'release': release, 'modules': folder, 'package': os.path.basename(root)}, f)
    shutil.rmtree(out, ignore_errors=True)
    os.rename(part, out)


def load(out):
    """The description of prepared artifacts, or None."""
    try:
        with open(f'{out}/bed.json', encoding='utf-8') as f:
            known = json.load(f)
    except (OSError, ValueError):
        return None
    known.update(kernel=f'{out}/kernel', initramfs=f'{out}/initramfs')
    return known if os.path.isdir(known['modules']) else None


def prepare(cache_folder=None, newest=False):
    """Returns the artifacts; makes them if they are not there, or if `newest` is given and apt names another kernel."""
    cache_folder = os.path.abspath(cache_folder or default_cache())
    out = f'{cache_folder}/bed-{digest()}'
    known = load(out)
    if known and not newest:
        return known
    os.makedirs(cache_folder, exist_ok=True)
    try:
        with open(f'{cache_folder}/bed.lock', 'w', encoding='utf-8') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = load(out)
            if not known or newest and known['package'] != os.path.basename(unpacked(cache_folder)):
                build(cache_folder, out)
    except (OSError, debs.DebError, modules.ModuleError, subprocess.CalledProcessError) as e:
        raise ArtifactError(str(e))
    return load(out)


def main():
    p = argparse.ArgumentParser(description="Prepare the bed's kernel and initramfs.")
    p.add_argument('--cache', help='default: $KATA_BED_CACHE, else $XDG_CACHE_HOME/libkata, else build/guest/cache')
    args = p.parse_args()
    try:
        known = prepare(args.cache, newest=True)
    except ArtifactError as e:
        sys.exit(f'bed: {e}')
    print(f"bed: kernel {known['release']}, initramfs {os.path.getsize(known['initramfs']) >> 10} KiB in {os.path.dirname(known['kernel'])}")


if __name__ == '__main__':
    main()
