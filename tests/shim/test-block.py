#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots that are block devices, or files to be such, as the devmapper and blockfile snapshotters hand them over: test-block.py SHIM [HYPERVISOR CONFIG]."""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

import wire
from shim import RUNNING, Host, Task

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ctl  # noqa: E402

PROGRAM = sys.argv[1]
HYPERVISOR, CONFIG = (sys.argv[2], os.path.abspath(sys.argv[3])) if len(sys.argv) > 3 else ('null', None)
NULL = HYPERVISOR == 'null'
MIB = 1 << 20
SLOW = 8 if 'KATA_BED' in os.environ else 1
POD = {'io.kubernetes.cri.container-type': 'sandbox', 'io.kubernetes.cri.sandbox-id': 'pod'}
MEMBER = {'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.sandbox-id': 'pod'}
INVALID, BUSY = 3, 9


def why_not():
    if os.geteuid() != 0:
        return 'loop devices need root'
    for tool in ('losetup', 'mkfs.ext4', 'debugfs'):
        if not shutil.which(tool):
            return f'{tool} is not installed'
    found = subprocess.run(['losetup', '-f'], capture_output=True, text=True, check=False)
    return None if found.returncode == 0 and os.path.exists(found.stdout.strip()) else 'no free loop device in /dev'


def backing(image):
    """The loop devices of a file."""
    found = []
    for path in glob.glob('/sys/block/loop*/loop/backing_file'):
        with open(path, encoding='utf-8') as f:
            if f.read().strip() == image:
                found.append('/dev/' + path.split('/')[3])
    return found


@unittest.skipIf(why_not(), why_not() or '')
class Base(unittest.TestCase):
    config = CONFIG

    def setUp(self):
        self.images = []
        self.make_host()

    def make_host(self, settings=None):
        path = self.config
        if settings is not None:
            path = f'/tmp/shim-block-{os.getpid()}.toml'
            with open(path, 'w', encoding='utf-8') as f:
                f.write(settings)
            self.addCleanup(os.unlink, path)
        self.host = Host(PROGRAM, HYPERVISOR, path)
        ctl.make_rootfs(self.host.rootfs)

    def tearDown(self):
        left = self.host.settled_left()
        until = time.monotonic() + 30
        while any(map(backing, self.images)) and time.monotonic() < until:
            time.sleep(0.05)
        left += [f'{image}: {backing(image)}' for image in self.images if backing(image)]
        for node in [n for image in self.images for n in backing(image)]:
            subprocess.run(['losetup', '-d', node], check=False)
        self.host.destroy()
        self.assertEqual(left, [])

    def image(self, name):
        path = f'{self.host.top}/{name}.img'
        with open(path, 'wb') as f:
            f.truncate(24 * MIB)
        subprocess.run(['mkfs.ext4', '-q', '-F', '-d', self.host.rootfs, path], check=True)
        self.images.append(path)
        return path

    def loop(self, image):
        node = subprocess.run(['losetup', '-f', '--show', image], check=True, capture_output=True, text=True).stdout.strip()
        self.addCleanup(subprocess.run, ['losetup', '-d', node], check=False, stderr=subprocess.DEVNULL)
        self.images.remove(image)
        return node

    def task(self, name, source, *options, args=('sleep', '1000'), kind='ext4', **more):
        task = Task(self.host, name, list(args), **more)
        task.mounts = [[(1, kind), (2, source), *[(4, o) for o in options]]]
        return task

    def logged(self, task):
        """Opens the log as containerd does; read it by a call of what is returned."""
        fd = os.open(f'{task.path}/log', os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)

        def read():
            try:
                return os.read(fd, 65536).decode()
            except BlockingIOError:
                return ''
        return read

    def disks(self, sandbox):
        with open(f'{self.host.state}/default__{sandbox}/state.json', encoding='utf-8') as f:
            return {d['id']: d for d in json.load(f)['plan']['vm'].get('disks', [])}

    def number(self, node):
        device = os.stat(node).st_rdev
        return f'kata-b-{os.major(device)}-{os.minor(device)}'

    def mounted(self, task):
        with open('/proc/self/mountinfo', encoding='utf-8') as f:
            return any(line.split()[4] == f'{task.path}/rootfs' for line in f)

    def start(self, task):
        task.create(timeout=180 * SLOW)
        task.call('Start', timeout=60 * SLOW)

    def kill(self, task):
        task.call('Kill', [(3, 9)])
        task.wait(timeout=60 * SLOW)
        task.end()

    def refused(self, task, code, words):
        with self.assertRaises(wire.Refused) as caught:
            task.create(timeout=180 * SLOW)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertIn(words, caught.exception.why)
        task.call('Shutdown')
        task.client.close()
        task.delete_verb()


