#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an image or a bundle can make the host open, with the host watched: test-hostile-paths.py KATA-RUNTIME KATACTL SHIM.

Each case over kata-runtime, katactl and the containerd shim, on the null backend: the host's side is all there is of it. A canary (files of the
host that nothing may touch) stands behind every link; docs/hostile-images.md says which case is whose.
"""
import functools
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import unittest

import engines
import canary

PROGRAMS = dict(zip(('kata-runtime', 'katactl', 'shim'), sys.argv[1:4]))
FULL = bool(os.environ.get('HOSTILE_FULL')) # every case over every program, and long races; else each case over one of them
SECONDS = 60 if FULL else 1
OWN_MOUNTS = canary.own_mounts()
CONFIG = 'io.katacontainers.config.'


def each(test):
    """One engine after the other; after each, nothing is left and the canary was not touched."""
    @functools.wraps(test)
    def over_all(self):
        for kind, program in PROGRAMS.items():
            with self.subTest(kind):
                engine, begun = engines.make(kind, program), time.monotonic()
                try:
                    test(self, engine)
                    self.assertEqual(engine.left(), [])
                finally:
                    engine.close()
                self.untouched()
                print(f'{kind}: {time.monotonic() - begun:.1f} s', file=sys.stderr)
    return over_all


def share(engine, cases):
    """The part of @cases that is this engine's turn."""
    turn = list(PROGRAMS).index(engine.kind)
    return list(cases) if FULL else [case for i, case in enumerate(cases) if i % len(PROGRAMS) == turn]


class Base(unittest.TestCase):
    def setUp(self):
        self.canary = canary.Canary(OWN_MOUNTS)
        self.addCleanup(self.canary.close)

    def untouched(self, what=''):
        self.assertEqual(self.canary.touched(), [], what)

    def refused(self, engine, what, **more):
        code, said = engine.attempt(**more)
        with self.subTest(what):
            self.not_taken(code, said, what)
        return said

    def not_taken(self, code, said, what):
        self.assertNotEqual(code, 0, f'{what} was taken: {said}')
        self.assertNotIn('\x1b', said)
        self.assertLess(len(said), 10000)
        self.untouched(f'{what}: {said}')


class Watch(Base):
    def test_the_watch_sees(self):
        """A touch of each kind, and one through a mount of the canary elsewhere, is told of; a look at names is not."""
        c = self.canary.path
        mine = os.path.join(os.path.dirname(c), os.path.basename(c) + '-elsewhere')
        touches = [f'cat {c}/secret >/dev/null', f'ls {c}/dir >/dev/null', f'echo x >>{c}/dir/file', f'sh {c}/program', f'chmod 700 {c}/null',
                   f'ln -s a {c}/link', f'rm {c}/link', f'touch {c}/console']
        if OWN_MOUNTS:
            touches += [f'mkdir {mine} && mount --bind {c}/dir {mine} && cat {mine}/deep/file >/dev/null; umount {mine}; rmdir {mine}']
        for touch in touches:
            subprocess.run(touch, shell=True, check=False)
            self.assertNotEqual(self.canary.touched(), [], touch)
            self.canary.before = self.canary.digest()
            self.canary.touched()
        subprocess.run(f'stat {c}/secret >/dev/null; test -e {c}/dir/file', shell=True, check=False)
        self.untouched()


