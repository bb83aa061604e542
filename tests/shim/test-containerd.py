#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shim under a real containerd, with ctr: run, exec, metrics, pause, kill, delete, many at once, containerd killed during each call."""
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import engine
import residue

PROGRAM, CONFIG, HYPERVISOR = sys.argv[1:4]
del sys.argv[1:4]
# With QEMU a machine takes seconds, and it is emulated where the host has no KVM.
NULL = HYPERVISOR == 'null'
MANY = int(os.environ.get('SHIM_MANY', '4'))
CYCLES = int(os.environ.get('SHIM_CYCLES', '20' if NULL else '2'))
host = None


def setUpModule():
    global host
    host = engine.Engine(PROGRAM, CONFIG, HYPERVISOR)


def tearDownModule():
    host.close()


def resident(pid):
    """KiB of memory."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return int(next(line for line in f if line.startswith('VmRSS')).split()[1])


class Base(unittest.TestCase):
    def tearDown(self):
        left = host.settled_left()
        for line in left:
            if line.startswith('bundle '):
                host.remove(line.rsplit('/', 1)[1])
        for name in host.ctr('container', 'ls', '-q').stdout.decode().split():
            host.remove(name)
        self.assertEqual(left, [], host.logged() if left else '')

    def detached(self, name, *args, options=()):
        host.run(name, *(args or ('sleep', '1000')), options=('-d', *options))
        self.assertEqual(host.tasks().get(name), 'RUNNING')

    def end(self, name):
        host.ctr('task', 'kill', '-s', 'SIGKILL', name)
        self.wait_for(lambda: host.tasks().get(name) == 'STOPPED')
        host.ctr('task', 'delete', name, check=False)
        host.ctr('container', 'delete', name)

    def wait_for(self, condition, seconds=60 * engine.SLOW):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)


class Run(Base):
    def test_output_and_exit_code(self):
        result = host.run('r1', 'sh', '-c', 'echo out; echo err >&2; exit 3', check=False)
        self.assertEqual((result.stdout, result.returncode), (b'out\n', 3) if not NULL else (b'out\n', 3), result)
        self.assertIn(b'err\n', result.stderr)

    def test_signal_and_missing_program(self):
        if not NULL:
            self.assertEqual(host.run('r2', 'sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?', check=False).returncode, 137)
        result = host.run('r3', 'nonesuch', check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b'nonesuch', result.stderr)

    def test_much_output(self):
        words = ['bytes', '5000000'] if NULL else ['sh', '-c', 'yes 0123456789 | head -c 5000000']
        self.assertEqual(len(host.run('r4', *words).stdout), 5000000)

    def test_standard_input(self):
        process = subprocess.Popen(host.argv(*host.run_words('r5', 'cat', options=['--rm'])), env=host.env, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.wait_for(lambda: host.tasks().get('r5') == 'RUNNING')
        time.sleep(0.5)
        self.assertEqual(process.communicate(b'x' * 100000, timeout=60 * engine.SLOW)[0], b'x' * 100000)

    def test_kernel_is_the_guests(self):
        if NULL:
            self.skipTest('the null hypervisor has no kernel')
        self.assertNotEqual(host.run('r6', 'uname', '-v').stdout.decode().strip(), os.uname().version)

    def test_terminal(self):
        words = host.run_words('r7', *(['echo', 'tty'] if NULL else ['sh', '-c', 'tty; stty size']), options=['--rm', '-t'])
        command = ' '.join(["'" + w + "'" for w in host.argv(*words)])
        result = subprocess.run(['script', '-qec', f'stty rows 33 cols 77; {command}', '/dev/null'], env=host.env, stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=120 * engine.SLOW, check=False)
        self.assertIn(b'tty' if NULL else b'/dev/pts', result.stdout)


class Detached(Base):
    def test_life(self):
        self.detached('d1')
        for i in range(2): # an id may be used again
            result = host.ctr('task', 'exec', '--exec-id', 'e1', 'd1', 'sh', '-c', f'echo again; exit {4 + i}', check=False)
            self.assertEqual((result.stdout, result.returncode), (b'again\n', 4 + i), result)
            if NULL:
                break
        self.assertNotEqual(host.ctr('task', 'exec', '--exec-id', 'e2', 'd1', 'nonesuch', check=False).returncode, 0)
        metrics = host.ctr('task', 'metrics', 'd1').stdout.decode()
        self.assertIn('memory', metrics)
        self.assertIn('cpu', metrics)
        host.ctr('task', 'pause', 'd1')
        self.assertEqual(host.tasks()['d1'], 'PAUSED')
        host.ctr('task', 'resume', 'd1')
        self.assertEqual(host.tasks()['d1'], 'RUNNING')
        self.assertEqual(len(host.ctr('task', 'ps', 'd1').stdout.decode().strip().split('\n')), 2)
        self.end('d1')

    @unittest.skipIf(NULL, 'a null guest never runs out of memory')
    def test_memory_runs_out(self):
        """The shim publishes that the guest killed a process for want of memory."""
        with subprocess.Popen(host.argv('events'), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as events:
            self.addCleanup(events.kill)
            self.detached('m1', options=('--memory-limit', str(64 << 20)))
            hog = host.ctr('task', 'exec', '--exec-id', 'hog', 'm1', 'sh', '-c', 'x=xxxxxxxx; while :; do x=$x$x; done', check=False)
            self.assertEqual(hog.returncode, 137, hog)
            watchdog = threading.Timer(60 * engine.SLOW, events.kill)
            watchdog.start()
            told = next((line for line in events.stdout if b'/tasks/oom' in line), None)
            watchdog.cancel()
            self.assertIsNotNone(told, 'no event came')
            self.assertIn(b'm1', told)
            events.kill()
        self.end('m1')

    def test_machine_killed(self):
        if NULL:
            self.skipTest('the null hypervisor is no process')
        self.detached('d2')
        pid = int(next(l for l in host.ctr('task', 'ls').stdout.decode().split('\n') if l.startswith('d2')).split()[1])
        with open(f'/proc/{pid}/comm', encoding='ascii') as f:
            self.assertIn('qemu' if HYPERVISOR == 'qemu' else 'kata-vmm', f.read())
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: host.tasks().get('d2') == 'STOPPED')
        host.ctr('task', 'delete', 'd2', check=False)
        host.ctr('container', 'delete', 'd2')

    def test_shim_killed(self):
        self.detached('d3')
        os.kill(host.servers()[0], signal.SIGKILL)
        self.wait_for(lambda: host.tasks().get('d3') in (None, 'STOPPED'))
        host.remove('d3')

    def test_containerd_restarted(self):
        self.detached('d4')
        for how in (signal.SIGTERM, signal.SIGKILL):
            host.stop(how)
            time.sleep(0.3)
            host.start()
            self.assertEqual(host.tasks().get('d4'), 'RUNNING', host.logged())
            self.assertEqual(host.ctr('task', 'exec', '--exec-id', f'e{how}', 'd4', 'echo', 'hi').stdout, b'hi\n')
        self.end('d4')

    def test_containerd_killed_during_each_call(self):
        calls = {
            'run': lambda name: host.run_words(name, 'sleep', '1000', options=['-d']),
            'exec': lambda name: ['task', 'exec', '--exec-id', 'x', name, 'sleep', '2'],
            'pause': lambda name: ['task', 'pause', name],
            'kill': lambda name: ['task', 'kill', '-s', 'SIGKILL', name],
            'delete': lambda name: ['task', 'delete', '-f', name],
        }
        for call, words in calls.items():
            for i, delay in enumerate((0.03, 0.1, 0.4) if NULL else (0.2, 2)):
                with self.subTest(during=call, after=delay):
                    self.killed_during(call, f'k-{call}-{i}', words, delay)

    def killed_during(self, call, name, words, delay):
        if call != 'run':
            self.detached(name)
        process = subprocess.Popen(host.argv(*words(name)), env=host.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(delay)
        host.stop(signal.SIGKILL)
        process.kill()
        process.wait()
        host.start()
        host.remove(name)
        self.wait_for(lambda: name not in host.tasks())
        self.assertEqual(host.settled_left(), [], host.logged())


class Many(Base):
    def test_one_after_the_other(self):
        """SHIM_CYCLES=200 is what a release is tried with."""
        before, begun, sizes = residue.take(), time.monotonic(), []
        for i in range(CYCLES):
            with subprocess.Popen(host.argv(*host.run_words(f'c{i}', 'cat', options=['--rm'])), env=host.env, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as process:
                process.stdin.write(b'x\n')
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), b'x\n')
                sizes += map(resident, host.servers())
                self.assertEqual(process.communicate(timeout=60 * engine.SLOW)[0], b'')
            self.assertEqual(process.returncode, 0)
            if i % 10 == 9:
                print(f'{i + 1} after {time.monotonic() - begun:.0f} s: resident {sizes[-1]} KiB', file=sys.stderr, flush=True)
        self.assertEqual(len(sizes), CYCLES)
        print(f'one after the other: resident {sizes[0]} first, {sizes[-1]} last, {min(sizes)} to {max(sizes)} KiB', file=sys.stderr)
        self.assertLess(max(sizes), 12 * 1024)
        self.assertEqual(host.settled_left(), [])
        if 'KATA_BED' in os.environ: # elsewhere others may be at work
            self.wait_for(lambda: not any(line.startswith('left') for line in residue.difference(before, residue.take())))

    @unittest.skipIf(NULL, 'its processes are kept in the shim, as long as their container is there')
    def test_many_in_one(self):
        """A shim that serves on does not grow."""
        self.detached('g1')
        shim, sizes, count = host.servers()[0], [], max(CYCLES, 10)
        for i in range(count):
            self.assertEqual(host.ctr('task', 'exec', '--exec-id', f'e{i}', 'g1', 'echo', 'x').stdout, b'x\n')
            sizes.append((resident(shim), len(os.listdir(f'/proc/{shim}/fd'))))
        print(f'{count} in one: KiB resident and descriptors: {sizes[0]} first, {sizes[count // 2]} in the middle, {sizes[-1]} last', file=sys.stderr)
        self.assertLess(sizes[-1][0], sizes[count // 2][0] + 256)
        self.assertLess(sizes[-1][1], sizes[0][1] + 8)
        self.end('g1')

    def test_many_at_once(self):
        names = [f'm{i}' for i in range(MANY)]
        failed = []

        def one(name):
            result = host.run(name, 'sleep', '1000', options=('-d',), check=False, timeout=1200)
            if result.returncode:
                failed.append(result.stderr)
        threads = [threading.Thread(target=one, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        running = [name for name, status in host.tasks().items() if status == 'RUNNING']
        self.assertEqual(sorted(running), sorted(names))
        sizes = [resident(pid) for pid in host.servers()]
        print(f'{len(sizes)} shims, resident {min(sizes)} to {max(sizes)} KiB', file=sys.stderr)
        self.assertEqual(len(sizes), MANY)
        self.assertLess(max(sizes), 12 * 1024)
        for name in names:
            host.remove(name)


if __name__ == '__main__':
    unittest.main(verbosity=2)
