#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests tests/bed/run from outside: streams, exit statuses, limits, shared folders, and that no end of it leaves anything behind."""

import glob
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'support')]
sys.dont_write_bytecode = True

import monitor   # noqa: E402
import residue   # noqa: E402

RUN = [f'{HERE}/run', *(['--cache', sys.argv[1]] if len(sys.argv) > 1 else [])]
LIMIT = 600


def emulators(folder):
    """The emulated hosts whose files are in this folder: others may run on this machine meanwhile, and are none of our business."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        if folder in residue.read(f'/proc/{pid}/cmdline') and 'qemu-system' in residue.read(f'/proc/{pid}/comm'):
            found.append(int(pid))
    return found


def everything(folder):
    """What a runner may leave behind: processes and mounts, and its own folder."""
    return {**residue.take([folder]), 'process': [str(pid) for pid in emulators(folder)]}


class Bed(unittest.TestCase):
    where = '--emulated'

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bed-test-')
        self.temporary = f'{self.folder}/tmp'
        os.mkdir(self.temporary)
        self.before = everything(self.temporary)

    def tearDown(self):
        until = time.monotonic() + 30
        while (left := residue.difference(self.before, everything(self.temporary))) and time.monotonic() < until:
            time.sleep(0.1)
        shutil.rmtree(self.folder)
        self.assertEqual(left, [])

    def start(self, *words):
        return subprocess.Popen([*RUN, self.where, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, 'TMPDIR': self.temporary, 'PLANET': 'earth'})

    def run_bed(self, *words):
        with self.start(*words) as process:
            out, err = process.communicate(timeout=LIMIT)
        return process.returncode, out, err

    def batch(self, text, *words):
        path = f'{self.folder}/batch'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        code, out, _ = self.run_bed('--batch', path, *words)
        return code, [line for line in out.decode().splitlines() if line.startswith(('ok', 'not ok'))], out.decode()


class Both(Bed):
    """What an emulated host and this machine do alike: here on this machine."""
    where = '--direct'

    def test_streams_status_and_environment(self):
        script = 'echo "$PLANET $MOON $KATA_BED"; pwd; head -c 10485760 /dev/zero | tr "\\0" x; echo error >&2; exit 42'
        code, out, err = self.run_bed('--env', 'PLANET', '--env', 'MOON=a moon', '--chdir', self.folder, '--', 'sh', '-c', script)
        self.assertEqual((code, err), (42, b'error\n'))
        head = f'earth a moon 1\n{self.folder}\n'.encode()
        self.assertEqual(hashlib.sha256(out).hexdigest(), hashlib.sha256(head + b'x' * 10485760).hexdigest())

    def test_batch(self):
        code, lines, text = self.batch('good - true\nbad 9 sh -c "echo why; exit 3"  # a comment\n\nslow 1 sh -c "sleep 60 & wait"\n'
                                       "skipped 9 sh -c 'echo SKIP: no luck; exit 77'\nkilled 9 sh -c 'kill -9 $$'\nmissing 9 /no/such\nlast 9 true\n",
                                       '--logs', f'{self.folder}/logs')
        self.assertEqual(lines, ['ok 1 - good', 'not ok 2 - bad', 'not ok 3 - slow', 'ok 4 - skipped # SKIP no luck', 'not ok 5 - killed',
                                 'not ok 6 - missing', 'ok 7 - last'])
        self.assertEqual(code, 1)
        for name, status in (('bad', 3), ('slow', 124), ('killed', 137), ('missing', 127)):
            self.assertIn(f'# {name}: status {status},', text)
        with open(f'{self.folder}/logs/bad.log', encoding='utf-8') as f:
            self.assertEqual(f.read(), 'why\n')


class Emulated(Both):
    where = '--emulated'

    def test_time_limit(self):
        code, out, _ = self.run_bed('--timeout', '1', '--merge', '--', 'sh', '-c', 'echo first >&2; sleep 300 & sleep 300')
        self.assertEqual((code, out), (124, b'first\n'))

    def test_folders(self):
        shared = f'{self.folder}/shared, with a comma'
        os.mkdir(shared)
        with open(f'{shared}/old', 'w', encoding='utf-8') as f:
            f.write('old\n')
        code, out, err = self.run_bed('--share', shared, '--', 'sh', '-c',
                                      f'cat "{shared}/old"; echo new >"{shared}/new"; echo lost >"{self.folder}/lost" && cat "{self.folder}/lost"')
        self.assertEqual((code, out, err), (0, b'old\nlost\n', b''))
        with open(f'{shared}/new', encoding='utf-8') as f:
            self.assertEqual(f.read(), 'new\n')
        self.assertFalse(os.path.exists(f'{self.folder}/lost'))

    def test_host_that_sleeps_is_woken(self):
        """Each second without work brings a key's interrupts: more than those that it had."""
        keys = "cut -d: -f2- /proc/interrupts | awk '/i8042/ {print $1; exit}'"
        code, out, _ = self.run_bed('--', 'sh', '-c', f'{keys}; sleep 6; {keys}')
        before, after = map(int, out.split())
        self.assertEqual(code, 0)
        self.assertGreater(after, before)

    def test_death_of_the_bed(self):
        code, lines, text = self.batch("crash 60 sh -c 'echo before; echo c >/proc/sysrq-trigger; sleep 60'\nafter 60 true\n")
        self.assertEqual((code, lines), (1, ['not ok 1 - crash', 'ok 2 - after']))
        self.assertIn('# crash: status 125,', text)
        self.assertIn('sysrq triggered crash', text)

    def standstill(self, times):
        """The machine under the first command is stopped as often as this, once the command runs; what the runner prints."""
        path = f'{self.folder}/batch'
        with open(path, 'w', encoding='utf-8') as f:
            f.write("hang 60 sh -c 'echo up; sleep 20; echo down'\nafter 60 echo next\n")
        process = self.start('--batch', path, '--logs', self.folder, '--silence', '25')
        for _ in range(times):
            until = time.monotonic() + LIMIT
            while not (started := glob.glob(f'{self.temporary}/*/control/0000/started')) and time.monotonic() < until:
                time.sleep(0.05)
            place = os.path.dirname(os.path.dirname(os.path.dirname(started[0])))
            qemu = monitor.Monitor(f'{place}/qmp')
            qemu.ask('stop')
            qemu.close()
            while os.path.exists(place) and time.monotonic() < until:
                time.sleep(0.05)
        return process.communicate(timeout=LIMIT)[0].decode()

    def test_bed_that_stands_still(self):
        """The command is begun again, and the report says so and where the machine stood."""
        out = self.standstill(1)
        self.assertIn('# STOOD STILL: hang: the bed stood still\n', out)
        self.assertIn('RIP=', out)
        self.assertIn('ok 1 - hang\n', out)
        self.assertNotIn('not ok', out)
        self.assertIn('ok 2 - after\n', out)
        with open(f'{self.folder}/hang.log', encoding='utf-8') as f:
            self.assertEqual(f.read(), 'up\ndown\n')

    def test_bed_that_stands_still_again(self):
        out = self.standstill(2)
        self.assertEqual(out.count('# STOOD STILL: hang:'), 2)
        self.assertIn('not ok 1 - hang\n# hang: status 125,', out)
        self.assertIn('ok 2 - after\n', out)

    def end_by(self, number):
        process = self.start('--', 'sh', '-c', 'echo up; sleep 300')
        self.assertEqual(process.stdout.readline(), b'up\n')
        self.assertEqual(len(emulators(self.temporary)), 1)
        process.send_signal(number)
        process.communicate(timeout=60)
        return process.returncode

    def test_end_by_signal(self):
        self.assertEqual(self.end_by(signal.SIGTERM), 143)

    def test_end_by_kill(self):
        self.assertEqual(self.end_by(signal.SIGKILL), -signal.SIGKILL)


if __name__ == '__main__':
    if not shutil.which('qemu-system-x86_64'):
        print('SKIP: qemu-system-x86_64 is not installed')
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