class Image(Base):
    def links(self, targets, relative):
        def spoil(rootfs):
            for name, target in targets.items():
                path = os.path.join(rootfs, name)
                subprocess.run(['rm', '-rf', path], check=True)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.symlink(('../' * 12 + self.canary.path[1:] if relative else self.canary.path) + '/' + target, path)
        return spoil

    @each
    def test_links(self, engine):
        """An image whose usual names are links to the host, absolute and relative: folders, then files."""
        folders = {n: 'dir' for n in ('dev', 'proc', 'sys', 'etc', 'tmp', 'run', 'usr', 'root', 'mnt', 'home', 'var')}
        files = {n: 'secret' for n in ('etc/passwd', 'etc/group', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'etc/mtab', 'etc/localtime',
                                       'etc/ld.so.cache', '.dockerenv', 'run/.containerenv')}
        files.update({'dev/null': 'null', 'dev/console': 'console', 'dev/ptmx': 'null', 'dev/pts': 'dir', 'dev/shm': 'dir', 'dev/mqueue': 'dir',
                      'proc/self': 'dir', 'sys/fs/cgroup': 'dir', 'bin/sh': 'program', 'bin/true': 'program', 'sbin/init': 'program',
                      'dev/fd': 'dir', 'dev/stdout': 'fifo'})

        def named(config):
            config['process']['user'] = {'uid': 0, 'gid': 0, 'username': 'root'}
            config['mounts'] += [{'destination': d, 'type': t, 'source': t} for d, t in (
                ('/sys', 'sysfs'), ('/dev/shm', 'tmpfs'), ('/dev/mqueue', 'mqueue'), ('/sys/fs/cgroup', 'cgroup'), ('/etc', 'tmpfs'))]
            config['mounts'] += [{'destination': d, 'type': 'bind', 'source': self.mine, 'options': ['rbind']} for d in (
                '/etc/hosts', '/etc/resolv.conf', '/mnt/deep', '/run/x')]
            config['linux'].update(maskedPaths=['/etc/passwd', '/proc/kcore', '/dev/null', '/../../etc/shadow'],
                                   readonlyPaths=['/etc', '/sys', self.canary.path])
        self.mine = engine.directory + '/mine'
        pathlib.Path(self.mine).write_text('mine', encoding='ascii')
        for relative in (False, True):
            for targets in (folders, files):
                for change in (None, named) if FULL else (named,):
                    engine.attempt(image=self.links(targets, relative), change=change)
                    self.untouched(f'{targets} {relative}')
        os.unlink(self.mine)

    @each
    def test_special_files(self, engine):
        """FIFOs, sockets and devices where a runtime would look for files: nothing waits for them."""
        def spoil(rootfs):
            for name in ('etc/passwd', 'etc/group', 'etc/hosts', 'etc/resolv.conf', 'bin/true'):
                path = os.path.join(rootfs, name)
                if os.path.lexists(path):
                    os.unlink(path)
                os.mkfifo(path)
        begun = time.monotonic()
        engine.attempt(image=spoil)
        self.assertLess(time.monotonic() - begun, 60)


class Root(Base):
    @each
    def test_paths(self, engine):
        c = self.canary.path
        d = engine.directory
        made = {'link': f'{c}/dir', 'to-root': '/', 'to-proc': '/proc/self/root', 'to-state': engine.state, 'dangling': '/no/such',
                'loop': 'loop'}
        for name, target in made.items():
            os.symlink(target, f'{d}/{name}')
        pathlib.Path(f'{d}/file').write_text('x', encoding='ascii')
        os.mkfifo(f'{d}/fifo')
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f'{d}/socket')
        paths = [f'{d}/{name}' for name in (*made, 'file', 'fifo', 'socket', 'none')]
        paths += ['/', '//', '/.', '/proc/self/root', '/proc/1/root', '/proc/self/cwd', '/proc/self/fd/0', '/dev/fd/0', '/dev/null', '/proc',
                  '/sys', '/dev/stdin', '../../..', 'rootfs/../../..', '', engine.state, 'x' * 5000, 'a\nb']
        for path in share(engine, paths):
            said = self.refused(engine, path[:100], change=lambda config, p=path: config['root'].update(path=p))
            self.assertNotIn('terminated', said)
        self.refused(engine, 'no root', change=lambda config: config.pop('root'))
        for name in (*made, 'file', 'fifo', 'socket'):
            os.unlink(f'{d}/{name}')

    @each
    def test_link_in_bundle(self, engine):
        def spoil(rootfs):
            subprocess.run(['rm', '-rf', rootfs], check=True)
            os.symlink(f'{self.canary.path}/dir', rootfs)
        self.refused(engine, 'rootfs is a link', image=spoil)


