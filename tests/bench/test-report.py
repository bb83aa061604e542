#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests how samples become figures and texts become samples: report.py, the readers of probe.py, the plan of `run`."""

import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import probe    # noqa: E402
import report   # noqa: E402
import table    # noqa: E402


def load_run():
    loader = importlib.machinery.SourceFileLoader('bench_run', f'{HERE}/run')
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('bench_run', loader))
    loader.exec_module(module)
    return module


def sample(subject, problem=None, **values):
    return {'level': 'job', 'subject': subject, 'kind': 'time', **({'problem': problem} if problem else {'values': values})}


SAMPLES = [sample('builtin', first_byte=2000, exits=10), sample('builtin', first_byte=1000, exits=10), sample('builtin', first_byte=6000),
           sample('builtin', problem='it broke'), sample('qemu-microvm', first_byte=4000, exits=None)]

SMAPS = """7f0000000000-7f0010000000 rw-s 00000000 00:01 12 /memfd:vmm-ram (deleted)
Size:             262144 kB
Rss:               50000 kB
Pss:               50000 kB
Private_Dirty:     50000 kB
VmFlags: rd wr sh
7f0020000000-7f0030000000 rw-p 00000000 00:00 0
Size:             262144 kB
Rss:                   8 kB
Pss:                   8 kB
7f0040000000-7f0040001000 r-xp 00001000 08:01 77 /usr/lib/libc.so.6
Size:                  4 kB
Rss:                   4 kB
Pss:                   2 kB
Private_Dirty:         0 kB
7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0 [stack]
Size:                  4 kB
Rss:                   4 kB
Pss:                   4 kB
Private_Dirty:         4 kB
7f0050000000-7f0050001000 rw-p 00000000 00:00 0 [anon: glibc: malloc]
Size:                  4 kB
Rss:                   4 kB
Pss:                   4 kB
Private_Dirty:         4 kB
"""


class Report(unittest.TestCase):
    def test_figures(self):
        builtin = report.figures(SAMPLES)['job']['builtin']
        self.assertEqual((builtin['n'], builtin['failed'], builtin['problems']), (4, 1, ['it broke']))
        self.assertEqual(builtin['measures']['first_byte'], {'n': 3, 'min': 1000, 'median': 2000, 'max': 6000})
        self.assertEqual(builtin['measures']['exits']['n'], 2)

    def test_ratio(self):
        subjects = report.figures(SAMPLES)['job']
        self.assertEqual(report.ratio(subjects, 'builtin', 'qemu-microvm', 'first_byte'), 0.5)
        self.assertIsNone(report.ratio(subjects, 'builtin', 'qemu-microvm', 'exits'))
        self.assertIsNone(report.ratio(subjects, 'builtin', 'nobody', 'first_byte'))

    def test_text(self):
        text = report.text(report.figures(SAMPLES), {'clock': 'time'}, 'qemu-microvm')
        self.assertIn('builtin: 4 runs, 1 failed', text)
        self.assertIn('builtin, 1 times: it broke', text)
        self.assertRegex(text, r'start to first byte of output, ms .*builtin .*3 .*1,000 .*2,000 .*6,000 .*0\.50')

    def test_table(self):
        text = table.text(report.figures(SAMPLES), {'clock': 'time'})
        self.assertIn('| start to first byte of output, ms | 1,000–6,000 | 4,000 | 0.50 |', text)
        self.assertIn('Every row is won.', text)
        self.assertIn('Samples: builtin: time 4 (1 failed); qemu-microvm: time 1.', text)
        worse = [*SAMPLES, sample('qemu-q35', first_byte=100), sample('builtin-pci', first_byte=103), sample('qemu-microvm', exits=8)]
        text = table.text(report.figures(worse), {})
        self.assertIn('Not won: start to first byte of output, ms (builtin-pci to qemu-q35 1.03); KVM exits until ready (builtin to qemu-microvm 1.25).', text)

    def test_json(self):
        found = json.loads(report.as_json(report.figures(SAMPLES), {}, 'qemu-microvm', SAMPLES))
        self.assertEqual(found['figures']['job']['builtin']['measures']['first_byte']['ratio'], 0.5)
        self.assertEqual(len(found['samples']), 5)

    def test_every_measure_is_described(self):
        for unit, what, better in report.MEASURES.values():
            self.assertTrue(what and better in ('less', 'more', ''), (unit, what))


