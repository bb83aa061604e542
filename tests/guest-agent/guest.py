#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts a guest under QEMU with a small container root added to its initrd and lets drive-agent put its agent to the test."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

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


def share_and_disk(work, busybox):
    """A directory for virtio-fs and a disk image with a container's root each; returns (steps to leave out, QEMU options, daemon)."""
    without, options, daemon = [], [], None
    root = f'{work}/share/rootfs'
    os.makedirs(f'{root}/bin')
    for name in ('proc', 'dev', 'sys', 'tmp'):
        os.mkdir(f'{root}/{name}')
    shutil.copy(busybox, f'{root}/bin/busybox')
    for name in APPLETS:
        os.symlink('busybox', f'{root}/bin/{name}')
    with open(f'{root}/hello', 'w', encoding='ascii') as f:
        f.write('from the host\n')
    mke2fs = shutil.which('mke2fs') or '/sbin/mke2fs'
    if os.path.exists(mke2fs):
        subprocess.run([mke2fs, '-q', '-t', 'ext4', '-d', root, f'{work}/disk', '16M'], check=True)
        options += ['-drive', f'if=none,id=d,format=raw,file={work}/disk', '-device', 'virtio-blk-pci,drive=d,addr=1e']
        with open(f'{work}/empty', 'wb'):
            pass  # a place for a disk that comes later
        options += ['-drive', f'if=none,id=e,format=raw,file={work}/empty', '-device', 'virtio-blk-pci,drive=e,addr=1d']
    else:
        without.append('disk')
    virtiofsd = next((p for p in ('/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd') if os.path.exists(p)), None)
    if virtiofsd == '/usr/lib/qemu/virtiofsd' and os.geteuid() == 0:
        daemon = subprocess.Popen([virtiofsd, f'--socket-path={work}/fs', '-o', f'source={work}/share', '-o', 'sandbox=chroot'],
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        options += ['-object', 'memory-backend-memfd,id=m,size=256M,share=on', '-numa', 'node,memdev=m',
                    '-chardev', f'socket,id=fs,path={work}/fs', '-device', 'vhost-user-fs-pci,chardev=fs,tag=kataShared']
        for _ in range(100):
            if os.path.exists(f'{work}/fs'):
                break
            time.sleep(0.05)
    else:
        without.append('share')
    return without, options, daemon


def all_steps(client):
    return subprocess.run([client, '--list'], stdout=subprocess.PIPE, check=True, text=True).stdout.split()


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
        without, extra, daemon = share_and_disk(work, busybox)
        if without and not steps:
            print(f'left out: {without}')
        run = steps or [name for name in all_steps(client) if name not in without]
        guest = subprocess.Popen(
            ['timeout', '-k', '5', '280', qemu, '-accel', 'tcg,thread=multi', '-M', 'q35', '-cpu', 'max', '-m', '256', '-smp', '1',
             '-kernel', kernel, '-initrd', f'{work}/initrd',
             '-append', 'console=ttyS0 quiet panic=-1 reboot=t ' + os.environ.get('KATA_TEST_APPEND', ''),
             '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', f'file:{work}/console',
             '-device', 'virtio-serial-pci', '-chardev', f'socket,id=a,path={work}/agent,server=on,wait=off',
             '-device', 'virtserialport,chardev=a,name=org.libkata.agent.0',
             '-netdev', 'user,id=n,restrict=on', '-device', 'virtio-net-pci,netdev=n,mac=02:00:00:00:00:01,romfile='] + extra,
            stdin=subprocess.DEVNULL)
        try:
            result = subprocess.run([client, f'serial:{work}/agent', '/rootfs'] + run, timeout=270, check=False).returncode
            if result == 0 and not steps and guest.wait(timeout=60) != 0:
                print('the guest has not ended well')
                result = 1
        except subprocess.TimeoutExpired:
            print('timed out')
            result = 1
        finally:
            if guest.poll() is None:
                guest.terminate()
                guest.wait()
            if daemon:
                daemon.terminate()
                daemon.wait()
        if not steps and 'share' in run and not os.path.exists(f'{work}/share/rootfs/answer'):
            print('what the container wrote to the share has not arrived')
            result = 1
        if result or steps:
            with open(f'{work}/console', errors='replace') as f:
                print('--- console\n' + f.read()[-6000:])
        return result


sys.exit(main())