class Decisions(Base):
    """What goes to the guest and what is mounted here; over the null hypervisor, which opens nothing."""

    def setUp(self):
        if not NULL:
            self.skipTest('once is enough')
        super().setUp()

    def test_device(self):
        node = self.loop(self.image('root'))
        task = self.task('one', node)
        self.start(task)
        self.assertFalse(self.mounted(task))
        self.assertEqual(list(self.disks('one')), [self.number(node)])
        self.assertFalse(self.disks('one')[self.number(node)]['readonly'])
        self.kill(task)

    def test_link(self):
        node = self.loop(self.image('root'))
        os.symlink(node, f'{self.host.top}/mapper')
        task = self.task('one', f'{self.host.top}/mapper', 'ro', 'noatime')
        self.start(task)
        self.assertTrue(self.disks('one')[self.number(node)]['readonly'])
        self.kill(task)

    def test_file(self):
        image = self.image('root')
        task = self.task('one', image, 'loop', 'rw')
        self.start(task)
        self.assertFalse(self.mounted(task))
        self.assertEqual([self.number(n) for n in backing(image)], list(self.disks('one')))
        self.kill(task)
        self.assertEqual(backing(image), [])

    def test_file_without_loop(self):
        self.refused(self.task('one', self.image('root')), 2, 'mount 0')

    def test_file_is_a_device_already(self):
        image = self.image('root')
        self.loop(image)
        self.refused(self.task('one', image, 'loop'), 2, 'losetup')

    def test_in_use(self):
        node = self.loop(self.image('root'))
        os.mkdir(f'{self.host.top}/at')
        subprocess.run(['mount', node, f'{self.host.top}/at'], check=True)
        try:
            task = self.task('one', node)
            with self.assertRaises(wire.Refused) as caught:
                task.create()
            self.assertIn('the host uses it itself', caught.exception.why)
            self.assertFalse(self.mounted(task))
            task.call('Shutdown')
            task.client.close()
            task.delete_verb()
        finally:
            subprocess.run(['umount', f'{self.host.top}/at'], check=True)

    def shared_instead(self, settings, source, *options):
        self.host.destroy()
        self.make_host(settings)
        image = self.image('root')
        pod = self.task('pod', self.loop(image) if source == 'device' else image, *options, start=False)
        read = self.logged(pod)
        pod.socket = self.host.start('pod')
        pod.client = self.host.connect(pod.socket)
        self.start(pod)
        self.assertTrue(self.mounted(pod))
        self.assertEqual(self.disks('pod'), {})
        self.assertIn('mounted here and shared', read())
        self.kill(pod)

    def test_key(self):
        self.shared_instead('[hypervisor.null]\ndisable_block_device_use = true\n', 'device')

    def test_key_and_file(self):
        self.shared_instead('[hypervisor.null]\ndisable_block_device_use = true\n', 'file', 'loop')

    def pod(self, settings, shared):
        self.host.destroy()
        self.make_host(settings)
        pod = self.task('pod', self.image('pod'), 'loop', annotations=POD, stdio=False)
        self.start(pod)
        members = [self.task(name, self.image(name), 'loop', annotations=MEMBER, stdio=False) for name in ('a', 'b')]
        for member in members:
            self.start(member)
        self.assertEqual([self.mounted(t) for t in (pod, *members)], [False, *shared])
        self.assertEqual(len(self.disks('pod')), 3 - sum(shared))
        for task in (*members, pod):
            self.kill(task)

    def test_pod(self):
        self.pod('', [False, False])

    def test_pod_with_one_place(self):
        """The first one's root takes none: it is there from the start."""
        self.pod('[hypervisor.null]\ndisk_ports = 1\n', [False, True])

    def test_pod_without_places(self):
        self.pod('[hypervisor.null]\ndisk_ports = 0\n', [True, True])

    def test_killed(self):
        image = self.image('root')
        task = self.task('one', image, 'loop')
        self.start(task)
        for pid in self.host.servers():
            os.kill(pid, signal.SIGKILL)
        task.client.close()
        task.delete_verb()
        self.assertEqual(backing(image), [])


    def test_killed_within(self):
        """Within Create and within Delete, at whatever point: the loop device, a mount, the machine."""
        image = self.image('root')
        for shared in (False, True):
            if shared:
                self.host.destroy()
                self.make_host('[hypervisor.null]\ndisable_block_device_use = true\n')
                self.images, image = [], self.image('root')
            for i, (method, ms) in enumerate([(m, ms) for m in ('Create', 'Delete') for ms in (0, 1, 2, 4, 8, 16, 32)]):
                with self.subTest(shared=shared, within=method, after_ms=ms):
                    task = self.task(f'w{i}', image, 'loop', stdio=False)
                    if method == 'Delete':
                        task.create()
                    task.client.start('containerd.task.v2.Task', method, task.create_fields() if method == 'Create' else [(1, task.name)])
                    time.sleep(ms / 1000)
                    for pid in self.host.servers():
                        os.kill(pid, signal.SIGKILL)
                    task.client.close()
                    task.delete_verb()
                    self.assertEqual(self.host.settled_left(), [])
                    until = time.monotonic() + 30
                    while backing(image) and time.monotonic() < until:
                        time.sleep(0.02)
                    self.assertEqual(backing(image), [])

    def test_other_ids(self):
        self.refused(self.task('one', self.image('root'), 'loop', 'uidmap=0:1000:1'), 2, 'mount 0')