class Mounts(Base):
    @each
    def test_sources(self, engine):
        """What no guest shall have, by its name and through links: the whole host, its devices, its kernel's files, our own state."""
        d = engine.directory
        made = {'to-root': '/', 'to-dev': '/dev', 'to-null': '/dev/null', 'to-proc': '/proc', 'to-sys': '/sys/kernel', 'to-magic': '/proc/self/root',
                'to-state': engine.state, 'dangling': '/no/such', 'loop': 'loop', 'twice': 'to-root'}
        for name, target in made.items():
            os.symlink(target, f'{d}/{name}')
        os.mkfifo(f'{d}/fifo')
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f'{d}/socket')
        sources = [f'{d}/{name}' for name in (*made, 'fifo', 'socket', 'none', 'to-root/proc', 'to-root/dev/null')]
        sources += ['/', '/.', '/proc', '/proc/self/root', '/proc/1/cwd', '/dev/null', '/dev/fd/0', '/sys', '/dev/../etc', '../x', '', engine.state,
                    '/tmp/../..', 'x' * 5000]
        for source in share(engine, sources):
            mount = {'destination': '/mnt', 'source': source, **({'type': 'bind'} if len(source) % 2 else {'type': 'none', 'options': ['rbind', 'ro']})}
            self.refused(engine, source[:100], change=lambda config, m=mount: config['mounts'].append(m))
        for name in (*made, 'fifo', 'socket'):
            os.unlink(f'{d}/{name}')

    @each
    def test_destinations(self, engine):
        for destination in share(engine, ('/../x', '/mnt/../../x', 'a/../../b', '..', '', '/mnt/a\nb', '/' + 'x' * 5000)):
            mount = {'destination': destination, 'type': 'tmpfs', 'source': 'tmpfs'}
            self.refused(engine, destination[:100], change=lambda config, m=mount: config['mounts'].append(m))

    @each
    def test_kinds(self, engine):
        """File systems that the host would have to mount, and options that reach out of the guest."""
        c = self.canary.path
        for mount in share(engine, ({'type': 'ext4', 'source': '/dev/vda'}, {'type': 'overlay', 'source': 'overlay', 'options': [f'lowerdir={c}/dir']},
                      {'type': 'nfs', 'source': '127.0.0.1:/'}, {'type': 'fuse', 'source': '/dev/fuse'}, {'type': 'virtiofs', 'source': 'kataShared'},
                      {'type': 'bind', 'source': '/usr', 'options': ['rbind', 'rshared']}, {'type': 'bind', 'source': '/usr', 'options': ['idmap']},
                      {'type': 'tmpfs\x1b[2J', 'source': 'x'})):
            mount['destination'] = '/mnt'
            self.refused(engine, mount, change=lambda config, m=mount: config['mounts'].append(m))

    @each
    def test_many(self, engine):
        many = [{'destination': f'/mnt/{i}', 'type': 'tmpfs', 'source': 'tmpfs'} for i in range(5000)]
        self.refused(engine, '5000 mounts', change=lambda config: config['mounts'].extend(many))


