#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shim over the null hypervisor, driven as containerd does: lives, execs, events, errors, hostile requests; nothing is left."""
import json
import os
import sys
import threading
import time
import unittest

import wire
from shim import CREATED, PAUSED, RESOURCES, RUNNING, STOPPED, Host, Task
from starve import starved

PROGRAM = sys.argv.pop(1)


class Base(unittest.TestCase):
    def setUp(self):
        self.host = Host(PROGRAM)

    def tearDown(self):
        left = self.host.settled_left()
        self.host.destroy()
        self.assertEqual(left, [])

    def refused(self, code, call, *args, **more):
        with self.assertRaises(wire.Refused) as caught:
            call(*args, **more)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception.why


class Life(Base):
    def test_whole_life(self):
        task = Task(self.host, 'one', ['sh', '-c', 'echo out; echo err >&2; exit 7'])
        pid = task.create()
        self.assertTrue(os.path.isdir(f'/proc/{pid}'))
        self.assertEqual(task.status(), CREATED)
        connect = wire.unpack(task.call('Connect'))
        self.assertEqual(connect[2][0], pid)
        waiting = task.client.start('containerd.task.v2.Task', 'Wait', [(1, 'one')])
        self.assertEqual(wire.number(task.call('Start'), 1), pid)
        self.assertEqual(wire.number(task.client.finish(waiting), 1), 7)
        self.assertEqual(task.output(0), b'out\n')
        self.assertEqual(task.output(1), b'err\n')
        state = task.state()
        self.assertEqual(state[4][0], STOPPED)
        self.assertEqual(state[9][0], 7)
        self.assertGreater(wire.number(state[10][0], 1), 1600000000)
        task.end()
        self.host.events.wait('/tasks/delete')
        self.assertEqual(self.host.events.topics(), ['/tasks/create', '/tasks/start', '/tasks/exit', '/tasks/delete'])
        got = dict((t, (kind, event, space)) for t, kind, event, space in self.host.events.got)
        kind, event, space = got['/tasks/exit']
        self.assertEqual((kind, space), ('containerd.events.TaskExit', 'default'))
        self.assertEqual((wire.text(event, 1), wire.text(event, 2), wire.number(event, 4)), ('one', 'one', 7))

    def test_both_service_names_and_unknown_ones(self):
        task = Task(self.host, 'one', ['sleep', '100'])
        task.create()
        v3 = task.call('State', service='containerd.task.v3.Task')
        self.assertEqual(v3, task.call('State'))
        self.refused(12, task.call, 'State', service='containerd.task.v1.Task')
        self.refused(12, task.call, 'Nothing')
        self.refused(12, task.call, 'Checkpoint')
        task.end()

    def test_exit_codes(self):
        for code in (0, 1, 255):
            task = Task(self.host, f'code{code}', ['exit', str(code)])
            task.create()
            task.call('Start')
            self.assertEqual(task.wait(), code)
            task.end()

    def test_kill(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        task.call('Start')
        self.assertEqual(task.status(), RUNNING)
        self.refused(9, task.call, 'Delete')
        task.call('Kill', [(3, 9), (4, True)])
        self.assertEqual(task.wait(), 137)
        self.assertIn('process already finished', self.refused(5, task.call, 'Kill', [(3, 9)]))
        task.end()

    def test_killed_before_start(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        task.call('Kill', [(3, 9)])
        self.assertEqual(task.wait(), 137)
        self.refused(9, task.call, 'Start')
        task.end()

    def test_never_started(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        task.end()
        self.assertNotIn('/tasks/exit', self.host.events.topics())

    def test_input(self):
        task = Task(self.host, 'one', ['cat'], stdin=True)
        task.create()
        task.call('Start')
        # Two writers, one after the other: the first one's end is no end of the stream.
        reader = threading.Thread(target=lambda: setattr(self, 'seen', task.output()), daemon=True)
        reader.start()
        for piece in (b'a' * 70000, b'b' * 10):
            fd = os.open(task.stdin, os.O_WRONLY)
            os.write(fd, piece)
            os.close(fd)
        self.assertEqual(task.status(), RUNNING)
        task.call('CloseIO', [(3, True)])
        self.assertEqual(task.wait(), 0)
        reader.join()
        self.assertEqual(self.seen, b'a' * 70000 + b'b' * 10)
        task.end()

    def test_input_closed_before_start(self):
        task = Task(self.host, 'one', ['cat'], stdin=True)
        task.create()
        task.call('CloseIO', [(3, True)])
        task.call('Start')
        self.assertEqual(task.wait(), 0)
        task.end()

    def test_no_streams(self):
        task = Task(self.host, 'one', ['bytes', '300000'], stdio=False)
        task.create()
        task.call('Start')
        self.assertEqual(task.wait(), 0)
        task.end()

    def test_much_output_and_a_reader_that_comes_back(self):
        task = Task(self.host, 'one', ['bytes', '3000000'])
        task.create()
        task.call('Start')
        first = b''
        while len(first) < 1000:
            try:
                first += os.read(task.fds[0], 1000 - len(first))
            except BlockingIOError:
                time.sleep(0.01)
        os.close(task.fds[0])
        time.sleep(0.2)
        task.fds[0] = os.open(task.stdout, os.O_RDONLY | os.O_NONBLOCK)
        self.assertEqual(first + task.output(), (bytes(range(251)) * 12000)[:3000000])
        self.assertEqual(task.wait(), 0)
        task.end()

    def test_terminal(self):
        task = Task(self.host, 'one', ['sh', '-c', 'echo hello; sleep 1000'], terminal=True, stdin=True)
        task.create()
        task.call('Start')
        task.call('ResizePty', [(3, 100), (4, 30)])
        task.call('ResizePty')
        task.call('Kill', [(3, 9)])
        self.assertEqual(task.wait(), 137)
        self.assertIn(b'hello', task.output())
        task.end()

    def test_pause_update_stats_pids(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        task.call('Start')
        task.call('Pause')
        self.assertEqual(task.status(), PAUSED)
        task.call('Resume')
        self.assertEqual(task.status(), RUNNING)
        self.host.events.wait('/tasks/resumed')
        task.call('Update', [(2, [(1, RESOURCES), (2, '{"memory":{"limit":67108864}}')])])
        task.call('Update', [(2, [(1, RESOURCES), (2, '{"cpu":{}}')])])
        self.refused(3, task.call, 'Update', [(2, [(1, RESOURCES), (2, '{')])])
        stats = wire.message(task.call('Stats'), 1)
        kind, metrics = wire.text(stats, 1), wire.message(stats, 2)
        if kind == 'io.containerd.cgroups.v1.Metrics':
            self.assertEqual(wire.number(wire.message(wire.message(metrics, 4), 33), 2), 1 << 20)
            self.assertGreater(wire.number(wire.message(wire.message(metrics, 3), 1), 1), 0)
        else:
            self.assertEqual(kind, 'io.containerd.cgroups.v2.Metrics')
            self.assertEqual(wire.number(wire.message(metrics, 4), 32), 1 << 20)
        pids = wire.unpack(task.call('Pids'))[1]
        self.assertEqual(len(pids), 1)
        task.call('Kill', [(3, 9)])
        task.wait()
        self.assertEqual(task.call('Pids'), b'')
        task.end()

    def test_update_on_the_host(self):
        """The machine's cgroup on the host follows its only container's processor time."""
        path = f'/kata-test-{os.getpid()}'
        places = [f'/sys/fs/cgroup{part}{path}/kata_one/{name}' for part, name in (
            ('', 'cpu.max'), ('/cpu', 'cpu.cfs_quota_us'), ('/cpu,cpuacct', 'cpu.cfs_quota_us'))]

        def quota():
            for place in filter(os.path.exists, places):
                with open(place, encoding='ascii') as f:
                    return int(f.read().split()[0].replace('max', '-1'))
            return None

        def update(resources):
            task.call('Update', [(2, [(1, RESOURCES), (2, json.dumps(resources))])])
            return quota()

        def cpu(quota_us):
            return {'cpu': {'quota': quota_us, 'period': 100000}}
        task = Task(self.host, 'one', ['sleep', '1000'], change=lambda spec: spec['linux'].update(cgroupsPath=f'{path}/one', resources=cpu(50000)))
        task.create()
        task.call('Start')
        first = quota()
        if first is not None and first > 0: # else this host's cgroups cannot be written to
            self.assertEqual([update(cpu(20000)), update(cpu(60000)), update(cpu(-1)), update(cpu(50000)), update({'memory': {'limit': 1 << 26}})],
                             [first - 30000, first + 10000, -1, first, first])
        task.call('Kill', [(3, 9)])
        task.wait()
        task.end()
        self.assertIsNone(quota())

    def test_missing_program(self):
        task = Task(self.host, 'one', ['nonesuch'])
        why = self.refused(2, task.create)
        self.assertIn('nonesuch', why)
        self.refused(5, task.call, 'State')
        self.refused(5, task.call, 'Pids')
        task.call('Shutdown')
        task.delete_verb()


class Exec(Base):
    def setUp(self):
        super().setUp()
        self.task = Task(self.host, 'main', ['sleep', '1000'])
        self.task.create()
        self.task.call('Start')

    def tearDown(self):
        if self.task.status() == RUNNING:
            self.task.call('Kill', [(3, 9), (4, True)])
        self.task.wait()
        self.task.end()
        super().tearDown()

    def test_life(self):
        out = self.host.fifo('e-out')
        fd = os.open(out, os.O_RDONLY | os.O_NONBLOCK)
        self.task.call('Exec', self.task.exec_fields('e1', ['sh', '-c', 'echo hi; exit 3'], out))
        self.assertEqual(self.task.status('e1'), CREATED)
        self.refused(6, self.task.call, 'Exec', self.task.exec_fields('e1', ['true']))
        self.task.call('Start', [(2, 'e1')])
        self.assertEqual(self.task.wait('e1'), 3)
        self.task.call('Delete', [(2, 'e1')])
        self.refused(5, self.task.call, 'State', [(2, 'e1')])
        self.assertEqual(os.read(fd, 100), b'hi\n')
        os.close(fd)
        self.host.events.wait('/tasks/exit')
        self.assertEqual(self.host.events.topics(),
                         ['/tasks/create', '/tasks/start', '/tasks/exec-added', '/tasks/exec-started', '/tasks/exit'])
        event = self.host.events.wait('/tasks/exit')[0]
        self.assertEqual((wire.text(event, 1), wire.text(event, 2), wire.number(event, 4)), ('main', 'e1', 3))

    def test_late_reader(self):
        """containerd's client may still be opening the FIFO when a short process has ended: nothing is lost."""
        out, got = self.host.fifo('e-out'), []

        def read():
            time.sleep(0.2) # the shim waits for a second: a machine that is held up has the rest of it
            with open(out, 'rb') as f:
                got.append(f.read())
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.task.call('Exec', self.task.exec_fields('e1', ['echo', 'hi'], out))
        self.task.call('Start', [(2, 'e1')])
        self.assertEqual(self.task.wait('e1'), 0)
        self.task.call('Delete', [(2, 'e1')])
        reader.join(60)
        self.assertEqual(got, [b'hi\n'])

    def test_no_reader(self):
        out = self.host.fifo('e-out')
        self.task.call('Exec', self.task.exec_fields('e1', ['echo', 'hi'], out))
        self.task.call('Start', [(2, 'e1')])
        self.assertEqual(self.task.wait('e1'), 0)
        self.task.call('Delete', [(2, 'e1')])

    def test_failed_start(self):
        out = self.host.fifo('e-out')
        fd = os.open(out, os.O_RDONLY | os.O_NONBLOCK)
        self.task.call('Exec', self.task.exec_fields('e1', ['nonesuch'], out))
        with self.assertRaises(BlockingIOError):
            os.read(fd, 1)
        self.refused(2, self.task.call, 'Start', [(2, 'e1')])
        self.assertEqual(os.read(fd, 1), b'') # the end is there before Delete: ctr waits for it
        os.close(fd)
        self.assertEqual(self.task.wait('e1'), 0)
        self.task.call('Delete', [(2, 'e1')])

    def test_killed(self):
        self.task.call('Exec', self.task.exec_fields('e1', ['sleep', '1000']))
        self.task.call('Start', [(2, 'e1')])
        self.refused(9, self.task.call, 'Delete', [(2, 'e1')])
        self.task.call('Kill', [(2, 'e1'), (3, 15)])
        self.assertEqual(self.task.wait('e1'), 143)
        self.assertEqual(self.task.status(), RUNNING)
        self.task.call('Delete', [(2, 'e1')])

    def test_many_at_once(self):
        def one(i):
            name = f'e{i}'
            self.task.call('Exec', self.task.exec_fields(name, ['exit', str(i)]))
            self.task.call('Start', [(2, name)])
            codes[i] = self.task.wait(name)
            self.task.call('Delete', [(2, name)])
        codes = [None] * 24
        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(codes))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(codes, list(range(len(codes))))

    def test_execs_end_before_the_container(self):
        self.task.call('Exec', self.task.exec_fields('e1', ['sleep', '1000']))
        self.task.call('Start', [(2, 'e1')])
        self.task.call('Kill', [(3, 9)])
        self.task.wait()
        self.assertEqual(self.task.wait('e1'), 137)
        self.host.events.wait('/tasks/exit', 2)
        self.assertEqual([wire.text(e, 2) for e in self.host.events.wait('/tasks/exit', 2)], ['e1', 'main'])


POD = {'io.kubernetes.cri.container-type': 'sandbox', 'io.kubernetes.cri.sandbox-id': 'pod'}
MEMBER = {'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.sandbox-id': 'pod'}


class Pod(Base):
    def test_two_containers_in_one_shim(self):
        pod = Task(self.host, 'pod', ['sleep', '1000'], annotations=POD, stdio=False)
        pod.create()
        pod.call('Start')
        members = [Task(self.host, name, ['sleep', '1000'], annotations=MEMBER) for name in ('a', 'b')]
        for member in members:
            self.assertEqual(member.socket, pod.socket)
            member.create()
            member.call('Start')
        self.assertEqual(len(self.host.servers()), 1)
        members[0].call('Kill', [(3, 9)])
        self.assertEqual(members[0].wait(), 137)
        members[0].end()
        self.assertEqual(members[1].status(), RUNNING)
        self.assertEqual(pod.status(), RUNNING)
        for task in (members[1], pod):
            task.call('Kill', [(3, 9)])
            task.wait()
            task.end()

    def test_no_pod_to_join(self):
        self.host.bundle('a', ['true'], MEMBER)
        result = self.host.verb('a', 'start')
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'no running shim', result.stderr)

    def test_same_id_in_two_namespaces(self):
        first = Task(self.host, 'one', ['sleep', '1000'])
        first.create()
        address = self.host.start('one', space='other')
        self.assertNotEqual(address, first.socket)
        client = self.host.connect(address)
        second = wire.Client.call(client, 'Create', [(1, 'one'), (2, first.path)])
        self.assertGreater(wire.number(second, 1), 0)
        client.call('Delete', [(1, 'one')])
        client.call('Shutdown', [(1, 'one')])
        client.close()
        first.end()


class Hostile(Base):
    def test_start(self):
        self.host.bundle('one', ['true'])
        for name in ('../x', 'a/b', '', '-x', 'x' * 77, 'a__b', '.'):
            result = self.host.verb(name, 'start', bundle=os.path.join(self.host.top, 'bundles', 'one'))
            self.assertEqual(result.returncode, 1, name)
            self.assertIn(b'identifier', result.stderr)
        self.assertEqual(self.host.verb('one', 'start', stdin=b'\xff' * 100).returncode, 1)
        options = wire.pack([(1, 'runtimeoptions.v1.Options'), (2, [(2, '../etc/x')])])
        self.assertIn(b'ConfigPath', self.host.verb('one', 'start', stdin=options).stderr)
        with open(os.path.join(self.host.top, 'bundles', 'one', 'config.json'), 'w', encoding='ascii') as f:
            f.write('{')
        self.assertEqual(self.host.verb('one', 'start').returncode, 1)

    def test_started_twice(self):
        task = Task(self.host, 'one', ['true'])
        result = self.host.verb('one', 'start')
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'already', result.stderr)
        task.call('Shutdown')

    def test_requests(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        call = task.client.call
        self.refused(3, call, 'Create', [(1, 'x' * 100000), (2, task.path)])
        self.refused(3, call, 'Create', [(1, '../../etc'), (2, task.path)])
        self.refused(3, call, 'Create', [(1, 'one'), (2, '/nonesuch/..')])
        self.refused(3, call, 'Create', [(1, 'one'), (2, '/nonesuch')])
        self.refused(3, call, 'Create', [(1, 'one')])
        self.refused(3, call, 'Create', b'\xff\xff\xff')
        self.refused(12, call, 'Create', [*task.create_fields(), (8, '/tmp/checkpoint')])
        self.refused(5, call, 'Create', [(1, 'one'), (2, task.path), (6, '/nonesuch/fifo')])
        self.refused(3, call, 'Create', [(1, 'one'), (2, task.path), (6, self.host.top)])
        self.refused(3, call, 'Create', [(1, 'one'), (2, task.path), (6, 'relative')])
        self.refused(3, call, 'Create', [(1, 'one'), (2, task.path), (6, 'binary:relative')])
        self.refused(2, call, 'Create', [(1, 'one'), (2, task.path), (3, [(1, 'bind'), (2, '/nonesuch')])])
        self.refused(2, call, 'Create', [(1, 'one'), (2, task.path), (3, [(1, 'overlay'), (2, 'o'), (4, 'lowerdir=' + 'x' * 9000)])])
        for method in ('State', 'Start', 'Delete', 'Pids', 'Pause', 'Kill', 'Wait', 'Stats', 'Connect', 'CloseIO', 'ResizePty'):
            self.refused(5, call, method, [(1, 'other')])
        task.create()
        self.refused(6, task.create)
        self.refused(3, task.call, 'Exec', task.exec_fields('../x', ['true']))
        self.refused(3, task.call, 'Exec', [(2, 'x')])
        self.refused(3, task.call, 'Kill', [(3, 65)])
        self.refused(9, task.call, 'Pause')
        self.assertEqual(task.status(), CREATED)
        task.end()

    def test_out_of_descriptors(self):
        """Who waits to be let in costs no processor time, and is let in later."""
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        self.assertLess(starved(self.host.servers()[0], task.socket), 0.2)
        self.assertEqual(task.status(), CREATED)
        self.assertEqual(wire.number(self.host.connect(task.socket).call('State', [(1, 'one')]), 4), CREATED)
        task.end()

    def test_rootfs_link_is_not_followed(self):
        task = Task(self.host, 'one', ['true'])
        os.rmdir(os.path.join(task.path, 'rootfs'))
        victim = os.path.join(self.host.top, 'victim')
        os.mkdir(victim)
        os.symlink(victim, os.path.join(task.path, 'rootfs'))
        self.refused(2, task.create)
        with open('/proc/self/mountinfo', encoding='utf-8') as f:
            self.assertNotIn(victim, f.read())
        task.call('Shutdown')
        task.delete_verb()

    def test_other_users_are_refused(self):
        if os.geteuid() != 0:
            self.skipTest('needs root')
        task = Task(self.host, 'one', ['sleep', '100'])
        for folder in (self.host.top, self.host.state, os.path.dirname(os.path.dirname(task.socket)), os.path.dirname(task.socket)):
            os.chmod(folder, 0o755)
        os.chmod(task.socket, 0o666)
        pid = os.fork()
        if pid == 0:
            os.setgid(65534)
            os.setuid(65534)
            try:
                wire.Client(task.socket).call('Connect', [(1, 'one')])
            except (EOFError, ConnectionError):
                os._exit(0)
            except BaseException:
                os._exit(2)
            os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        task.call('Shutdown')


class Events(Base):
    def test_kept_while_containerd_is_away(self):
        self.host.events.close()
        task = Task(self.host, 'one', ['true'])
        task.create()
        task.call('Start')
        task.wait()
        time.sleep(0.5)
        self.host.events.open()
        self.host.events.wait('/tasks/exit')
        self.host.events.refuse = 2
        task.end()
        self.host.events.wait('/tasks/delete')
        self.assertEqual(self.host.events.topics(), ['/tasks/create', '/tasks/start', '/tasks/exit', '/tasks/delete'])

    def test_without_events(self):
        self.host.env['TTRPC_ADDRESS'] = ''
        task = Task(self.host, 'one', ['true'])
        task.create()
        task.call('Start')
        task.wait()
        task.end()

    def test_client_comes_back(self):
        task = Task(self.host, 'one', ['sleep', '1000'])
        task.create()
        task.call('Start')
        task.client.start('containerd.task.v2.Task', 'Wait', [(1, 'one')])
        task.client.close()
        with open(os.path.join(task.path, 'address'), encoding='ascii') as f:
            task.client = self.host.connect(f.read()[len('unix://'):])
        self.assertEqual(task.status(), RUNNING)
        task.call('Kill', [(3, 9)])
        self.assertEqual(task.wait(), 137)
        task.end()

    @unittest.skipIf(os.environ.get('SHIM_SANITIZED'), 'sanitizers have memory of their own')
    def test_resident_memory(self):
        pod = Task(self.host, 'pod', ['sleep', '1000'], annotations=POD)
        pod.create()
        pod.call('Start')

        def rss():
            with open(f'/proc/{self.host.servers()[0]}/status', encoding='ascii') as f:
                return int(next(line for line in f if line.startswith('VmRSS')).split()[1])

        def descriptors():
            return len(os.listdir(f'/proc/{self.host.servers()[0]}/fd'))

        def some(first, n):
            for i in range(first, first + n):
                task = Task(self.host, f'm{i}', ['bytes', '100000'], annotations=MEMBER)
                task.create()
                task.call('Start')
                task.output()
                task.wait()
                task.end()
        some(0, 20)
        first, open_before = rss(), descriptors()
        some(20, 60)
        last, open_after = rss(), descriptors()
        print(f'resident: {first} KiB, {last} KiB after 60 more containers', file=sys.stderr)
        self.assertLess(last, 12 * 1024)
        self.assertLess(last - first, 512)
        self.assertLessEqual(open_after, open_before + 2)
        pod.call('Kill', [(3, 9)])
        pod.wait()
        pod.end()


if __name__ == '__main__':
    unittest.main(verbosity=2)
