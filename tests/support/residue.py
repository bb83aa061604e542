#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The residue check for scripts: what the machine holds before and after must be equal; it cleans nothing up.

As a program: `residue.py snapshot [FOLDER...] >before`, then `residue.py compare before`. As a module: take() and difference().
tests/support/residue.c is the same check for tests in C.
"""

import json
import os
import sys
import tempfile
import time

# What a test can leave behind in the way of programs; others on the machine come and go on their own.
PROGRAMS = ('qemu-system', 'virtiofsd', 'kata-', 'katactl', 'crun', 'containerd', 'conmon', 'passt', 'swtpm')
CGROUPS = '/sys/fs/cgroup'
SETTLE_S = 10  # orphans wait for the machine's init to reap them


def read(path):
    try:
        with open(path, 'rb') as f:
            return f.read().decode('utf-8', 'replace')
    except OSError:
        return ''


def processes():
    found = set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        stat = read(f'/proc/{pid}/stat')
        if not stat:
            continue
        name = stat[stat.index('(') + 1:stat.rindex(')')]
        words = stat[stat.rindex(')') + 2:].split()
        if name.startswith(PROGRAMS):
            found.add(f'{name} pid {pid} started {words[19]}{" (zombie)" if words[0] == "Z" else ""}')
    return found


def mounts():
    # iproute2 mounts /run/netns on itself with the first name and leaves it so; the names in it are looked at below.
    lines = [line for line in read('/proc/self/mountinfo').splitlines() if line.split()[4] != '/run/netns']
    return {' '.join(line.split()[i] for i in (3, 4)) + line.partition(' - ')[2] for line in lines}


def cgroups():
    found = set()
    for top, folders, _ in os.walk(CGROUPS):
        if top.count('/') - CGROUPS.count('/') >= 6:
            folders[:] = []
        found.update(f'{top}/{name}' for name in folders if 'kata' in f'{top}/{name}')
    return found


def tree(folder):
    found = set()
    for top, folders, files in os.walk(folder):
        found.update(f'{top}/{name}' for name in folders + files)
    return found


def listing(folder):
    return set(os.listdir(folder)) if os.path.isdir(folder) else set()


def take(folders=()):
    """A snapshot: names of what exists, by kind."""
    now = {
        'process': processes(),
        'mount': mounts(),
        'network link': listing('/sys/class/net'),
        'network namespace': listing('/run/netns'),
        'cgroup': cgroups(),
        'shared memory': {n for n in listing('/dev/shm') if 'kata' in n or 'qemu' in n},
        'runtime file': tree('/run/kata') | tree('/run/libkata') | tree('/run/kata-containers'),
        'file': set().union(*(tree(f) for f in folders)) if folders else set(),
    }
    return {kind: sorted(names) for kind, names in now.items()}


def everything(folders):
    """That and temporary files of ours, which come and go while other tests run: for a run of all of them."""
    names = {name for name in os.listdir(tempfile.gettempdir()) if name.startswith(('kata', 'libkata'))}
    return {**take(folders), 'temporary file': sorted(names)}


def about(folder):
    """Processes with @folder in their command line, but for this one, and mounts with it in theirs: a test's own, whoever else runs."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        line = read(f'/proc/{pid}/cmdline').replace('\0', ' ')
        if folder in line and int(pid) != os.getpid():
            found.append(f'process {pid}: {line[:200]}')
    return found + [f'mount {line.split()[4]}' for line in read('/proc/self/mountinfo').splitlines() if folder in line]


def difference(before, after):
    """Lines that say what came and what went."""
    lines = []
    for kind in sorted(set(before) | set(after)):
        old, new = set(before.get(kind, [])), set(after.get(kind, []))
        lines += [f'left behind: {kind} {name}' for name in sorted(new - old)]
        lines += [f'gone: {kind} {name}' for name in sorted(old - new) if kind != 'process']
    return lines


def main():
    command, rest = (sys.argv[1:2] or [''])[0], sys.argv[2:]
    if command == 'snapshot':
        json.dump({'folders': rest, 'state': everything(rest)}, sys.stdout)
        return 0
    if command == 'compare' and len(rest) == 1:
        with open(rest[0], encoding='utf-8') as f:
            saved = json.load(f)
        until = time.monotonic() + SETTLE_S
        while (lines := difference(saved['state'], everything(saved['folders']))) and time.monotonic() < until:
            time.sleep(0.5)
        print('\n'.join(lines) if lines else 'nothing left behind')
        return 1 if lines else 0
    print('usage: residue.py snapshot [FOLDER...] | compare FILE', file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main())
