#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILL for the shim: between any two calls, within each call, while it starts and while it deletes; `delete` then leaves nothing."""
import os
import signal
import sys
import time
import unittest

from shim import Host, Task

PROGRAM = sys.argv.pop(1)

STEPS = [
    ('Create', lambda t: t.create_fields()),
    ('Start', lambda t: [(1, t.name)]),
    ('Exec', lambda t: [(1, t.name), *t.exec_fields('e1', ['sleep', '1000'])]),
    ('Start', lambda t: [(1, t.name), (2, 'e1')]),
    ('Pause', lambda t: [(1, t.name)]),
    ('Resume', lambda t: [(1, t.name)]),
    ('Kill', lambda t: [(1, t.name), (3, 9)]),
    ('Wait', lambda t: [(1, t.name)]),
    ('Delete', lambda t: [(1, t.name)]),
    ('Shutdown', lambda t: [(1, t.name)]),
]


class Kill(unittest.TestCase):
    def setUp(self):
        self.host = Host(PROGRAM)

    def tearDown(self):
        left = self.host.settled_left()
        self.host.destroy()
        self.assertEqual(left, [])

    def kill_servers(self):
        for pid in self.host.servers():
            os.kill(pid, signal.SIGKILL)

    def life(self, name, until, delay=None):
        """Calls up to `until`, whose answer is awaited unless there is a delay; then SIGKILL and `delete`."""
        task = Task(self.host, name, ['sleep', '1000'])
        for i, (method, fields) in enumerate(STEPS[:until + 1]):
            box = task.client.start('containerd.task.v2.Task', method, fields(task))
            if i == until and delay is not None:
                time.sleep(delay)
            else:
                task.client.finish(box)
        self.kill_servers()
        task.client.close()
        task.delete_verb()
        self.assertEqual([f for f in self.host.settled_left() if name in f or '/state/' in f], [])

    def test_between_calls(self):
        for i, (method, _) in enumerate(STEPS[:-1]):
            with self.subTest(after=method, step=i):
                self.life(f'between{i}', i)

    def test_within_calls(self):
        for i in (0, 1, 3, 6, 8):
            for ms in (0, 2, 8, 20):
                with self.subTest(within=STEPS[i][0], step=i, after_ms=ms):
                    self.life(f'within{i}-{ms}', i, ms / 1000)

    def test_before_create(self):
        task = Task(self.host, 'one', ['true'])
        self.kill_servers()
        task.delete_verb()

    def test_half_made(self):
        """A sandbox whose making was cut short before it could be opened: `delete` finds it by its id, and looks at no other."""
        for name in ('one', 'other'):
            self.host.bundle(name, ['true'])
            os.makedirs(os.path.join(self.host.state, 'default__' + name), 0o700)
        self.assertEqual(self.host.verb('one', 'delete').returncode, 0)
        self.assertEqual(os.listdir(self.host.state), ['default__other'])
        self.assertEqual(self.host.verb('other', 'delete').returncode, 0)

    def test_while_starting(self):
        for ms in (0, 2, 4, 6, 8, 10, 15, 20, 30):
            name = f'starting{ms}'
            self.host.bundle(name, ['true'])
            process = self.host.verb(name, 'start', popen=True)
            time.sleep(ms / 1000)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            result = self.host.verb(name, 'delete')
            self.assertEqual(result.returncode, 0, result)
            self.assertEqual(self.host.settled_left(), [])

    def test_start_again_after_a_kill(self):
        first = Task(self.host, 'one', ['sleep', '1000'])
        first.create()
        self.kill_servers()
        time.sleep(0.1)
        # containerd never called delete: the next start cleans up.
        client = self.host.connect(self.host.start('one'))
        client.call('Create', first.create_fields())
        client.call('Delete', [(1, 'one')])
        client.call('Shutdown', [(1, 'one')])
        client.close()
        first.delete_verb()

    def test_while_deleting(self):
        for ms in (0, 5, 10, 15, 20, 30):
            name = f'deleting{ms}'
            task = Task(self.host, name, ['sleep', '1000'])
            task.create()
            task.call('Start')
            self.kill_servers()
            process = self.host.verb(name, 'delete', popen=True)
            time.sleep(ms / 1000)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            task.delete_verb()
            task.host.verb(name, 'delete')
            self.assertEqual(self.host.settled_left(), [])

    def test_hung_server(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        for pid in self.host.servers():
            os.kill(pid, signal.SIGSTOP)
        task.delete_verb()

    def test_terminated_server(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        task.call('Start')
        for pid in self.host.servers():
            os.kill(pid, signal.SIGTERM)
        self.host.events.wait('/tasks/exit')
        self.assertEqual(self.host.settled_left(), [])
        task.delete_verb()

    def test_pod_killed(self):
        pod = {'io.kubernetes.cri.sandbox-id': 'pod'}
        tasks = [Task(self.host, name, ['sleep', '1000'], annotations=pod) for name in ('pod', 'a', 'b')]
        for task in tasks:
            task.create()
            task.call('Start')
        self.kill_servers()
        for task in (tasks[1], tasks[2], tasks[0]):
            task.delete_verb()

    def test_member_left_behind(self):
        pod = {'io.kubernetes.cri.sandbox-id': 'pod'}
        tasks = [Task(self.host, name, ['sleep', '1000'], annotations=pod) for name in ('pod', 'a')]
        for task in tasks:
            task.create()
            task.call('Start')
        # The member's delete comes though it was never deleted: the pod lives on.
        tasks[1].delete_verb()
        self.assertEqual(tasks[0].status(), 2)
        tasks[0].call('Kill', [(3, 9)])
        tasks[0].wait()
        tasks[0].end()


if __name__ == '__main__':
    unittest.main(verbosity=2)