class Guest(Base):
    def setUp(self):
        if NULL:
            self.skipTest('the null hypervisor has no guest')
        super().setUp()

    def cat(self, image, name):
        return subprocess.run(['debugfs', '-R', f'cat /{name}', image], capture_output=True, check=False).stdout

    def test_roots(self):
        """Its own root and what it wrote; a read-only one still gets the directories that it mounts on."""
        image = self.image('root')
        words = "set -e; grep ' / ' /proc/mounts; echo kept > /file; ls -d /made; grep ' /made ' /proc/mounts; sync"

        def change(spec):
            spec['mounts'].append({'destination': '/made', 'type': 'tmpfs', 'source': 'tmpfs'})
        # Of the options some are only mount(8)'s.
        task = self.task('one', image, 'loop', 'rw', 'defaults', 'nofail', 'X-containerd.x=1', 'noatime', args=['sh', '-c', words], change=change)
        self.start(task)
        out = task.output(timeout=60 * SLOW).decode()
        self.assertEqual(task.wait(timeout=60 * SLOW), 0, task.output(1))
        self.assertRegex(out, r'/dev/vd[a-z]+ / ext4 [^\n]*noatime')
        self.assertFalse(self.mounted(task))
        task.end()
        self.assertEqual(self.cat(image, 'file'), b'kept\n')

    def test_readonly(self):
        image = self.image('root')

        def change(spec):
            spec['root']['readonly'] = True
            spec['mounts'].append({'destination': '/made', 'type': 'tmpfs', 'source': 'tmpfs'})
        task = self.task('one', image, 'loop', args=['sh', '-c', "grep ' /made ' /proc/mounts; echo x > /file || echo refused"], change=change)
        self.start(task)
        out = task.output(timeout=60 * SLOW).decode()
        self.assertEqual(task.wait(timeout=60 * SLOW), 0)
        self.assertIn('/made tmpfs', out)
        self.assertIn('refused', out)
        task.end()
        self.assertEqual(self.cat(image, 'file'), b'')

    def test_pod(self):
        """A member's device comes to the running guest where that can be, and is shared where not; it goes with the member."""
        pod = self.task('pod', self.image('pod'), 'loop', annotations=POD, stdio=False)
        self.start(pod)
        image = self.image('a')
        member = self.task('a', image, 'loop', annotations=MEMBER, args=['sh', '-c', "grep ' / ' /proc/mounts; echo kept > /file; sync"])
        self.start(member)
        self.assertIn('virtiofs / ' if HYPERVISOR == 'builtin' else '/ ext4', member.output(timeout=60 * SLOW).decode().replace('kataShared', 'virtiofs'))
        self.assertEqual(member.wait(timeout=60 * SLOW), 0)
        member.end()
        if HYPERVISOR != 'builtin':  # what was shared the guest's kernel may remember, and the file server with it, until the pod ends
            self.assertEqual(backing(image), [])
        self.assertEqual(pod.status(), RUNNING)
        self.kill(pod)
        until = time.monotonic() + 30
        while backing(image) and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual(self.cat(image, 'file'), b'kept\n')


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:], verbosity=2)