class Config(Base):
    @each
    def test_texts(self, engine):
        """config.json cut, deep, large, of the wrong kinds, with a key twice."""
        good = json.dumps({'ociVersion': '1.0.2', 'root': {'path': 'rootfs'},
                           'process': {'args': ['true'], 'cwd': '/', 'user': {'uid': 0, 'gid': 0}}})
        texts = [good[:n] for n in range(1, len(good), 16)]
        texts += [good[:-1] + ', "root": {"path": "/"}}', good.replace('"cwd"', '"args": ["sh"], "cwd"'), '[' * 100000, '{"a":' * 10000, good[:-1] + ', "annotations": ' + '{"a":' * 10000, 'null', '[]', '1', '""', '\0' * 100, '\ufeff' + good,
                  good.replace('"1.0.2"', '1e999'), good.replace('["true"]', '"true"'), good.replace('["true"]', '[1e999]'), good.replace('["true"]', '[]'),
                  good.replace('"uid": 0', '"uid": -1'), good.replace('"uid": 0', '"uid": 4294967296'), good.replace('"uid": 0', '"uid": 0.5'),
                  good.replace('"uid": 0', '"uid": "0"'), good.replace('"true"', '"tr\\u0000ue"'), good.replace('"rootfs"', '"root\\u0000fs"'),
                  good.replace('"/"', '7'), good.replace('"/"', '"relative"'), good + ' ' * (17 << 20), good.replace('true', 'x' * (5 << 20))]
        for text in share(engine, texts):
            self.refused(engine, text[:200], change=lambda config, t=text: config.update(text=t))

    @each
    def test_large(self, engine):
        self.refused(engine, '100 MiB', change=lambda config: config.update(text='{"a": "', size=100 << 20))

    @each
    def test_annotations(self, engine):
        """Every key that names something of the host, or changes the machine: denied by its name."""
        c = self.canary.path
        program = [CONFIG + 'hypervisor.' + k for k in ('path', 'jailer_path', 'ctlpath', 'virtio_fs_daemon', 'kernel', 'initrd', 'image', 'firmware',
                                                        'entropy_source', 'file_mem_backend', 'vhost_user_store_path', 'virtio_fs_extra_args',
                                                        'kernel_params', 'firmware_volume', 'no_such_key')]
        program += [CONFIG + 'runtime.' + k for k in ('vfio_mode', 'create_container_timeout', 'no_such_key')] + [CONFIG + 'agent.kernel_modules', CONFIG + 'x']
        for key in share(engine, program):
            value = f'["-o", "source={c}"]' if key.endswith('args') else f'{c}/program'
            said = self.refused(engine, key, change=lambda config, k=key, v=value: config.update(annotations={k: v}))
            self.assertIn(key, said)

    @each
    def test_hooks(self, engine):
        """katactl runs none; kata-runtime and the shim run what the engine wrote, and say what they cannot run."""
        c = self.canary.path
        kinds = ('prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop')
        if isinstance(engine, engines.Katactl):
            engine.attempt(change=lambda config: config.update(hooks={k: [{'path': f'{c}/program'}] for k in kinds}))
            return
        for path in ('program', '../program', '/no/such', engine.directory, '/dev/null', ''):
            self.refused(engine, path, change=lambda config, p=path: config.update(hooks={'createRuntime': [{'path': p}]}))

    @each
    def test_tables(self, engine):
        """Users, limits, keys and devices: what is not exactly what the specification allows is refused."""
        def user(**more):
            return lambda config: config['process'].update(user=more)

        def linux(**more):
            return lambda config: config['linux'].update(more)
        bad = [user(uid=-1, gid=0), user(uid=0, gid=1 << 32), user(uid=1 << 31 << 10, gid=0), user(uid='0x0', gid=0), user(uid=0, gid=0, additionalGids=[-1]),
               lambda config: config['process'].update(rlimits=[{'type': 'RLIMIT_NOFILE', 'hard': -1, 'soft': 1}]),
               lambda config: config['process'].update(cwd='../x'), lambda config: config['process'].update(oomScoreAdj=5000),
               linux(devices=[{'type': 'b', 'path': '/dev/vda', 'major': -1, 'minor': 0}]), linux(devices=[{'type': 'z', 'path': '/dev/x'}]),
               linux(sysctl=[]), linux(namespaces=[{'type': 'pid'}, {'type': 'none'}]),
               linux(namespaces=[{'type': 'user', 'path': '/proc/1/ns/user'}]), linux(resources={'memory': {'limit': 'x'}})]
        for i, change in share(engine, enumerate(bad)):
            self.refused(engine, f'table {i}', change=change)


