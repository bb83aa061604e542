#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the guest: kernel, initrd and the manifest guest.json that describes them; it runs no guest and installs nothing."""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import cpio      # noqa: E402
import debs      # noqa: E402
import elf       # noqa: E402
import modules   # noqa: E402

INITRD = 'kata-containers-initrd.img'
LIMIT = 16 << 20
# Of each architecture of guests: Debian's name of it, and before what the names of its tools and folders begin.
ARCHITECTURES = {'x86_64': ('amd64', 'x86_64-linux-gnu'), 'aarch64': ('arm64', 'aarch64-linux-gnu')}
FLAVOURS = {'cloud': 'linux-image-cloud-', 'generic': 'linux-image-'}
COMPRESSORS = {
    'zstd': ['zstd', '-q', '-19', '-T1', '-c'],
    'lz4': ['lz4', '-q', '-l', '-9', '-c'],
    'xz': ['xz', '-q', '--check=crc32', '-T1', '-6', '-c'],
    'gzip': ['gzip', '-q', '-n', '-9', '-c'],
    'none': ['cat'],
}


class ImageError(Exception):
    pass


def arguments():
    p = argparse.ArgumentParser(description='Build the guest kernel, initrd and manifest from Debian packages and our agent.')
    p.add_argument('--arch', choices=ARCHITECTURES, default='x86_64', help='of the guest (default: %(default)s)')
    p.add_argument('--out', default='build/guest', help='folder for vmlinuz, %s and guest.json (default: %%(default)s)' % INITRD)
    p.add_argument('--cache', help='folder for downloaded packages (default: $XDG_CACHE_HOME/libkata, else OUT/cache)')
    p.add_argument('--agent', help='the agent, put into the image as /init (default: OUT/agent/kata-agent)')
    p.add_argument('--agent-version', default='', help='what guest.json says of the agent')
    p.add_argument('--flavour', choices=['cloud', 'generic', 'custom'], default='cloud',
                   help="Debian's cloud kernel, Debian's general kernel (has 9p), or the one that guest/kernel/build made")
    p.add_argument('--kernel', help='custom: the folder with vmlinuz and release (default: OUT/kernel)')
    p.add_argument('--compress', choices=COMPRESSORS, default='lz4', help='default: %(default)s; docs/boot-time.md has the figures')
    p.add_argument('--busybox', action='store_true', help="put Debian's static busybox of that architecture beside the image, for root file systems")
    p.add_argument('--without-crun', action='store_true', help='leave out crun and its libraries (for tests of the image alone)')
    p.add_argument('--force', action='store_true', help='build even if nothing has changed')
    p.add_argument('--file', action='append', default=[], metavar='PATH=FILE[:MODE]', help='put one more file into the image')
    return p.parse_args()


def debian_kernel(cache, flavour, arch):
    """Returns (vmlinuz, module folder, release) of Debian's newest kernel of that flavour."""
    package = FLAVOURS[flavour] + ARCHITECTURES[arch][0]
    image = [n for n in cache.closure(package)[1:] if n.startswith('linux-image-')]
    if not image:
        raise ImageError(f'{package}: apt does not name its kernel package; run "apt-get update" (as root) first')
    root = cache.unpack(image[0])
    release = image[0].removeprefix('linux-image-').removesuffix('-unsigned')
    return f'{root}/boot/vmlinuz-{release}', f'{root}/lib/modules/{release}', release


def custom_kernel(folder):
    """Our own kernel has everything built in: its module folder holds at most modules.builtin."""
    try:
        with open(f'{folder}/release', encoding='utf-8') as f:
            release = f.read().strip()
    except FileNotFoundError:
        raise ImageError(f'{folder}/release: no such file; run guest/kernel/build first, or choose --flavour cloud')
    return f'{folder}/vmlinuz', folder, release


