# SPDX-License-Identifier: LGPL-2.1-or-later
"""canary: files of the host that nobody may touch, watched: whoever opens, reads, runs or changes one of them is told of.

A file system of its own (tmpfs), so that fanotify sees it through every mount of it, also through a bind that a program makes. Where that
cannot be had (no root), inotify on each file, and nothing is known of who did it.
"""
import ctypes
import hashlib
import os
import select
import shutil
import stat
import struct
import tempfile
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, REC, SLAVE, STRICTATIME, DETACH = 0x20000, 0x4000, 0x80000, 0x1000000, 2
# fanotify(7), inotify(7)
FAN_CLOEXEC, FAN_NONBLOCK, FAN_DFID_NAME, FAN_ADD, FAN_FILESYSTEM, FAN_ONDIR = 1, 2, 0xc00, 1, 0x100, 0x40000000
KINDS = {0x1: 'read', 0x2: 'written', 0x4: 'changed', 0x20: 'opened', 0x40: 'moved away', 0x80: 'moved here', 0x100: 'made', 0x200: 'removed',
         0x1000: 'run'}
IN_KINDS = {0x1: 'read', 0x2: 'written', 0x4: 'changed', 0x20: 'opened', 0x40: 'moved away', 0x80: 'moved here', 0x100: 'made', 0x200: 'removed'}


def own_mounts():
    """A mount namespace of this process's own: what it mounts goes when it ends, however that is. False: it may not."""
    return LIBC.unshare(NEWNS) == 0 and LIBC.mount(None, b'/', None, REC | SLAVE, None) == 0


def call(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


def process_name(pid):
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            return f.read(200).replace(b'\0', b' ').decode('utf-8', 'replace').strip() or '(a kernel thread, or ended)'
    except OSError:
        return '(ended)'


class Canary:
    """`path` is the tree; `events` what others did to it. own_mounts() comes first."""

    def __init__(self, mounted):
        self.path = tempfile.mkdtemp(prefix='canary-')
        self.mounted, self.events, self.lock, self.going = mounted, [], threading.Lock(), True
        if mounted:
            call(LIBC.mount(b'canary', self.path.encode(), b'tmpfs', STRICTATIME, b'mode=0755'), 'mount tmpfs')
        self.fill()
        self.dev = os.stat(self.path).st_dev
        self.marks = self.places()
        self.before = self.digest()
        self.fd, self.names, self.reads = self.watch()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def fill(self):
        os.makedirs(f'{self.path}/dir/deep')
        for name, mode in (('secret', 0o600), ('dir/file', 0o666), ('dir/deep/file', 0o666), ('null', 0o666), ('console', 0o666)):
            with open(f'{self.path}/{name}', 'w', encoding='ascii') as f:
                f.write('precious\n')
            os.chmod(f'{self.path}/{name}', mode)
        os.mkfifo(f'{self.path}/fifo')
        with open(f'{self.path}/program', 'w', encoding='ascii') as f:
            f.write(f'#!/bin/sh\necho ran >{self.path}/ran\nexit 1\n')
        os.chmod(f'{self.path}/program', 0o755)

    def places(self):
        return [self.path] + [os.path.join(top, n) for top, folders, files in os.walk(self.path) for n in folders + files]

    def digest(self):
        """Names, kinds, times and contents; reading leaves no trace where this user may ask for that."""
        found = []
        for path in sorted(self.places()):
            s = os.lstat(path)
            text = ''
            if stat.S_ISREG(s.st_mode):
                fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
                text = hashlib.sha256(os.read(fd, 1 << 20)).hexdigest()
                os.close(fd)
            atime = s.st_atime_ns if stat.S_ISREG(s.st_mode) else 0 # our own walk reads the folders
            found.append((path, s.st_mode, s.st_uid, s.st_gid, s.st_nlink, s.st_size, atime, s.st_mtime_ns, s.st_ctime_ns, text))
        return found

    def watch(self):
        """Its descriptor, the names of inotify's numbers, and what reads it."""
        fd = LIBC.fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_DFID_NAME, os.O_RDONLY) if self.mounted else -1
        mask = ctypes.c_uint64(sum(KINDS) | FAN_ONDIR)
        if fd >= 0 and LIBC.fanotify_mark(fd, FAN_ADD | FAN_FILESYSTEM, mask, -100, self.path.encode()) == 0:
            return fd, {}, self.read_fanotify
        if fd >= 0:
            os.close(fd)
        fd = call(LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK), 'inotify_init1')
        names = {call(LIBC.inotify_add_watch(fd, p.encode(), sum(IN_KINDS)), 'inotify_add_watch'): p for p in self.marks}
        return fd, names, self.read_inotify

    def read_fanotify(self, data):
        at = 0
        while at + 24 <= len(data):
            length, _, _, header, mask, _, pid = struct.unpack_from('=IBBHQii', data, at)
            info, name = at + header, ''
            while info + 4 <= at + length:
                kind, _, size = struct.unpack_from('=BBH', data, info)
                if kind == 2: # FAN_EVENT_INFO_TYPE_DFID_NAME: an fsid, a handle, a name
                    handle, = struct.unpack_from('=I', data, info + 12)
                    name = data[info + 20 + handle:info + size].split(b'\0')[0].decode('utf-8', 'replace')
                info += max(size, 4)
            if pid != os.getpid():
                done = ', '.join(text for bit, text in KINDS.items() if mask & bit)
                yield f'{name}: {done} by {pid} {process_name(pid)}'
            at += length

    def read_inotify(self, data):
        at = 0
        while at + 16 <= len(data):
            number, mask, _, size = struct.unpack_from('=iIII', data, at)
            done = ', '.join(text for bit, text in IN_KINDS.items() if mask & bit)
            if done:
                yield f'{self.names.get(number, "?")}: {done}'
            at += 16 + size

    def drain(self):
        with self.lock:
            while True:
                try:
                    data = os.read(self.fd, 65536)
                except BlockingIOError:
                    return
                self.events += list(self.reads(data))

    def follow(self):
        """Reads at once, so that who did it can still be named."""
        while self.going:
            if select.select([self.fd], [], [], 0.2)[0]:
                self.drain()

    def mounts(self):
        """Places where a program has mounted the canary, or a part of it."""
        number = f'{os.major(self.dev)}:{os.minor(self.dev)}'
        seen, found = set(), []
        for pid in filter(str.isdigit, os.listdir('/proc') if self.mounted else ()):
            try:
                space = os.readlink(f'/proc/{pid}/ns/mnt')
                if space in seen:
                    continue
                with open(f'/proc/{pid}/mountinfo', encoding='utf-8', errors='replace') as f:
                    rows = [line.split() for line in f]
            except OSError:
                continue
            seen.add(space)
            found += [f'{row[4]} of {pid} {process_name(pid)}' for row in rows if row[2] == number and row[4] != self.path]
        return found

    def touched(self):
        """What happened to the tree since it was made or asked the last time: lines, best none."""
        self.drain()
        found, self.events = self.events, []
        found += [f'mounted at {place}' for place in self.mounts()]
        now = self.digest()
        found += [f'changed: {old} is now {new}' for old, new in zip(self.before, now) if old != new]
        found += ['files came or went'] if len(now) != len(self.before) else []
        self.drain()
        if self.names: # inotify has seen our own look as well
            time.sleep(0.01)
            self.drain()
            self.events = []
        return found

    def close(self):
        self.going = False
        self.thread.join()
        os.close(self.fd)
        if self.mounted:
            LIBC.umount2(self.path.encode(), DETACH)
        shutil.rmtree(self.path, ignore_errors=True)
