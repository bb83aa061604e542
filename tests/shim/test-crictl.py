#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shim under containerd's CRI plugin, with crictl: a pod with two containers, logs, exec, stats, its address, stop, remove."""
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import engine

PROGRAM, CONFIG, HYPERVISOR = sys.argv[1:4]
del sys.argv[1:4]
NULL = HYPERVISOR == 'null'
CRICTL = 'sigs.k8s.io/cri-tools@v1.30.0'
host = None
crictl_program = None


def go(*words, folder):
    try:
        result = subprocess.run(['go', *words], cwd=folder, capture_output=True, timeout=420, check=False)
    except subprocess.TimeoutExpired:
        engine.skip('crictl was not built within 7 minutes')
    if result.returncode:
        engine.skip(f'crictl cannot be built: {result.stderr.decode()[-200:]}')
    return result.stdout


def find_crictl():
    """crictl is no Debian package: its module is fetched and built once, kept in the cache."""
    found = shutil.which('crictl')
    cache = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'libkata', 'bin')
    program = found or os.path.join(cache, 'crictl')
    if os.access(program, os.X_OK):
        return program
    engine.need('go')
    with tempfile.TemporaryDirectory(prefix='crictl-') as top:
        os.mkdir(f'{top}/x')
        go('mod', 'init', 'x', folder=f'{top}/x')
        module = json.loads(go('mod', 'download', '-json', CRICTL, folder=f'{top}/x'))['Dir']
        # Its list of vendored modules is not whole in the module's archive.
        shutil.copytree(module, f'{top}/src', ignore=shutil.ignore_patterns('vendor'))
        subprocess.run(['chmod', '-R', 'u+w', f'{top}/src'], check=True)
        go('build', '-p', '2', '-ldflags', '-w -s', '-o', f'{top}/crictl', './cmd/crictl', folder=f'{top}/src')
        os.makedirs(cache, exist_ok=True)
        shutil.copy(f'{top}/crictl', f'{program}.new')
        os.rename(f'{program}.new', program)
    return program


def write_network(top):
    """A bridge of our own; each pod gets an interface on it."""
    os.mkdir(f'{top}/cni')
    with open(f'{top}/cni/10-test.conflist', 'w', encoding='ascii') as f:
        json.dump({'cniVersion': '0.4.0', 'name': 'shimtest', 'plugins': [
            {'type': 'bridge', 'bridge': BRIDGE, 'isGateway': True, 'ipMasq': False,
             'ipam': {'type': 'host-local', 'dataDir': f'{top}/ipam', 'ranges': [[{'subnet': '10.213.77.0/24'}]],
                      'routes': [{'dst': '0.0.0.0/0'}]}}]}, f)


BRIDGE = f'kt{os.getpid() % 100000}'


def setUpModule():
    global host, crictl_program
    if not os.path.isfile('/usr/lib/cni/bridge'):
        engine.skip('the CNI plugins are not installed (package containernetworking-plugins)')
    crictl_program = find_crictl()
    host = engine.Engine(PROGRAM, CONFIG, HYPERVISOR, cri=True, prepare=write_network)


def tearDownModule():
    host.close()
    subprocess.run(['ip', 'link', 'del', BRIDGE], capture_output=True, check=False)


def crictl(*words, check=True, timeout=180):
    argv = [crictl_program, '--timeout', '120s', '-r', f'unix://{host.socket}', '-i', f'unix://{host.socket}', *words]
    result = subprocess.run(argv, capture_output=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)
    if check and result.returncode:
        raise AssertionError(f'crictl {words}: {result.returncode}: {result.stderr.decode()}\n{host.logged()}')
    return result.stdout.decode().strip()


