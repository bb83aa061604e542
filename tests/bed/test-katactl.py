#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests katactl inside a bed, with hardware virtualization: QEMU on KVM, the agent over vhost-vsock, volumes by virtio-fs. Argument: KATACTL."""

import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
sys.dont_write_bytecode = True

from ctl import Katactl, make_rootfs, require_guest_for, skip   # noqa: E402

PROGRAM = sys.argv[1]
LIMIT = 300
# Emulated twice on a busy machine, a guest may take longer than anybody would wait elsewhere.
PATIENCE = '\n[agent.kata]\ndial_timeout = 200\n'


def command_lines(program):
    """The command lines of the processes that run this program."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                words = f.read().decode().split('\0')
        except OSError:
            continue
        if os.path.basename(words[0]) == program:
            found.append(' '.join(words))
    return found


class Kvm(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor='qemu', timeout=LIMIT)
        self.ctl.config = f'{self.ctl.directory}/configuration.toml'
        with open(f'{os.path.dirname(self.ctl.program)}/configuration.toml', encoding='utf-8') as f, \
                open(self.ctl.config, 'w', encoding='utf-8') as patient:
            patient.write(f.read() + PATIENCE)
        make_rootfs(self.ctl.rootfs)

    def tearDown(self):
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def test_run_with_a_volume(self):
        with tempfile.TemporaryDirectory() as volume:
            with open(f'{volume}/in', 'w', encoding='utf-8') as f:
                f.write('from the host\n')
            script = 'cat /v/in; echo from the guest >/v/out; grep -c virtiofs /proc/mounts; echo err >&2; exit 7'
            result = self.ctl.run('run', '--trace-timing', '--rootfs', self.ctl.rootfs, '-v', f'{volume}:/v', '--', 'sh', '-c', script)
            print(result.stderr.decode())
            lines = result.stdout.decode().splitlines()
            self.assertEqual((result.returncode, lines[0]), (7, 'from the host'), result.stderr)
            self.assertGreaterEqual(int(lines[1]), 1)
            self.assertIn(b'err\n', result.stderr)
            with open(f'{volume}/out', encoding='utf-8') as f:
                self.assertEqual(f.read(), 'from the guest\n')

    def test_exec_on_kvm_and_vsock(self):
        result = self.ctl.run('run', '-d', '--name', 'box', '--rootfs', self.ctl.rootfs, '--', 'sleep', '1000')
        self.assertEqual(result.returncode, 0, result.stderr)
        qemu = command_lines('qemu-system-x86_64')
        self.assertEqual(len(qemu), 1)
        self.assertIn('-accel kvm', qemu[0])
        self.assertIn('vhost-vsock', qemu[0])
        result = self.ctl.run('exec', 'box', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (3, b'out\n', b'err\n'))
        result = self.ctl.run('delete', '-f', 'box')
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == '__main__':
    if 'KATA_BED' not in os.environ:
        skip('not in a bed; start it by tests/bed/run')
    require_guest_for(PROGRAM, hypervisor='qemu')
    unittest.main(argv=sys.argv[:1], verbosity=2)
