# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fetches Debian packages with apt-get into a cache and unpacks them; it installs nothing on this machine."""

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

LISTS = '/var/lib/apt/lists'
ONLY_DEPENDS = ['--no-recommends', '--no-suggests', '--no-conflicts', '--no-breaks', '--no-replaces', '--no-enhances']
APT = ['-o', 'APT::Sandbox::User=root', '-o', 'Dpkg::Use-Pty=0']


class DebError(Exception):
    pass


def _run(argv, **kw):
    try:
        return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, env={**os.environ, 'LC_ALL': 'C'}, **kw).stdout
    except FileNotFoundError:
        raise DebError(f'{argv[0]}: not found; the image is made of Debian packages, so it needs a Debian machine')
    except subprocess.CalledProcessError as e:
        raise DebError(f"{' '.join(argv)}: {e.stderr.strip() or 'failed'}")


def parse_depends(text):
    """The graph that `apt-cache depends --recurse` prints: package to the first choice of each thing that it depends on."""
    graph, current, after_or = {}, None, False
    for line in text.splitlines():
        if line and not line.startswith(' '):
            current = line.split(':')[0]
            graph[current] = []
            continue
        m = re.match(r'\s+(\|?)(?:Pre)?Depends: (\S+)', line)
        if m:
            if not after_or and not m.group(2).startswith('<'):
                graph[current].append(m.group(2).split(':')[0])
            after_or = m.group(1) == '|'
    return graph


def default_cache(out):
    folder = os.environ.get('XDG_CACHE_HOME')
    return f'{folder}/libkata' if folder else f'{out}/cache'


def host_architecture():
    return _run(['dpkg', '--print-architecture']).strip()


class Cache:
    def __init__(self, path, architecture=None):
        """`architecture` is Debian's name of it: packages of another one come by lists of their own, and the machine's apt stays as it is."""
        self.foreign = architecture is not None and architecture != host_architecture()
        self.path = os.path.abspath(f'{path}/{architecture}' if self.foreign else path)
        self.lists, self.options = LISTS, APT
        os.makedirs(self.path, exist_ok=True)
        if self.foreign:
            self._make_foreign(architecture)
        self.used, self.renewed = {}, False
        self._index = self._load_index()

    def _make_foreign(self, architecture):
        """A state of apt's own below the cache: the machine's sources and keys, another architecture, nothing installed."""
        state = f'{self.path}/apt'
        self.lists = f'{state}/lists'
        for folder in (f'{self.lists}/partial', f'{state}/cache/archives/partial'):
            os.makedirs(folder, exist_ok=True)
        with open(f'{state}/status', 'a', encoding='utf-8'):
            pass
        self.options = APT + [word for value in (
            f'APT::Architecture={architecture}', f'APT::Architectures::={architecture}', f'Dir::State={state}',
            f'Dir::State::status={state}/status', f'Dir::Cache={state}/cache', 'Acquire::Languages=none',
            'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false') for word in ('-o', value)]
        if not glob.glob(f'{self.lists}/*_Packages*'):
            self._update()

    def _update(self):
        _run(['apt-get', *self.options, '-qq', 'update'])

    def _load_index(self):
        """What apt answered before, as long as its package lists have not changed: each question costs a second or two."""
        stamp = [[e.name, e.stat().st_mtime_ns] for e in os.scandir(self.lists)] if os.path.isdir(self.lists) else []
        index = {'lists': sorted(stamp), 'depends': {}, 'candidate': {}}
        try:
            with open(f'{self.path}/apt.json', encoding='utf-8') as f:
                old = json.load(f)
            return old if old['lists'] == index['lists'] else index
        except (OSError, ValueError, KeyError):
            return index

    def _save_index(self):
        part = f'{self.path}/apt.json.{os.getpid()}'
        with open(part, 'w', encoding='utf-8') as f:
            json.dump(self._index, f)
        os.replace(part, f'{self.path}/apt.json')

    def closure(self, package):
        """The package and all that it depends on, by apt's first choices, itself first."""
        graph = self._index['depends']
        if package not in graph:
            graph.update(parse_depends(_run(['apt-cache', *self.options, 'depends', '--recurse', *ONLY_DEPENDS, package])))
            self._save_index()
        todo, seen = [package], []
        while todo:
            name = todo.pop(0)
            if name not in seen:
                seen.append(name)
                todo += graph.get(name, [])
        return seen

    def prepare(self, packages):
        """Asks apt for the file name and digest of several packages at once."""
        unknown = [p for p in packages if p not in self._index['candidate']]
        if not unknown:
            return
        try:
            out = _run(['apt-get', *self.options, '--print-uris', 'download', *unknown])
        except DebError:
            return
        for name, kind, digest in re.findall(r"^'[^']*' (\S+) \d+ (SHA\d+):([0-9a-f]+)", out, re.M):
            self._index['candidate'][name.split('_')[0]] = [name, kind, digest]
        self._save_index()

    def download(self, packages):
        """Fetches several packages at once: starting apt-get takes longer than a small package. What fails here fetch() tries again."""
        self.prepare(packages)
        known = self._index['candidate']
        missing = [p for p in packages if p in known and not self._matches(os.path.join(self.path, known[p][0]), *known[p][1:])]
        if len(missing) > 1:
            try:
                _run(['apt-get', *self.options, '-qq', 'download', *missing], cwd=self.path)
            except DebError:
                pass

    def fetch(self, package):
        """Returns the path of the package's .deb; a cached file is used if it is the one that apt names."""
        self.prepare([package])
        known = self._index['candidate'].get(package)
        if known is None:
            old = sorted(glob.glob(f'{self.path}/{package}_*.deb'), key=os.path.getmtime)
            if not old:
                raise DebError(f'{package}: apt knows no such package; run "apt-get update" (as root) and try again')
            print(f'{package}: apt does not answer; using the cached {os.path.basename(old[-1])}', file=sys.stderr)
            return self._note(package, old[-1])
        name, kind, digest = known
        path = os.path.join(self.path, name)
        if not self._matches(path, kind, digest):
            try:
                _run(['apt-get', *self.options, '-qq', 'download', package], cwd=self.path)
            except DebError:
                # The lists of this machine are its administrator's to renew; those of another architecture are ours, once.
                if not self.foreign or self.renewed:
                    raise
                self.renewed = True
                self._update()
                self._index = self._load_index()
                return self.fetch(package)
        if not self._matches(path, kind, digest):
            raise DebError(f'{path}: its {kind} is not the one that apt names; delete it and try again')
        return self._note(package, path)

    def known(self):
        """File name and digest of each package that apt was asked for."""
        return dict(self._index['candidate'])

    @staticmethod
    def _matches(path, kind, digest):
        if not os.path.exists(path):
            return False
        with open(path, 'rb') as f:
            return hashlib.file_digest(f, kind.lower()).hexdigest() == digest

    def _note(self, package, path):
        self.used[package] = os.path.basename(path).rsplit('_', 2)[1].replace('%3a', ':')
        return path

    def unpack(self, package):
        """Returns the folder that holds the package's files; unpacked once for each version."""
        return self.unpack_file(self.fetch(package))

    def unpack_file(self, deb):
        """The same for a .deb that did not come by apt."""
        folder = os.path.join(self.path, 'unpacked', os.path.basename(deb)[:-len('.deb')])
        if not os.path.isdir(folder):
            part = f'{folder}.part.{os.getpid()}'
            os.makedirs(part)
            _run(['dpkg-deb', '-x', deb, part])
            try:
                os.rename(part, folder)
            except OSError:
                shutil.rmtree(part)   # another build was faster
        return folder
