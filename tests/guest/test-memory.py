#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test of the guest's memory budget: what a booted guest with one small container uses, seen from inside; QEMU, with or without KVM."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'support'))
sys.dont_write_bytecode = True

import ctl   # noqa: E402

LIMIT_MIB = 48


def main():
    k = ctl.Katactl(sys.argv[1], hypervisor='qemu', timeout=120)
    try:
        ctl.require_guest(k)
        ctl.make_rootfs(k.rootfs)
        done = k.run('run', '--rootfs', k.rootfs, '--', 'cat', '/proc/meminfo')
        assert done.returncode == 0, done.stderr.decode()
        memory = {line.split(':')[0]: int(line.split()[1]) for line in done.stdout.decode().splitlines() if line.endswith('kB')}
        used = (memory['MemTotal'] - memory['MemAvailable']) / 1024
        print(f"guest memory: {memory['MemTotal'] >> 10} MiB, in use {used:.1f} MiB of {LIMIT_MIB}")
        assert used <= LIMIT_MIB, 'the guest uses more than its budget'
    finally:
        k.close()


if __name__ == '__main__':
    main()
