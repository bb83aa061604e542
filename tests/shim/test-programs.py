#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs that a shim runs on the host, over the null hypervisor: hooks of config.json; nothing of them is left."""
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

PROGRAM = sys.argv.pop(1)
KINDS = ('prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop')
POD = {'io.kubernetes.cri.container-type': 'sandbox', 'io.kubernetes.cri.sandbox-id': 'pod'}
MEMBER = {'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.sandbox-id': 'pod'}
ENV = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'X=x']


def setUpModule():
    if os.geteuid() != 0:
        print('SKIP: a network namespace of its own needs root')
        sys.exit(77)


def shell(text, **more):
    return {'path': '/bin/sh', 'args': ['sh', '-c', text], 'env': ENV, **more}


def own_network():
    return os.readlink('/proc/self/ns/net')


class Base(unittest.TestCase):
    def setUp(self):
        self.host = Host(PROGRAM)
        self.trace = os.path.join(self.host.top, 'trace')

    def tearDown(self):
        left = self.host.settled_left()
        self.host.destroy()
        self.assertEqual(left, [])

    def lines(self):
        if not os.path.exists(self.trace):
            return []
        with open(self.trace, encoding='utf-8') as f:
            return f.read().splitlines()


class Hooks(Base):
    def tracing(self, more=None):
        """Each hook notes its kind, X, the state and the network namespace of the pid in it."""
        def hook(kind):
            return shell('state=$(tr -d "\\n"); pid=$(echo "$state" | sed "s/.*\\"pid\\" *: *\\([0-9]*\\).*/\\1/"); '
                         f'echo "{kind} $X $(readlink /proc/$pid/ns/net || echo none) $state" >>{self.trace}')

        def change(spec):
            spec['hooks'] = {kind: [hook(kind)] for kind in KINDS}
            if more:
                more(spec['hooks'])
        return change

    def seen(self):
        return [(kind, x, space, json.loads(state)) for kind, x, space, state in (line.split(' ', 3) for line in self.lines())]

    def life(self, task):
        task.create()
        task.call('Start')
        self.assertEqual(task.wait(), 0)
        task.end()

    def test_order_and_state(self):
        task = Task(self.host, 'one', ['true'], annotations={'some': 'thing'}, change=self.tracing())
        task.create()
        self.assertEqual([kind for kind, _, _, _ in self.seen()], list(KINDS[:3]))
        task.call('Start')
        self.assertEqual([kind for kind, _, _, _ in self.seen()], list(KINDS[:4]))
        self.assertEqual(task.wait(), 0)
        task.end()
        seen = self.seen()
        self.assertEqual([(kind, x) for kind, x, _, _ in seen], [(kind, 'x') for kind in KINDS])
        self.assertEqual([state['status'] for _, _, _, state in seen], ['created', 'creating', 'creating', 'running', 'stopped'])
        spaces = {space for _, _, space, _ in seen[:4]}
        self.assertEqual(len(spaces), 1)
        self.assertNotIn(own_network(), spaces)
        for _, _, _, state in seen:
            self.assertEqual((state['id'], state['bundle'], state['annotations']), ('one', task.path, {'some': 'thing'}))
        self.assertEqual(seen[4][3]['pid'], 0)

    def test_what_a_hook_is_given(self):
        """Plain signals, three descriptors, the environment of config.json and no other."""
        text = f'echo fds $(ls /proc/self/fd) >{self.trace}; grep -E "Sig(Blk|Ign)" /proc/self/status >>{self.trace}; env >>{self.trace}'
        self.life(Task(self.host, 'one', ['true'], change=lambda spec: spec.update(hooks={'createRuntime': [shell(text)]})))
        lines = self.lines()
        self.assertIn('SigBlk:\t0000000000000000', lines)
        self.assertIn('SigIgn:\t0000000000000000', lines)
        fds = next(line for line in lines if line.startswith('fds ')).split()[1:]
        self.assertLessEqual(len(fds), 4, fds) # and the folder itself
        self.assertIn('X=x', lines)
        self.assertFalse([line for line in lines if line.startswith('LIBKATA')])

    def test_namespace_of_a_path(self):
        """What the namespace of config.json is, hooks see."""
        def change(spec):
            self.tracing()(spec)
            for namespace in spec['linux']['namespaces']:
                if namespace['type'] == 'network':
                    namespace['path'] = f'/proc/{holder}/ns/net'
        with subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            holder = process.pid
            expected = os.readlink(f'/proc/{holder}/ns/net')
            try:
                self.life(Task(self.host, 'one', ['true'], change=change))
            finally:
                process.stdin.close()
        self.assertEqual({space for _, _, space, _ in self.seen()[:4]}, {expected})

    @unittest.skipUnless(shutil.which('ip') and os.path.exists('/dev/net/tun'), 'needs ip and /dev/net/tun')
    def test_network_that_a_hook_makes(self):
        """As nerdctl and docker give a network: the machine gets what the hook has put into the empty namespace."""
        def change(spec):
            spec['hooks'] = {'createRuntime': [shell(
                'pid=$(tr -d "\\n" | sed "s/.*\\"pid\\" *: *\\([0-9]*\\).*/\\1/"); enter="nsenter -t $pid -n ip"; '
                '$enter link add eth7 type veth peer name far && $enter addr add 10.9.9.1/24 dev eth7 && $enter link set eth7 up')]}
        task = Task(self.host, 'one', ['sleep', '1000'], change=change)
        task.create()
        known = ''
        for folder, _, files in os.walk(self.host.state):
            for name in files:
                if name.endswith('.json'):
                    with open(os.path.join(folder, name), encoding='utf-8') as f:
                        known += f.read()
        self.assertIn('10.9.9.1', known)
        task.call('Start')
        task.call('Kill', [(3, 9)])
        task.wait()
        task.end()

    def test_failure_of_each(self):
        for kind in KINDS[:3]:
            task = Task(self.host, f'bad-{kind}', ['true'], change=self.tracing(lambda hooks, k=kind: hooks.update(
                {k: [shell('echo why it failed >&2; exit 3'), shell(f'echo never >>{self.trace}')]})))
            with self.assertRaises(wire.Refused) as caught:
                task.create()
            self.assertIn(f'hook {kind}[0] "/bin/sh": exit status 3: why it failed', caught.exception.why)
            task.call('Shutdown')
            task.delete_verb()
            kinds = [line.split()[0] for line in self.lines()]
            self.assertEqual(kinds, list(KINDS[:KINDS.index(kind)]) + ['poststop'], kinds)
            os.unlink(self.trace)

    def test_out_of_time(self):
        task = Task(self.host, 'one', ['true'], change=lambda spec: spec.update(hooks={'createRuntime': [shell('sleep 100 & sleep 100', timeout=1)]}))
        with self.assertRaises(wire.Refused) as caught:
            task.create()
        self.assertIn('ran out of its time', caught.exception.why)
        task.call('Shutdown')
        task.delete_verb()

    def test_later_ones_fail(self):
        for kind in KINDS[3:]:
            self.life(Task(self.host, f'late-{kind}', ['true'], change=lambda spec, k=kind: spec.update(
                hooks={k: [shell('exit 1'), shell(f'echo {k} >>{self.trace}')]})))
        self.assertEqual(self.lines(), list(KINDS[3:]))

    def test_pod(self):
        """A pod's containers have hooks of their own, in the pod's namespace."""
        pod = Task(self.host, 'pod', ['sleep', '1000'], annotations=POD, stdio=False, change=self.tracing())
        pod.create()
        pod.call('Start')
        member = Task(self.host, 'm', ['true'], annotations=MEMBER, change=self.tracing())
        self.life(member)
        self.assertEqual(pod.status(), RUNNING)
        pod.call('Kill', [(3, 9)])
        pod.wait()
        pod.end()
        seen = self.seen()
        self.assertEqual([(state['id'], kind) for kind, _, _, state in seen], [('pod', k) for k in KINDS[:4]] + [('m', k) for k in KINDS] +
                         [('pod', 'poststop')])
        self.assertEqual(len({space for kind, _, space, _ in seen if kind != 'poststop'}), 1)

    def test_killed_shim(self):
        """delete runs the last hooks when the server cannot."""
        task = Task(self.host, 'one', ['sleep', '1000'], change=self.tracing())
        task.create()
        task.call('Start')
        for pid in self.host.servers():
            os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 10
        while self.host.servers() and time.monotonic() < until:
            time.sleep(0.01)
        task.client.close()
        task.delete_verb()
        self.assertEqual([kind for kind, _, _, _ in self.seen()], list(KINDS))
        self.assertEqual(task.delete_verb().returncode, 0)
        self.assertEqual(len(self.lines()), len(KINDS), 'once')


if __name__ == '__main__':
    unittest.main(verbosity=2)
