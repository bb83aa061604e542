# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes an initrd for a guest of the microVMM: busybox, Debian's cloud kernel's modules, and a shell script that is its whole life."""

import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'guest', 'image'))
sys.dont_write_bytecode = True

import cpio      # noqa: E402
import modules   # noqa: E402

BUSYBOX = '/bin/busybox'
TRANSPORTS = ['virtio_mmio', 'virtio_pci']
INIT = """#!/bin/sh
export PATH=/bin:/tools
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
while read module; do insmod "$module" || echo "insmod $module failed"; done </modules
for word in $(cat /proc/cmdline); do case $word in test=*) TEST=${word#test=};; esac; done
say () { echo "@@ $*" >/dev/ttyS0; }
wait_for () { n=0; while [ ! -e "$1" ] && [ $n -lt 200 ]; do usleep 50000; n=$((n + 1)); done; }
. "/tests/$TEST"
say end
sync
poweroff -f
sleep 100
"""


def find_kernel(folder):
    """(vmlinuz, module folder) of the cloud kernel that `ninja guest-image` has unpacked, or None."""
    xdg = os.environ.get('XDG_CACHE_HOME')
    for cache in [f'{folder}/cache'] + ([f'{xdg}/libkata'] if xdg else []):
        for path in sorted(glob.glob(f'{cache}/unpacked/linux-image-*-cloud-amd64*/lib/modules/*'), reverse=True):
            kernel = os.path.join(path, '../../..', f'boot/vmlinuz-{os.path.basename(path)}')
            if os.path.exists(kernel):
                return os.path.realpath(kernel), path
    return None


def make(out, module_folder, names, scripts, files=()):
    """`scripts`: name to shell text; the guest runs the one that test=NAME on its command line chooses, with say and wait_for."""
    tree = cpio.Tree()
    for path in ('proc', 'sys', 'dev', 'tmp', 'mnt', 'tools', 'lib/modules'):
        tree.directory(path)
    tree.chardev('dev/console', 5, 1)
    with open(BUSYBOX, 'rb') as f:
        tree.file('bin/busybox', f.read(), 0o755)
    for applet in subprocess.run([BUSYBOX, '--list'], stdout=subprocess.PIPE, check=True).stdout.decode().split():
        if applet != 'busybox':
            tree.symlink(f'bin/{applet}', 'busybox')
    known = modules.Modules(module_folder)
    lines = ''
    for path in known.order(TRANSPORTS + list(names)):
        tree.file(f'lib/modules/{os.path.basename(path)}', known.data(path))
        lines += f'/lib/modules/{os.path.basename(path)}\n'
    tree.file('modules', lines)
    tree.file('init', INIT, 0o755)
    for name, text in scripts.items():
        tree.file(f'tests/{name}', text)
    for target, source in files:
        with open(source, 'rb') as f:
            tree.file(target, f.read(), 0o755)
    with open(out, 'wb') as f:
        f.write(tree.pack())


def copy_program(folder, program):
    """Puts a program and the libraries that it needs below `folder`, where they lie here; False when it is not installed."""
    path = shutil.which(program, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if path is None:
        return False
    listed = subprocess.run(['ldd', path], stdout=subprocess.PIPE, check=True).stdout.decode()
    needed = [word for line in listed.splitlines() for word in line.split() if word.startswith('/')]
    for source in [path] + needed:
        name = os.path.basename(source)
        target = f'{folder}/bin/{name}' if source == path else f'{folder}/lib/{name}'
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            shutil.copy(os.path.realpath(source), target)
    return True
