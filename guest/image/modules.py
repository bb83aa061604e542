# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chooses kernel modules: from names to files in load order, by what each .ko says of itself; it needs no depmod."""

import os
import subprocess
import tempfile

import elf

# Features whose modules the agent loads at every boot, in this order: the two buses, and disks, which may be plugged in later.
# The rest comes when a device of that kind is found or when the kernel asks for it (the agent is its modprobe).
BASE = ['virtio-pci', 'virtio-mmio', 'virtio-blk']

# A feature of the guest: the modules it needs, and the names by which the kernel or the agent ask for them.
# `virtio:dN` is the start of a device's modalias, `fs-N` and `net-pf-N` are what the kernel asks modprobe for.
FEATURES = [
    ('virtio-pci', ['virtio_pci'], []),
    ('virtio-mmio', ['virtio_mmio'], []),
    ('virtio-net', ['virtio_net'], ['virtio:d00000001']),
    ('virtio-blk', ['virtio_blk'], ['virtio:d00000002']),
    ('virtio-serial', ['virtio_console'], ['virtio:d00000003']),
    ('virtio-rng', ['virtio-rng'], ['virtio:d00000004']),
    ('virtio-balloon', ['virtio_balloon'], ['virtio:d00000005']),
    ('virtio-mem', ['virtio_mem'], ['virtio:d00000018']),
    ('virtio-pmem', ['virtio_pmem', 'nd_pmem'], ['virtio:d0000001B']),
    ('virtio-scsi', ['virtio_scsi', 'sd_mod'], ['virtio:d00000008']),
    ('vsock', ['vmw_vsock_virtio_transport'], ['virtio:d00000013', 'net-pf-40']),
    ('virtio-fs', ['virtiofs'], ['virtio:d0000001A', 'fs-virtiofs', 'fs-fuse']),
    ('9p', ['9pnet_virtio', '9p'], ['virtio:d00000009', 'fs-9p']),
    ('overlay', ['overlay'], ['fs-overlay']),
    ('erofs', ['erofs'], ['fs-erofs']),
    ('ext4', ['ext4'], ['fs-ext4']),
    ('xfs', ['xfs'], ['fs-xfs']),
    ('squashfs', ['squashfs'], ['fs-squashfs']),
    ('loop', ['loop'], []),
    ('power-button', ['button'], []),
]
# Not worth their size in a small image.
LEFT_OUT = {'xfs', 'squashfs'}


def strip(data, objcopy='objcopy'):
    """Takes BTF, debugging sections and the signature off a module: half of the time that loading it takes is spent on them.

    The guest's kernel does not insist on signatures, and who can change this image can change its kernel as well.
    """
    with tempfile.NamedTemporaryFile(suffix='.ko') as f:
        f.write(data)
        f.flush()
        try:
            subprocess.run([objcopy, '--strip-debug', '-R', '.BTF', '-R', '.comment', f.name], check=True,
                           stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            raise ModuleError(f'{objcopy}: not found; install binutils, or those of the guest\'s architecture')
        with open(f.name, 'rb') as stripped:
            return stripped.read()


class ModuleError(Exception):
    pass


class Modules:
    def __init__(self, folder):
        """`folder` is lib/modules/VERSION of an unpacked kernel."""
        self.folder = folder
        self.files, self.builtin, self._info = {}, set(), {}
        for top, _, names in os.walk(os.path.join(folder, 'kernel')):
            for name in names:
                if name.endswith('.ko'):
                    self.files[self._key(name)] = os.path.relpath(os.path.join(top, name), folder)
        path = os.path.join(folder, 'modules.builtin')
        if os.path.exists(path):
            with open(path, encoding='utf-8') as f:
                self.builtin = {self._key(os.path.basename(line.strip())) for line in f}

    @staticmethod
    def _key(name):
        return name.removesuffix('.ko').replace('-', '_')

    def has(self, name):
        return self._key(name) in self.files or self._key(name) in self.builtin

    def data(self, path):
        with open(os.path.join(self.folder, path), 'rb') as f:
            return f.read()

    def _needs(self, key):
        """What a module depends on, by its own .modinfo: `depends` must be there, `softdep pre` may."""
        if key not in self._info:
            text = elf.Elf(self.data(self.files[key]), key).section('.modinfo')
            hard, soft = [], []
            for item in text.split(b'\0'):
                name, _, value = item.decode('utf-8', 'replace').partition('=')
                if name == 'depends':
                    hard += [v for v in value.split(',') if v]
                elif name == 'softdep' and value.startswith('pre:'):
                    soft += [v for v in value[4:].split('post:')[0].split() if self.has(v)]
            self._info[key] = hard + soft
        return self._info[key]

    def order(self, names):
        """Paths of the modules and of all that they need, each once, in an order that loads."""
        done, active = [], []

        def visit(name, by):
            key = self._key(name)
            if key in self.builtin or key in done:
                return
            if key not in self.files:
                raise ModuleError(f'{name}: needed by {by}, but the kernel has no such module')
            if key in active:
                raise ModuleError(f'{name}: modules need each other in a circle: {active}')
            active.append(key)
            for need in self._needs(key):
                visit(need, key)
            active.pop()
            done.append(key)

        for name in names:
            visit(name, 'the image')
        return [self.files[key] for key in done]
