# SPDX-License-Identifier: LGPL-2.1-or-later
"""shim: plays containerd to one shim: bundles, FIFOs, start, calls, delete; and looks for what is left."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import wire

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import residue  # noqa: E402

PROCESS = 'types.containerd.io/opencontainers/runtime-spec/1/Process'
RESOURCES = 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources'
CREATED, RUNNING, STOPPED, PAUSED = 1, 2, 3, 4
PATIENCE = 60 # the machine may be busy: nothing here depends on how long a thing takes


class Host:
    """A directory that is containerd's, with an events socket; everything below it must be gone at the end."""

    def __init__(self, program, hypervisor='null', config=None):
        self.program = os.path.abspath(program)
        self.top = tempfile.mkdtemp(prefix='shim-')
        self.state = os.path.join(self.top, 'state')
        self.rootfs = os.path.join(self.top, 'image')
        os.mkdir(self.rootfs)
        self.address = os.path.join(self.top, 'containerd.sock')
        self.events = wire.Events(self.address + '.ttrpc')
        self.env = dict(os.environ, LIBKATA_STATE_DIR=self.state, TTRPC_ADDRESS=self.address + '.ttrpc')
        if hypervisor:
            self.env['LIBKATA_HYPERVISOR'] = hypervisor
        if config:
            self.env['LIBKATA_CONFIG'] = config
        self.clients = []

    def bundle(self, name, args, annotations=None, terminal=False, root='rootfs', change=None):
        path = os.path.join(self.top, 'bundles', name)
        os.makedirs(os.path.join(path, 'rootfs'))
        os.mkfifo(os.path.join(path, 'log'))
        spec = {'ociVersion': '1.0.2', 'root': {'path': root}, 'annotations': annotations or {},
                'process': {'args': args, 'cwd': '/', 'terminal': terminal, 'user': {'uid': 0, 'gid': 0}, 'env': ['PATH=/bin']},
                'mounts': [{'destination': '/proc', 'type': 'proc', 'source': 'proc'}], 'linux': {'namespaces': [
                    {'type': t} for t in ('pid', 'ipc', 'uts', 'mount', 'network')]}}
        if change:
            change(spec)
        with open(os.path.join(path, 'config.json'), 'w', encoding='utf-8') as f:
            json.dump(spec, f)
        return path

    def verb(self, name, verb, stdin=b'', bundle=None, timeout=PATIENCE, space='default', more=(), popen=False):
        bundle = bundle or os.path.join(self.top, 'bundles', name)
        argv = [self.program, '-namespace', space, '-address', self.address, '-publish-binary', '/bin/true', '-id', name]
        argv += [*more, *(['-bundle', bundle] if verb == 'delete' else []), verb]
        if popen:
            return subprocess.Popen(argv, cwd=bundle, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
        return subprocess.run(argv, cwd=bundle, env=self.env, input=stdin, capture_output=True, timeout=timeout, check=False)

    def start(self, name, **more):
        result = self.verb(name, 'start', **more)
        assert result.returncode == 0, result
        assert result.stderr == b'', result
        address = result.stdout.decode()
        assert address.startswith('unix://'), result
        return address[len('unix://'):]

    def connect(self, path):
        client = wire.Client(path)
        self.clients.append(client)
        return client

    def fifo(self, name):
        path = os.path.join(self.top, name)
        os.mkfifo(path)
        return path

    def close(self):
        for client in self.clients:
            client.close()
        self.events.close()
        shutil.rmtree(os.path.join(self.top, 'bundles'), ignore_errors=True)

    def servers(self):
        """Shims that work in our state directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/environ', 'rb') as f, open(f'/proc/{pid}/cmdline', 'rb') as g:
                    if f'LIBKATA_STATE_DIR={self.state}'.encode() in f.read().split(b'\0') and b'serve' in g.read().split(b'\0'):
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def left(self):
        found = [f'process {pid}' for pid in self.servers()] + residue.about(self.top)
        for folder, folders, files in os.walk(self.state):
            found += [f'{folder}/{n}' for n in folders + files if not (folder == self.state and n == '.shim')]
        return found

    def settled_left(self, seconds=30):
        until = time.monotonic() + seconds
        while self.left() and time.monotonic() < until:
            time.sleep(0.05)
        return self.left()

    def destroy(self):
        self.close()
        for pid in self.servers():
            os.kill(pid, signal.SIGKILL)
        with open('/proc/self/mountinfo', encoding='utf-8', errors='replace') as f:
            mounted = [line.split()[4] for line in f if self.top in line.split()[4]]
        for path in reversed(mounted): # of a test that failed
            subprocess.run(['umount', '-l', path], check=False)
        shutil.rmtree(self.top, ignore_errors=True)


class Task:
    """One container with its FIFOs, as containerd's client handles it."""

    def __init__(self, host, name, args, terminal=False, stdin=False, annotations=None, mounts=True, start=True, stdio=True,
                 change=None):
        self.host, self.name, self.terminal = host, name, terminal
        self.path = host.bundle(name, args, annotations, terminal, change=change)
        self.stdin = host.fifo(name + '-in') if stdin else ''
        self.stdout = host.fifo(name + '-out') if stdio else ''
        self.stderr = host.fifo(name + '-err') if stdio and not terminal else ''
        self.fds = [os.open(p, os.O_RDONLY | os.O_NONBLOCK) if p else -1 for p in (self.stdout, self.stderr)]
        self.mounts = [[(1, 'bind'), (2, host.rootfs), (4, 'rbind'), (4, 'ro')]] if mounts else []
        if start:
            self.socket = host.start(name)
            self.client = host.connect(self.socket)

    def call(self, method, fields=(), **more):
        return self.client.call(method, [(1, self.name), *fields], **more)

    def create_fields(self):
        return [(1, self.name), (2, self.path), *[(3, m) for m in self.mounts], (4, self.terminal), (5, self.stdin), (6, self.stdout),
                (7, self.stderr)]

    def create(self, **more):
        return wire.number(self.client.call('Create', self.create_fields(), **more), 1)

    def state(self, exec_id=''):
        return wire.unpack(self.call('State', [(2, exec_id)]))

    def status(self, exec_id=''):
        return self.state(exec_id).get(4, [0])[0]

    def wait(self, exec_id='', timeout=PATIENCE):
        return wire.number(self.call('Wait', [(2, exec_id)], timeout=timeout), 1)

    def output(self, which=0, timeout=PATIENCE):
        """Everything until the shim closes its end."""
        data, until = b'', time.monotonic() + timeout
        while time.monotonic() < until:
            try:
                piece = os.read(self.fds[which], 65536)
            except BlockingIOError:
                time.sleep(0.005)
                continue
            if not piece:
                return data
            data += piece
        raise AssertionError(f'no end of output after {data[:200]!r}')

    def exec_fields(self, exec_id, args, out='', err='', stdin='', terminal=False):
        spec = json.dumps({'args': args, 'cwd': '/', 'user': {'uid': 0, 'gid': 0}, 'env': ['PATH=/bin'], 'terminal': terminal})
        return [(2, exec_id), (3, terminal), (4, stdin), (5, out), (6, err), (7, [(1, PROCESS), (2, spec)])]

    def end(self):
        """Delete, Shutdown, the delete verb: as containerd does."""
        self.call('Delete')
        self.call('Shutdown')
        self.client.close()
        self.delete_verb()

    def delete_verb(self):
        result = self.host.verb(self.name, 'delete')
        assert result.returncode == 0, result
        assert wire.number(result.stdout, 2) == 137, result
        for fd in self.fds:
            if fd >= 0:
                os.close(fd)
        self.fds = [-1, -1]
        return result
