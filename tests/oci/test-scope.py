#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kata-runtime --systemd-cgroup with a systemd that only notes what it is asked, on a bus of the test's own; over the null hypervisor."""
import glob
import os
import shutil
import subprocess
import sys
import unittest

from runtime import Runtime

SLICE = f'katatest{os.getpid()}.slice'
PROGRAM, FAKE = (os.path.abspath(path) for path in sys.argv[1:3])


class Scope(unittest.TestCase):
    def setUp(self):
        self.r = Runtime(PROGRAM, 'null')
        self.address = f'unix:path={self.r.directory}/bus'
        self.calls = f'{self.r.directory}/calls'
        self.env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.address)
        self.daemon = self.begin('dbus-daemon', '--session', f'--address={self.address}', '--nofork', '--print-address')
        self.systemd = None

    def begin(self, *argv):
        process = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertTrue(process.stdout.readline(), argv)
        return process

    def tearDown(self):
        for process in filter(None, (self.systemd, self.daemon)):
            process.kill()
            process.wait()
            process.stdout.close()
        left = self.r.settled_leftovers()
        self.r.close()
        for folder in [*glob.glob(f'/sys/fs/cgroup/{SLICE}'), *glob.glob(f'/sys/fs/cgroup/*/{SLICE}')]:
            os.rmdir(folder) # the engine's, above the scope
        self.assertEqual(left, [])

    def create(self, how):
        """What systemd was asked, what was said, and the container's pid."""
        if how:
            self.systemd = self.begin(FAKE, self.calls, how)
        bundle = self.r.bundle('sleep', '1000', change=lambda config: config['linux'].update(cgroupsPath=f'{SLICE}:kt:one'))
        with open(f'{self.r.directory}/said', 'wb+') as said:
            argv = self.r.argv('--systemd-cgroup', 'create', '-b', bundle, 'c1')
            code = subprocess.run(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=60, check=False).returncode
            said.seek(0)
            text = said.read().decode()
        self.assertEqual(code, 0, text)
        pid = self.r.state('c1')['pid']
        self.assertEqual(self.r.run('delete', '-f', 'c1').returncode, 0)
        calls = ''
        if os.path.exists(self.calls):
            with open(self.calls, encoding='utf-8') as f:
                calls = f.read()
        return calls, text, pid

    def test_scope(self):
        calls, said, pid = self.create('done')
        self.assertEqual(calls.split()[0], 'Subscribe')
        for word in ("'kt-one.scope', 'fail'", f"('Slice', <'{SLICE}'>)", f'{pid}]>)',
                     "('Delegate', <true>)", "('DefaultDependencies', <false>)"):
            self.assertIn(word, calls)
        self.assertNotIn('systemd', said)

    def test_that_fails(self):
        """The container is made all the same, in the directory where the scope would be."""
        for how, why in (('failed', 'its job ended as "failed"'), ('refuse', 'it is there already')):
            _, said, _ = self.create(how)
            self.assertIn('kata-runtime: warning: systemd did not make the scope "kt-one.scope": ', said)
            self.assertIn(why, said)
            self.systemd.kill()
            self.systemd.wait()
            self.systemd.stdout.close()
            self.systemd = None

    def test_nobody_there(self):
        _, said, _ = self.create(None)
        self.assertIn('systemd did not make the scope', said)


if __name__ == '__main__':
    if not shutil.which('dbus-daemon') or os.geteuid() != 0:
        print('SKIP: needs root and dbus-daemon (package dbus-daemon)')
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
