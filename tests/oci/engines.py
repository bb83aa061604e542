# SPDX-License-Identifier: LGPL-2.1-or-later
"""engines: one bundle through kata-runtime, katactl or the containerd shim, and what each then leaves behind."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import runtime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'shim'))
import ctl  # noqa: E402
import shim  # noqa: E402
import wire  # noqa: E402


def write_bundle(folder, args, change=None, image=None, **process):
    """config.json and rootfs below @folder; @image may spoil the root file system, @change the configuration."""
    rootfs = os.path.join(folder, 'rootfs')
    os.makedirs(rootfs, exist_ok=True)
    ctl.make_rootfs(rootfs)
    if image:
        image(rootfs)
    config = {'ociVersion': '1.0.2', 'root': {'path': 'rootfs'},
              'process': {'args': list(args), 'cwd': '/', 'user': {'uid': 0, 'gid': 0}, 'env': ['PATH=/bin'], **process},
              'mounts': [{'destination': '/proc', 'type': 'proc', 'source': 'proc'},
                         {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs'}],
              'linux': {'namespaces': [{'type': t} for t in runtime.NAMESPACES]}}
    if change:
        change(config)
    size = config.pop('size', 0)
    text = config.pop('text', None) or json.dumps(config)
    path = os.path.join(folder, 'config.json')
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
        f.truncate(max(size, f.tell()))
    return folder


class Engine:
    """`attempt` runs a bundle to its end: (0 or not, what was said); `begin` and `remove` are the two ends of one: 0 or not."""
    count, kind = 0, ''

    def name(self):
        Engine.count += 1
        return f'c{Engine.count}'

    def folder(self):
        return tempfile.mkdtemp(prefix='bundle-', dir=self.directory)

    def attempt(self, args=('true',), change=None, image=None, name=None, **process):
        folder = write_bundle(self.folder(), args, change, image, **process)
        try:
            return self.go(folder, name or self.name())
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class Runtime(Engine):
    def __init__(self, program, hypervisor='null'):
        self.r = runtime.Runtime(program, hypervisor)
        self.directory, self.state = self.r.directory, self.r.root
        self.r.run('list')

    def go(self, folder, name):
        result = self.r.run('run', '--bundle', folder, '--', name)
        return result.returncode, result.stderr.decode('utf-8', 'replace') + result.stdout.decode('utf-8', 'replace')

    def begin(self, folder, name):
        return self.r.create(name, folder)

    def remove(self, _folder, name):
        return self.r.run('delete', '--force', name).returncode

    def left(self):
        return self.r.settled_leftovers()

    def close(self):
        self.r.close()


class Katactl(Engine):
    def __init__(self, program, hypervisor='null'):
        self.ctl = ctl.Katactl(program, hypervisor, timeout=90)
        self.directory, self.state = self.ctl.directory, self.ctl.state
        self.ctl.run('list')

    def go(self, folder, name):
        with open(os.path.join(folder, 'config.json'), 'rb') as f:
            text = f.read(1 << 20)
        try:
            annotations = json.loads(text).get('annotations', {})
        except (ValueError, AttributeError, RecursionError):
            annotations = {}
        # katactl takes a sandbox's annotations from its command line.
        words = [w for k, v in annotations.items() for w in ('--annotation', f'{k}={v}')]
        result = self.ctl.run('run', *words, '--bundle', folder, f'--name={name}', '--rm')
        return result.returncode, result.stderr.decode('utf-8', 'replace') + result.stdout.decode('utf-8', 'replace')

    def begin(self, folder, name):
        return self.ctl.run('run', '--bundle', folder, f'--name={name}', '-d').returncode

    def remove(self, _folder, name):
        return self.ctl.run('delete', '-f', name).returncode

    def left(self):
        return self.ctl.settled_leftovers()

    def close(self):
        self.ctl.close()


class Shim(Engine):
    def __init__(self, program, hypervisor='null'):
        self.host = shim.Host(program, hypervisor)
        self.directory, self.state = self.host.top, self.host.state
        subprocess.run([self.host.program, '-v'], env=self.host.env, capture_output=True, check=False)

    def folder(self):
        path = os.path.join(self.host.top, 'bundles', self.name())
        os.makedirs(path)
        os.mkfifo(os.path.join(path, 'log'))
        return path

    def go(self, folder, name):
        started = self.host.verb(name, 'start', bundle=folder)
        if started.returncode:
            deleted = self.host.verb(name, 'delete', bundle=folder)
            return 1, (started.stderr + deleted.stderr).decode('utf-8', 'replace')
        client = self.host.connect(started.stdout.decode()[len('unix://'):])
        code, said = self.life(client, folder, name)
        client.call('Shutdown', [(1, name)])
        client.close()
        self.host.clients.remove(client)
        deleted = self.host.verb(name, 'delete', bundle=folder)
        return code or deleted.returncode, said + deleted.stderr.decode('utf-8', 'replace')

    def life(self, client, folder, name):
        try:
            client.call('Create', [(1, name), (2, folder)], timeout=60)
        except wire.Refused as refused:
            return 1, refused.why
        try:
            client.call('Start', [(1, name)])
            code = wire.number(client.call('Wait', [(1, name)], timeout=60), 1)
        except wire.Refused as refused:
            code = 1
            client.call('Kill', [(1, name), (3, signal.SIGKILL)])
            said = refused.why
        else:
            said = ''
        client.call('Delete', [(1, name)])
        return code, said

    def begin(self, folder, name):
        return self.host.verb(name, 'start', bundle=folder).returncode

    def remove(self, folder, name):
        return self.host.verb(name, 'delete', bundle=folder).returncode

    def left(self):
        return self.host.settled_left()

    def close(self):
        self.host.destroy()


def make(kind, program, hypervisor='null'):
    engine = {'kata-runtime': Runtime, 'katactl': Katactl, 'shim': Shim}[kind](program, hypervisor)
    engine.kind = kind
    return engine