class Probe(unittest.TestCase):
    def test_memory_without_the_guests(self):
        parts = [(perms, name, fields) for perms, name, fields in probe.mappings(SMAPS)]
        ram = [probe.is_guest_ram(name, fields['Size'], 262144) for _, name, fields in parts]
        self.assertEqual(ram, [True, True, False, False, False])
        self.assertEqual([probe.kind_of(name, perms) for perms, name, _ in parts[2:]], ['libc.so.6', 'stack', 'anon'])
        self.assertEqual([fields['Pss'] for _, _, fields in parts], [50000, 8, 2, 4, 4])

    def test_own_memory(self):
        seen = probe.memory([os.getpid()], 1)
        if not seen['pss']:
            self.skipTest('smaps cannot be read here')
        self.assertGreater(seen['rss'], 1000)
        self.assertLessEqual(seen['pss'], seen['rss'])
        self.assertAlmostEqual(sum(seen['parts'].values()), seen['pss'])

    def test_calls_by_phase(self):
        texts = {'sys_enter': """{ common_pid: kata-vmm        [       101], id: sys_ioctl                     [ 16] } hitcount:         30
{ common_pid: vmm-vcpu0       [       102], id: sys_read                      [  0] } hitcount:          3
""", 'sys_exit': "{ common_pid: kata-vmm        [       101], id: sys_ioctl                     [ 16] } hitcount:         10\n"}
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                os.makedirs(f'{folder}/events/raw_syscalls/{name}')
                with open(f'{folder}/events/raw_syscalls/{name}/hist', 'w', encoding='utf-8') as f:
                    f.write(text)
            trace = probe.Trace.__new__(probe.Trace)
            trace.folder = folder
            self.assertEqual(trace.system_calls(), {101: ('kata-vmm', {'sys_ioctl': 30}), 102: ('vmm-vcpu0', {'sys_read': 3})})
            values, by_name, names = probe.calls_of(trace, 'kata-vmm', {})
            self.assertEqual(probe.kinds_of(trace, {}), ['ioctl'])
            self.assertEqual(probe.calls_of_threads(trace, {101}), ({'calls_guest': 10, 'kinds_guest': 1}, ['ioctl']))
            self.assertEqual(probe.calls_of_threads(trace, {102}), ({}, []))
        self.assertEqual(values, {'calls': 30, 'call_kinds': 1, 'calls_before': 20, 'calls_guest': 10, 'kinds_guest': 1})
        self.assertEqual((by_name, names), ({'kata-vmm': 30}, {'all': ['ioctl'], 'guest': ['ioctl']}))

    def test_own_family(self):
        self.assertIn(os.getpid(), probe.family(os.getpid()))
        self.assertGreaterEqual(probe.threads([os.getpid()]), 1)


class Plan(unittest.TestCase):
    def test_subjects_take_turns(self):
        bench, argv = load_run(), sys.argv
        try:
            sys.argv = ['run', '--samples', '2', '--kinds', 'time,boot', '--subjects', 'builtin,qemu-microvm']
            plan = bench.make_plan(bench.arguments())
        finally:
            sys.argv = argv
        self.assertEqual([(s['kind'], s['subject']) for s in plan],
                         [('time', 'builtin'), ('time', 'qemu-microvm'), ('boot', 'builtin'), ('boot', 'qemu-microvm')] * 2)
        self.assertEqual([s['number'] for s in plan], list(range(8)))


if __name__ == '__main__':
    unittest.main()
