# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a cpio archive in the kernel's "newc" form from a list of entries; the same entries give the same bytes.

It copies no owner, time or inode from the disk: each entry says what it is, and the rest is fixed.
"""

import stat


class Tree:
    """An image's files in memory: path (without a leading slash) to (mode, data, device number)."""

    def __init__(self):
        self.entries = {}

    def directory(self, path, mode=0o755):
        """Adds a directory and those above it; an existing one keeps its mode."""
        parts = path.strip('/').split('/')
        for i in range(1, len(parts) + 1):
            name = '/'.join(parts[:i])
            if name not in self.entries:
                self.entries[name] = (stat.S_IFDIR | (mode if i == len(parts) else 0o755), b'', 0)

    def _add(self, path, mode, data, rdev=0):
        path = path.strip('/')
        if '/' in path:
            self.directory(path.rsplit('/', 1)[0])
        self.entries[path] = (mode, data, rdev)

    def file(self, path, data, mode=0o644):
        self._add(path, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def symlink(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def chardev(self, path, major, minor, mode=0o600):
        self._add(path, stat.S_IFCHR | mode, b'', (major << 8) | minor)

    def pack(self, mtime=0):
        """Returns the archive: entries sorted by path (so a directory comes before what is in it), numbered from 1."""
        out = []
        for number, name in enumerate(sorted(self.entries), 1):
            mode, data, rdev = self.entries[name]
            links = 2 if stat.S_ISDIR(mode) else 1
            out.append(_record(name, number, mode, links, mtime, data, rdev))
        out.append(_record('TRAILER!!!', 0, 0, 1, 0, b'', 0))
        return _pad(b''.join(out), 512)


def _pad(data, unit):
    return data + b'\0' * (-len(data) % unit)


def _record(name, number, mode, links, mtime, data, rdev):
    raw = name.encode() + b'\0'
    if len(data) > 0xffffffff:
        raise ValueError(f'{name}: larger than a cpio entry may be')
    fields = (number, mode, 0, 0, links, mtime, len(data), 0, 0, rdev >> 8, rdev & 0xff, len(raw), 0)
    header = b'070701' + ''.join('%08X' % f for f in fields).encode()
    return _pad(header + raw, 4) + _pad(data, 4)
