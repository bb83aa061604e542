#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hostile images and containers reach of the host through a real guest, with the host watched: test-hostile-guest.py KATA-RUNTIME KATACTL."""
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

import engines
import canary

RUNTIME, KATACTL = sys.argv[1:3]
SECONDS = float(os.environ.get('HOSTILE_SECONDS', '4')) # of the race; 60 for the long run
OWN_MOUNTS = canary.own_mounts()
POD = {'io.kubernetes.cri.container-type': 'sandbox', 'io.kubernetes.cri.sandbox-id': 'pod'}
MEMBER = {'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.sandbox-id': 'pod'}
FOLDERS = ('run', 'root', 'mnt', 'abs')
MOUNTED = ('dev', 'proc') # crun makes no container where these are links
FILES = ('etc/passwd', 'etc/group', 'etc/hosts', 'etc/resolv.conf', 'etc/hostname')
REACH = ('for d in /abs /rel /etc /mnt %(canary)s; do cat $d/secret; cat $d/dir/file; ls $d/dir; echo x >$d/dir/file; echo x >$d/new; mkdir $d/dir/n; '
         'rm $d/secret; chmod 777 $d/null; done; cat %(files)s; ls /sys/block; true')


class Guest(unittest.TestCase):
    def setUp(self):
        self.canary = canary.Canary(OWN_MOUNTS)
        self.addCleanup(self.canary.close)

    def spoil(self, rootfs, folders=FOLDERS):
        """Links to the host where a runtime mounts, reads and writes; relative ones lead out of the root."""
        for name in folders:
            subprocess.run(['rm', '-rf', f'{rootfs}/{name}'], check=True)
            os.symlink(self.canary.path, f'{rootfs}/{name}')
        os.symlink('../' * 20 + self.canary.path[1:], f'{rootfs}/rel')
        for name in FILES:
            subprocess.run(['rm', '-rf', f'{rootfs}/{name}'], check=True)
            os.symlink(f'{self.canary.path}/secret', f'{rootfs}/{name}')
        pathlib.Path(rootfs, 'is-the-container').write_text('', encoding='ascii')

    def reach(self):
        return REACH % {'canary': self.canary.path, 'files': ' '.join('/' + f for f in FILES)}

    def untouched(self, what):
        self.assertEqual(self.canary.touched(), [], what)

    def engine(self, kind, program):
        engine = engines.make(kind, program, 'qemu')
        self.addCleanup(engine.close)
        return engine

    def test_katactl(self):
        """A run of such an image with its file system read, written and mounted over; the guest has no disk of the host."""
        engine = self.engine('katactl', KATACTL)
        engines.ctl.require_guest(engine.ctl)
        mine = os.path.join(engine.directory, 'mine')
        pathlib.Path(mine).write_text('mine\n', encoding='ascii')

        def change(config):
            config['process']['user']['additionalGids'] = [5]
            config['mounts'] += [{'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs'},
                                 {'destination': '/etc/hosts', 'type': 'bind', 'source': mine, 'options': ['rbind']},
                                 {'destination': '/mnt/deep/er', 'type': 'tmpfs', 'source': 'tmpfs'}]
            config['linux'].update(maskedPaths=['/etc/group', '/proc/kcore', self.canary.path + '/secret'], readonlyPaths=['/etc/passwd'])
        code, said = engine.attempt(['sh', '-c', self.reach()], change=change, image=self.spoil)
        self.untouched(said)
        self.assertNotIn('precious', said)
        self.assertNotRegex(said, r'(?m)^(vd|sd|nvme|hd)', 'a disk')
        print(f'katactl: exit {code}: {said[-300:]!r}', file=sys.stderr)
        self.assertEqual(engine.left(), [])

    def member(self, r, name, args, **more):
        """One container in the pod: (0 or not, what it printed)."""
        out = f'{r.directory}/{name}.out'
        folder = engines.write_bundle(f'{r.directory}/{name}', args, **more)
        code = r.create(name, folder, out=out)
        if code == 0:
            code = r.run('start', name).returncode
            r.wait_until('the end', lambda: r.status(name) == 'stopped', 60)
        r.run('delete', '--force', name)
        text = pathlib.Path(out).read_text(encoding='utf-8', errors='replace')
        self.untouched(text)
        self.assertNotIn('precious', text)
        return code, text

    def test_runtime(self):
        """One pod of kata-runtime: each trick as a container in it, or as an exec."""
        engine = self.engine('kata-runtime', RUNTIME)
        r = engine.r
        volume = os.path.join(r.directory, 'volume')
        os.makedirs(f'{volume}/a')
        pathlib.Path(volume, 'a', 'secret').write_text('allowed\n', encoding='ascii')
        os.symlink(self.canary.path, f'{volume}/b')
        main = engines.write_bundle(f'{r.directory}/main', ['sleep', '1000'], lambda config: (config.update(annotations=POD), config['mounts'].append(
            {'destination': '/v', 'type': 'bind', 'source': volume, 'options': ['rbind']})), lambda rootfs: os.makedirs(f'{rootfs}/is-the-container'))
        self.assertEqual(r.create('pod', main), 0)
        self.assertEqual(r.run('start', 'pod').returncode, 0)
        for name in MOUNTED:
            with self.subTest(name):
                self.member(r, name, ['sh', '-c', self.reach()], change=lambda config: config.update(annotations=MEMBER),
                            image=lambda rootfs, n=name: self.spoil(rootfs, (n, 'mnt')))
        with self.subTest('empty'):
            code, text = self.member(r, 'empty', ['/bin/sh'], change=lambda config: config.update(annotations=MEMBER),
                                     image=lambda rootfs: subprocess.run(['find', rootfs, '-mindepth', '1', '-delete'], check=True))
            self.assertNotEqual(code, 0, text)
        with self.subTest('working folder'):
            self.working_folders(r)
        with self.subTest('tables'):
            self.tables(r)
        with self.subTest('race'):
            self.race(r, volume)
        self.assertEqual(r.run('delete', '--force', 'pod').returncode, 0)
        self.assertEqual(engine.left(), [])
        self.untouched('at the end')

    def working_folders(self, r):
        """CVE-2024-21626: a working folder that is a descriptor of the runtime's. Refused, or inside the container."""
        look = ['sh', '-c', 'ls -d ../../../../../../../../is-the-container']
        codes = []
        for fd in (3, 5, 7, 9):
            path = f'{r.directory}/process.json'
            pathlib.Path(path).write_text(json.dumps({'args': look, 'cwd': f'/proc/self/fd/{fd}', 'user': {'uid': 0, 'gid': 0}, 'env': ['PATH=/bin']}),
                                          encoding='ascii')
            result = r.run('exec', '--process', path, 'pod')
            codes.append(result.returncode)
            if result.returncode == 0:
                self.assertIn(b'is-the-container', result.stdout)
        print(f'exec with descriptors as its folder: {codes}', file=sys.stderr)
        for fd in (7,):
            code, text = self.member(r, f'fd{fd}', look, cwd=f'/proc/self/fd/{fd}', change=lambda config: config.update(annotations=MEMBER),
                                     image=lambda rootfs: os.makedirs(f'{rootfs}/is-the-container'))
            self.assertTrue(code != 0 or text.strip().endswith('is-the-container') or 'No such file' not in text, text)

    def tables(self, r):
        """What the host passes on, the guest refuses."""
        for i, change in enumerate((lambda config: config['linux'].update(sysctl={'../../x': '1'}),
                                    lambda config: config['linux'].update(sysctl={'net/../kernel/core_pattern': 'x'}),
                                    lambda config: config['process'].update(rlimits=[{'type': 'RLIMIT_NONE', 'hard': 1, 'soft': 1}]))):
            code, text = self.member(r, f'table{i}', ['true'], change=lambda config, c=change: (config.update(annotations=MEMBER), c(config)))
            self.assertNotEqual(code, 0, f'{i}: {text}')

    def race(self, r, volume):
        """The guest reads and writes below a name that changes between a folder and a link to the canary: the server follows none."""
        going, swaps = True, [0]

        def swap():
            while going:
                canary.LIBC.renameat2(-100, f'{volume}/a'.encode(), -100, f'{volume}/b'.encode(), 2)
                swaps[0] += 1
        thread = threading.Thread(target=swap, daemon=True)
        thread.start()
        # Only what the shell does itself: a program takes a guest without KVM a tenth of a second.
        script = ('read up rest </proc/uptime; end=$((${up%%%%.*} + %d)); n=0; while [ $n -lt 100000 ]; do n=$((n+1)); read w </v/a/secret && echo $w; '
                  'echo x >/v/a/new; echo /v/a/dir/*; read w </v/b/secret && echo $w; echo x >/v/b/dir/file; '
                  'read up rest </proc/uptime; [ ${up%%%%.*} -lt $end ] || break; done 2>/dev/null; '
                  'ln -s %s /v/c; cat /v/c/secret; echo laps $n') % (SECONDS, self.canary.path)
        begun = time.monotonic()
        result = r.run('exec', 'pod', 'sh', '-c', script, timeout=SECONDS * 10 + 60)
        going = False
        thread.join()
        text = result.stdout.decode('utf-8', 'replace')
        print(f'{text[-20:].strip()}, {text.count("allowed")} reads, {swaps[0]} swaps, {time.monotonic() - begun:.1f} s', file=sys.stderr)
        self.assertIn('laps', text)
        self.assertNotIn('precious', text)
        self.untouched('race')


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