class Pod(unittest.TestCase):
    def setUp(self):
        self.folder = f'{host.top}/pod'
        os.makedirs(f'{self.folder}/logs', exist_ok=True)
        self.pod_file = self.write('pod', {'metadata': {'name': 'p', 'namespace': 'test', 'uid': 'u1', 'attempt': 1}, 'hostname': 'podhost',
                                           'log_directory': f'{self.folder}/logs', 'linux': {}})

    def tearDown(self):
        for pod in crictl('pods', '-q').split():
            crictl('stopp', pod, check=False)
            crictl('rmp', '-f', pod, check=False)
        left = host.settled_left()
        self.assertEqual(left, [], host.logged() if left else '')

    def write(self, name, what):
        path = f'{self.folder}/{name}.json'
        with open(path, 'w', encoding='ascii') as f:
            json.dump(what, f)
        return path

    def container(self, pod, name, *args):
        path = self.write(name, {'metadata': {'name': name}, 'image': {'image': engine.IMAGE}, 'command': list(args),
                                 'log_path': f'{name}.log', 'linux': {}})
        found = crictl('create', '--no-pull', pod, path, self.pod_file)
        crictl('start', found)
        return found

    def wait_for(self, condition, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.2)

    def logs_of(self, name):
        with open(f'{self.folder}/logs/{name}.log', encoding='utf-8') as f:
            return f.read()

    def test_pod_with_two_containers(self):
        pod = crictl('runp', '--runtime', 'libkata', self.pod_file)
        self.assertEqual(len(host.servers()), 1)
        first = self.container(pod, 'one', 'sleep', '1000')
        second = self.container(pod, 'two', 'sh', '-c', 'echo hello; echo other >&2; sleep 1000')
        self.assertEqual(len(host.servers()), 1)
        self.wait_for(lambda: 'other' in self.logs_of('two'))
        self.assertIn('stdout F hello', self.logs_of('two'))
        self.assertIn('stderr F other', self.logs_of('two'))
        self.assertIn('hello', crictl('logs', second))
        self.assertEqual(crictl('exec', '-s', first, 'echo', 'inside'), 'inside')
        if not NULL:
            self.assertEqual(crictl('exec', '-s', first, 'hostname'), 'podhost')
            self.assertNotEqual(crictl('exec', '-s', first, 'uname', '-v'), os.uname().version)
        stats = json.loads(crictl('stats', '-o', 'json', '--id', first))['stats'][0]
        self.assertGreater(int(stats['memory']['workingSetBytes']['value']), 0)
        self.assertGreater(int(stats['cpu']['usageCoreNanoSeconds']['value']), 0)
        self.assertEqual(crictl('exec', first, 'sh', '-c', 'echo streamed'), 'streamed')
        crictl('stop', '-t', '1', first)
        self.assertEqual(json.loads(crictl('inspect', first))['status']['state'], 'CONTAINER_EXITED')
        crictl('rm', first)
        self.assertEqual(json.loads(crictl('inspect', second))['status']['state'], 'CONTAINER_RUNNING')
        crictl('stopp', pod)
        crictl('rmp', pod)

    def test_containerd_restarted_under_a_pod(self):
        pod = crictl('runp', '--runtime', 'libkata', self.pod_file)
        first = self.container(pod, 'one', 'sleep', '1000')
        host.stop()
        host.start()
        self.assertEqual(crictl('exec', '-s', first, 'echo', 'inside'), 'inside')
        self.assertEqual(json.loads(crictl('inspectp', pod))['status']['state'], 'SANDBOX_READY')
        crictl('stopp', pod)
        crictl('rmp', pod)

    def test_host_network_is_refused(self):
        path = self.write('hosts', {'metadata': {'name': 'h', 'namespace': 'test', 'uid': 'u2', 'attempt': 1},
                                    'log_directory': f'{self.folder}/logs', 'linux': {'security_context': {'namespace_options': {'network': 2}}}})
        with self.assertRaisesRegex(AssertionError, "cannot have the host's network"):
            crictl('runp', '--runtime', 'libkata', path)

    @unittest.skipIf(NULL, 'the null hypervisor has no network')
    def test_address_is_reached_from_the_host(self):
        pod = crictl('runp', '--runtime', 'libkata', self.pod_file)
        web = self.container(pod, 'web', 'sh', '-c', 'mkdir /tmp/w; echo served >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w')
        address = json.loads(crictl('inspectp', pod))['status']['network']['ip']
        self.assertIn(address, crictl('exec', '-s', web, 'ip', 'addr'))

        def served():
            connection = http.client.HTTPConnection(address, 8080, timeout=3) # a proxy of the environment is not for this
            try:
                connection.request('GET', '/index.html')
                return connection.getresponse().read() == b'served\n'
            except OSError:
                return False
        self.wait_for(served)
        self.port_forward_is_refused(pod)

    def port_forward_is_refused(self, pod):
        """containerd connects to localhost in the pod's namespace, where nobody listens: the server is in the guest. As with Kata."""
        words = [crictl_program, '-r', f'unix://{host.socket}', 'port-forward', pod, '18091:8080']
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                said = process.stdout.readline()
                self.assertIn(b'Forwarding from', said)
                connection = http.client.HTTPConnection('127.0.0.1', 18091, timeout=20)
                with self.assertRaises((http.client.HTTPException, OSError)):
                    connection.request('GET', '/index.html')
                    connection.getresponse()
                while b'refused' not in said:
                    more = process.stdout.readline()
                    self.assertTrue(more, said)
                    said += more
            finally:
                process.kill()


if __name__ == '__main__':
    unittest.main(verbosity=2)
