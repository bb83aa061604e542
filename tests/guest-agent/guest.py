#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a guest under QEMU with a small container root added to its initrd and lets drive-agent put its agent to the test."""

import os
import shutil
import subprocess
import sys
import tempfile

APPLETS = ['sh', 'cat', 'echo', 'sleep', 'dd', 'stty', 'hostname', 'true', 'ps', 'id', 'ls']
SKIP = 77


def newc(entries):
    """A cpio archive (newc) of (path, mode, data)."""
    out = bytearray()

    def put(number, path, mode, data):
        name = path.encode() + b'\0'
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
        out.extend(b'070701' + ''.join('%08X' % f for f in fields).encode() + name)
        out.extend(b'\0' * (-len(out) % 4))
        out.extend(data)
        out.extend(b'\0' * (-len(out) % 4))

    for number, (path, mode, data) in enumerate(entries, 1):
        put(number, path, mode, data)
    put(0, 'TRAILER!!!', 0, b'')
    return bytes(out)


def container_root(busybox):
    with open(busybox, 'rb') as f:
        program = f.read()
    entries = [(p, 0o40755, b'') for p in ('rootfs', 'rootfs/bin', 'rootfs/proc', 'rootfs/dev', 'rootfs/sys', 'rootfs/tmp')]
    entries.append(('rootfs/bin/busybox', 0o100755, program))
    entries += [(f'rootfs/bin/{name}', 0o120777, b'busybox') for name in APPLETS]
    return newc(entries)


def main():
    client, folder, steps = sys.argv[1], os.environ.get('KATA_GUEST_DIR') or sys.argv[2], sys.argv[3:]
    kernel, initrd = f'{folder}/vmlinuz', f'{folder}/kata-containers-initrd.img'
    qemu, busybox = shutil.which('qemu-system-x86_64'), shutil.which('busybox')
    for what, have in (('qemu-system-x86_64', qemu), ('busybox (static)', busybox),
                       (kernel, os.path.exists(kernel)), (initrd, os.path.exists(initrd))):
        if not have:
            print(f'SKIP: {what} is missing')
            return SKIP
    with tempfile.TemporaryDirectory(prefix='kata-agent-') as work:
        with open(initrd, 'rb') as f, open(f'{work}/initrd', 'wb') as out:
            # First: the kernel goes on after an uncompressed archive, but not after one of lz4.
            root = container_root(busybox)
            out.write(root + b'\0' * (-len(root) % 512) + f.read())
        guest = subprocess.Popen(
            ['timeout', '-k', '5', '280', qemu, '-accel', 'tcg,thread=multi', '-M', 'q35', '-cpu', 'max', '-m', '256', '-smp', '1',
             '-kernel', kernel, '-initrd', f'{work}/initrd',
             '-append', 'console=ttyS0 quiet panic=-1 reboot=t ' + os.environ.get('KATA_TEST_APPEND', ''),
             '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', f'file:{work}/console',
             '-device', 'virtio-serial-pci', '-chardev', f'socket,id=a,path={work}/agent,server=on,wait=off',
             '-device', 'virtserialport,chardev=a,name=org.libkata.agent.0',
             '-netdev', 'user,id=n,restrict=on', '-device', 'virtio-net-pci,netdev=n,mac=02:00:00:00:00:01,romfile='],
            stdin=subprocess.DEVNULL)
        try:
            result = subprocess.run([client, f'serial:{work}/agent', '/rootfs'] + steps, timeout=270, check=False).returncode
            if result == 0 and not steps and guest.wait(timeout=20) not in (0,):
                print('the guest has not ended well')
                result = 1
        except subprocess.TimeoutExpired:
            print('timed out')
            result = 1
        finally:
            if guest.poll() is None:
                guest.terminate()
                guest.wait()
        if result or steps:
            with open(f'{work}/console', errors='replace') as f:
                print('--- console\n' + f.read()[-6000:])
        return result


sys.exit(main())