class Ids(Base):
    @each
    def test_at_once(self, engine):
        """One name six times at once: one of them is made."""
        folder = engines.write_bundle(engine.folder(), ['sleep', '1000'])
        name, codes = engine.name(), []
        threads = [threading.Thread(target=lambda: codes.append(engine.begin(folder, name))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len([code for code in codes if code == 0]), 1, codes)
        self.assertEqual(len(codes), 6)
        self.assertEqual(engine.remove(folder, name), 0)
        subprocess.run(['rm', '-rf', folder], check=True)

    @each
    def test_names(self, engine):
        folder = engines.write_bundle(engine.folder(), ['true'])
        for name in share(engine, ('..', '.', 'a/b', '../../x', '/etc', 'x' * 300, 'a b', 'a\nb', '\u00e9', '-x', 'a\x1b[2J', '.shim', '.katactl', '.oci')):
            code, said = engine.go(folder, name)
            with self.subTest(name):
                self.not_taken(code, said, name)
        subprocess.run(['rm', '-rf', folder], check=True)


class Streams(Base):
    """The shim's FIFOs, as containerd would name them: what is none of ours is neither opened for long nor waited for."""

    @each
    def test_other_files(self, engine):
        if engine.kind != 'shim':
            return
        d = engine.directory
        os.symlink('/no/such', f'{d}/dangling')
        pathlib.Path(f'{d}/plain').write_text('before\n', encoding='ascii')
        for i, (path, code) in enumerate(((f'{d}/plain', 0), (f'{d}/dangling', 1), (d, 1), ('relative', 1), (f'{d}/none', 1), ('/dev/full', 0))):
            task = engines.shim.Task(engine.host, f's{i}', ['echo', 'hi'], mounts=False, stdio=False)
            task.stdout = path
            try:
                task.create()
                task.call('Start')
                self.assertEqual((task.wait(), code), (0, 0), path)
                task.call('Delete')
            except engines.wire.Refused as refused:
                self.assertEqual(code, 1, f'{path}: {refused}')
            task.call('Shutdown')
            task.client.close()
            task.delete_verb()
        self.assertEqual(pathlib.Path(f'{d}/plain').read_text(encoding='ascii'), 'before\nhi\n')


class Planted(Base):
    def state_name(self, engine, parent, name):
        """Where an engine keeps what it knows of a container."""
        if engine.kind != 'shim':
            return name
        where = f'{engine.host.address}\ndefault\n{name}'
        return hashlib.sha256(where.encode()).hexdigest()[:32] if parent else f'default__{name}'

    @each
    def test_state(self, engine):
        """Links and files that somebody put where a container's state is to be: it is not made, nothing is followed, and they stay."""
        parents = {'kata-runtime': ('', '.oci/containers', '.oci/pods'), 'katactl': ('',), 'shim': ('', '.shim')}
        for parent in parents[engine.kind]:
            for plant in (lambda p: os.symlink(f'{self.canary.path}/dir', p), os.mkfifo, lambda p: pathlib.Path(p).write_text('x', encoding='ascii')):
                name = engine.name()
                path = os.path.join(engine.state, parent, self.state_name(engine, parent, name))
                os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
                plant(path)
                before = os.lstat(path)
                self.refused(engine, path, name=name)
                self.assertEqual(os.lstat(path).st_ino, before.st_ino, 'what was planted was replaced')
                os.unlink(path)


class Race(Base):
    def race(self, engine, one, other, **more):
        """Swaps two names for as long as containers are made and removed; the canary must not be mounted, not even for a moment."""
        going, swaps, seen = True, [0], []

        def swap():
            while going:
                call(one, other)
                swaps[0] += 1

        def look():
            while going:
                seen.extend(self.canary.mounts())
        threads = [threading.Thread(target=t, daemon=True) for t in (swap, look)]
        for thread in threads:
            thread.start()
        codes, until = [], time.monotonic() + SECONDS
        while time.monotonic() < until:
            codes.append(self.lap(engine, **more))
        going = False
        for thread in threads:
            thread.join()
        self.assertEqual(seen, [])
        print(f'{type(engine).__name__}: {len(codes)} containers, {codes.count(0)} ran, {swaps[0]} swaps', file=sys.stderr)

    def lap(self, engine, change, **more):
        folder = engines.write_bundle(engine.folder(), ['sleep', '0.05'], change, **more)
        code, said = engine.go(folder, engine.name())
        self.untouched(said)
        subprocess.run(['rm', '-rf', folder], check=True)
        return code

    @each
    def test_root(self, engine):
        """The root file system swapped for a link to the canary."""
        root, link = f'{engine.directory}/image-1', f'{engine.directory}/link'
        os.mkdir(root)
        engines.ctl.make_rootfs(root)
        os.symlink(f'{self.canary.path}/dir', link)
        self.race(engine, root, link, change=lambda config, r=root: config['root'].update(path=r))
        subprocess.run(['rm', '-rf', root, link], check=True)

    @each
    def test_mount_target(self, engine):
        """Places that mounts are made on, in the image, swapped for links to the canary."""
        root = f'{engine.directory}/image-1'
        os.mkdir(root)
        engines.ctl.make_rootfs(root)
        os.symlink(f'{self.canary.path}/dir', f'{root}/other')
        self.race(engine, f'{root}/proc', f'{root}/other', change=lambda config, r=root: config['root'].update(path=r))
        subprocess.run(['rm', '-rf', root], check=True)

    @each
    def test_source(self, engine):
        """A volume swapped for a link to the whole host: what is bound is what was looked at."""
        d = engine.directory
        os.mkdir(f'{d}/volume')
        os.symlink('/', f'{d}/link') # with it, the canary's own file system
        mount = {'destination': '/mnt', 'type': 'bind', 'source': f'{d}/volume', 'options': ['rbind']}
        self.race(engine, f'{d}/volume', f'{d}/link', change=lambda config, m=mount: config['mounts'].append(m))
        subprocess.run(['rm', '-rf', f'{d}/volume', f'{d}/link'], check=True)


def call(one, other):
    """renameat2(2) with RENAME_EXCHANGE: both names are always there."""
    canary.LIBC.renameat2(-100, one.encode(), -100, other.encode(), 2)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
