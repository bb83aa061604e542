#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs that a shim runs on the host, over the null hypervisor: hooks of config.json, loggers; nothing of them is left."""
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


    def until(self, condition):
        until = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.005)


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

    def test_shim_that_ends_meanwhile(self):
        """SIGTERM while a hook runs: a shim that has cleaned up makes no machine any more."""
        fifo = self.host.fifo('go')
        go = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        task = Task(self.host, 'one', ['true'], change=lambda spec: spec.update(
            hooks={'prestart': [shell(f'echo runs >>{self.trace}; read line <{fifo}')]}))
        task.client.start('containerd.task.v2.Task', 'Create', task.create_fields())
        self.until(self.lines)
        for pid in self.host.servers():
            os.kill(pid, signal.SIGTERM)
        self.until(lambda: not os.path.exists(os.path.join(os.path.dirname(task.socket), 'hooks.one')))
        os.write(go, b'\n')
        self.until(lambda: not self.host.servers())
        os.close(go)
        self.assertEqual([name for name in os.listdir(self.host.state) if name != '.shim'], [])
        task.client.close()
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
        until = time.monotonic() + 30
        while self.host.servers() and time.monotonic() < until:
            time.sleep(0.01)
        task.client.close()
        task.delete_verb()
        self.assertEqual([kind for kind, _, _, _ in self.seen()], list(KINDS))
        self.assertEqual(task.delete_verb().returncode, 0)
        self.assertEqual(len(self.lines()), len(KINDS), 'once')


class Loggers(Base):
    """binary://: the program reads descriptors 3 and 4, and closes or writes to 5 when it is ready."""

    def program(self, text):
        path = os.path.join(self.host.top, 'logger')
        with open(path, 'w', encoding='ascii') as f:
            f.write('#!/bin/sh\n' + text + '\n')
        os.chmod(path, 0o755)
        return path

    def task(self, text, args, query='', scheme='binary', name='one', **more):
        task = Task(self.host, name, args, stdio=False, **more)
        task.stdout = f'{scheme}://{self.program(text)}{query}'
        task.stderr = task.stdout
        return task

    def whole(self, task, code=0):
        task.create()
        task.call('Start')
        self.assertEqual(task.wait(), code)
        task.end()

    def test_streams_words_and_environment(self):
        text = f'exec 5>&-; {{ echo "$@"; echo $CONTAINER_ID $CONTAINER_NAMESPACE; ls /proc/self/fd | tr "\\n" " "; echo; '\
               f'sed s/^/out:/ <&3; sed s/^/err:/ <&4; echo end; }} >{self.trace}'
        self.whole(self.task(text, ['sh', '-c', 'echo one; echo two >&2; echo three; exit 7'], '?-a=b%20c&key&-a=again'), 7)
        # The sixth is of ls itself.
        self.assertEqual(self.lines(), ['-a b c key ', 'one default', '0 1 2 3 4 5 ', 'out:one', 'out:three', 'err:two', 'end'])

    def test_second_version(self):
        self.whole(self.task(f'echo >&5; exec 5>&-; cat <&3 >{self.trace}', ['echo', 'hi'], scheme='binary-v2'))
        self.assertEqual(self.lines(), ['hi'])
        self.refused_create(self.task('exec 5>&-; cat <&3', ['true'], scheme='binary-v2', name='two'), 'without saying that it is ready')

    def test_terminal(self):
        task = self.task(f'exec 5>&-; cat <&3 >{self.trace}; cat <&4', ['echo', 'hi'], terminal=True)
        task.stderr = ''
        self.whole(task)
        self.assertEqual([line.strip() for line in self.lines()], ['hi'])

    def test_much(self):
        self.whole(self.task(f'exec 5>&-; wc -c <&3 >{self.trace}', ['bytes', '3000000']))
        self.assertEqual(self.lines(), ['3000000'])

    def refused_create(self, task, text):
        with self.assertRaises(wire.Refused) as caught:
            task.create()
        self.assertIn(text, caught.exception.why)
        task.call('Shutdown')
        task.delete_verb()

    def test_that_cannot_be_started(self):
        task = self.task('', ['true'])
        os.unlink(task.stdout[len('binary://'):])
        self.refused_create(task, 'No such file')

    def test_that_ends_early(self):
        """The process goes on, as if nobody read its output."""
        self.whole(self.task('exec 5>&-; read line <&3; exit 1', ['bytes', '3000000']))

    def test_that_does_not_end(self):
        """SIGTERM, five seconds after the end of its input."""
        self.whole(self.task(f'trap "echo asked >{self.trace}; exit" TERM; exec 5>&-; while :; do sleep 0.1; done', ['true']))
        self.assertEqual(self.lines(), ['asked'])

    def test_killed_shim(self):
        task = self.task(f'trap "echo asked >{self.trace}; exit" TERM; exec 5>&-; while :; do sleep 0.1; done', ['sleep', '1000'])
        task.create()
        task.call('Start')
        for pid in self.host.servers():
            os.kill(pid, signal.SIGKILL)
        task.client.close()
        task.delete_verb()

    def test_exec(self):
        task = self.task('exec 5>&-; cat <&3 >/dev/null', ['sleep', '1000'])
        task.create()
        task.call('Start')
        uri = f'binary://{self.program(f"exec 5>&-; echo $CONTAINER_ID >{self.trace}; cat <&3 >>{self.trace}")}'
        task.call('Exec', task.exec_fields('e1', ['echo', 'hi'], uri, uri))
        task.call('Start', [(2, 'e1')])
        self.assertEqual(task.wait('e1'), 0)
        task.call('Delete', [(2, 'e1')])
        self.assertEqual(self.lines(), ['e1', 'hi'])
        task.call('Kill', [(3, 9)])
        task.wait()
        task.end()


if __name__ == '__main__':
    unittest.main(verbosity=2)