def add_skeleton(tree):
    for path in ('dev', 'etc', 'proc', 'root', 'run', 'sys', 'mnt', 'usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'var/log'):
        tree.directory(path)
    tree.directory('tmp', 0o1777)
    for name in ('bin', 'sbin', 'lib', 'lib64'):
        tree.symlink(name, f'usr/{name}')
    tree.symlink('var/run', '../run')
    tree.chardev('dev/console', 5, 1)
    tree.chardev('dev/null', 1, 3, 0o666)
    tree.file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n')
    tree.file('etc/group', 'root:x:0:\nnogroup:x:65534:\n')
    tree.file('etc/os-release', 'ID=libkata-guest\nNAME="libkata guest"\n')


def real_in(root, path):
    """The file that `path` names inside an unpacked package, links followed inside it; None if it is not there."""
    for _ in range(8):
        full = os.path.join(root, path)
        if not os.path.islink(full):
            return full if os.path.isfile(full) else None
        target = os.readlink(full)
        path = target.lstrip('/') if target.startswith('/') else os.path.normpath(os.path.join(os.path.dirname(path), target))
    return None


def find_library(roots, name, triple):
    for root in roots:
        for folder in (f'lib/{triple}', f'usr/lib/{triple}', 'lib64', 'usr/lib64', 'lib', 'usr/lib'):
            path = real_in(root, f'{folder}/{name}')
            if path:
                return path
    raise ImageError(f'{name}: needed by crun, but in none of the packages that crun depends on')


def add_crun(tree, cache, triple):
    """Puts Debian's crun, its loader and every library that they need into the image; returns the package's version."""
    packages = cache.closure('crun')
    cache.download(packages)
    roots = [cache.unpack(name) for name in packages]
    program = f'{roots[0]}/usr/bin/crun'
    todo, seen = [('crun', program, 'usr/bin/crun')], set()
    while todo:
        name, path, target = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        with open(path, 'rb') as f:
            data = f.read()
        tree.file(target, data, 0o755)
        image = elf.Elf(data, name)
        loader = image.interpreter()
        if loader:
            todo.append((os.path.basename(loader), find_library(roots, os.path.basename(loader), triple), 'usr/' + loader.lstrip('/')))
        for need in image.needed():
            # The loader is needed by name too; it has one place, the one that PT_INTERP names.
            if not need.startswith('ld-linux'):
                todo.append((need, find_library(roots, need, triple), f'usr/lib/{triple}/{need}'))
    return cache.used['crun']


def add_modules(tree, mods, release, objcopy):
    """Puts modules and their lists into the image; returns the features that this kernel offers."""
    folder = f'/lib/modules/{release}'
    known = {name: (needs, asked_as) for name, needs, asked_as in modules.FEATURES}
    offered = [name for name, (needs, _) in known.items() if all(mods.has(need) for need in needs)]

    def put(paths):
        for path in paths:
            tree.file(f'usr{folder}/{path}', modules.strip(mods.data(path), objcopy))
        return ''.join(f'{folder}/{path}\n' for path in paths)

    base = mods.order([need for name in modules.BASE if name in offered for need in known[name][0]])
    tree.file('etc/kata-modules', put(base))
    tree.directory('etc/kata-modules.d')
    features = []
    for name in offered:
        paths = [path for path in mods.order(known[name][0]) if path not in base]
        if name in modules.LEFT_OUT and paths:
            continue
        features.append(name)
        if paths:
            tree.file(f'etc/kata-modules.d/{name}', put(paths))
            for alias in known[name][1]:
                tree.symlink(f'etc/kata-modules.d/{alias}', name)
    return features


def compress(data, how):
    try:
        return subprocess.run(COMPRESSORS[how], input=data, stdout=subprocess.PIPE, check=True).stdout
    except FileNotFoundError:
        raise ImageError(f'{COMPRESSORS[how][0]}: not found; install the package of that name or choose another --compress')


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write(path, data, mode=0o644):
    """Writes a file in one step, so that a guest that starts meanwhile never sees half of it."""
    part = f'{path}.part.{os.getpid()}'
    with open(part, 'wb') as f:
        f.write(data)
    os.chmod(part, mode)
    os.replace(part, path)


def read(path, what):
    try:
        with open(path, 'rb') as f:
            return f.read()
    except OSError as e:
        raise ImageError(f'{path}: {e.strerror}; {what}')


def digest_of_inputs(args, cache, parts):
    """One digest over all that decides about the result: our own text, options, package versions, and these parts."""
    total = hashlib.sha256()
    for name in sorted(os.listdir(HERE)):
        if name.endswith('.py'):
            total.update(read(f'{HERE}/{name}', 'part of the image builder'))
    options = [args.arch, args.flavour, args.compress, args.without_crun, args.agent_version, os.environ.get('SOURCE_DATE_EPOCH', '0')]
    options += [(extra, sha256(read(extra.partition('=')[2].partition(':')[0], 'named by --file'))) for extra in args.file]
    total.update(json.dumps([options, sorted(cache.known().items())]).encode())
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def is_current(out, inputs):
    """Whether the files in `out` were made of the same inputs and are whole."""
    try:
        with open(f'{out}/guest.json', encoding='utf-8') as f:
            old = json.load(f)
        return (old['inputs'] == inputs and os.path.getsize(f'{out}/{INITRD}') == old['initrd']['bytes']
                and sha256(read(f'{out}/vmlinuz', '')) == old['kernel']['sha256'])
    except (OSError, ValueError, KeyError, ImageError):
        return False


def build(args):
    debian, triple = ARCHITECTURES[args.arch]
    cache = debs.Cache(args.cache or debs.default_cache(args.out), debian)
    agent = read(args.agent or f'{args.out}/agent/kata-agent', 'build the agent first (ninja -C build) or name it with --agent')
    if args.flavour == 'custom':
        vmlinuz, folder, release = custom_kernel(args.kernel or f'{args.out}/kernel')
    else:
        vmlinuz, folder, release = debian_kernel(cache, args.flavour, args.arch)
    kernel = read(vmlinuz, 'the kernel package has another shape than expected')

    if not args.without_crun:
        cache.prepare(cache.closure('crun'))
    inputs = digest_of_inputs(args, cache, [agent, kernel])
    if args.busybox:
        os.makedirs(args.out, exist_ok=True)
        write(f'{args.out}/busybox', read(f"{cache.unpack('busybox-static')}/bin/busybox", 'the package has another shape than expected'), 0o755)
    if not args.force and is_current(args.out, inputs):
        print(f'guest: kernel {release}; {args.out} is up to date')
        return

    tree = cpio.Tree()
    add_skeleton(tree)
    tree.file('init', agent, 0o755)
    features = add_modules(tree, modules.Modules(folder), release, 'objcopy' if args.arch == os.uname().machine else f'{triple}-objcopy')
    crun = '' if args.without_crun else add_crun(tree, cache, triple)
    for extra in args.file:
        target, _, source = extra.partition('=')
        source, _, mode = source.partition(':')
        tree.file(target, read(source, 'named by --file'), int(mode or '755', 8))
    raw = tree.pack(int(os.environ.get('SOURCE_DATE_EPOCH', '0')))
    initrd = compress(raw, args.compress)
    if len(initrd) > LIMIT:
        raise ImageError(f'{INITRD}: {len(initrd)} bytes compressed; the limit is {LIMIT}; use a stronger --compress')

    manifest = {
        'version': 1,
        'arch': args.arch,
        'kernel': {'file': 'vmlinuz', 'version': release, 'flavour': args.flavour, 'sha256': sha256(kernel)},
        'initrd': {'file': INITRD, 'sha256': sha256(initrd), 'bytes': len(initrd), 'unpacked': len(raw),
                   'compression': args.compress},
        'features': sorted(features),
        'crun': crun,
        'agent': {'bytes': len(agent), 'version': args.agent_version},
        'packages': dict(sorted(cache.used.items())),
        'inputs': inputs,
    }
    os.makedirs(args.out, exist_ok=True)
    write(f'{args.out}/vmlinuz', kernel)
    write(f'{args.out}/{INITRD}', initrd)
    write(f'{args.out}/guest.json', (json.dumps(manifest, indent=2) + '\n').encode())
    print(f'guest: kernel {release}, {len(kernel) >> 10} KiB; initrd {len(initrd) >> 10} KiB ({len(raw) >> 10} unpacked); '
          f'agent {len(agent) >> 10} KiB')


def main():
    if not shutil.which('dpkg-deb'):
        sys.exit('guest image: it is made of Debian packages and so needs a Debian machine')
    try:
        build(arguments())
    except (ImageError, debs.DebError, elf.ElfError, modules.ModuleError) as e:
        sys.exit(f'guest image: {e}')


if __name__ == '__main__':
    main()
