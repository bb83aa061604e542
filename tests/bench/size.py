# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sizes of the programs that are compared, as they are and stripped, and the shared libraries that they load; it runs none of them but ldd."""

import os
import re
import shutil
import subprocess
import tempfile


def libraries(path):
    """{name: file} that the loader would map; {} for a static program."""
    run = subprocess.run(['ldd', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return {os.path.basename(found): os.path.realpath(found) for found in re.findall(r'(/\S+) \(0x', run.stdout)}


def stripped(path):
    with tempfile.NamedTemporaryFile() as f:
        if not shutil.which('strip') or subprocess.run(['strip', '-o', f.name, path], stderr=subprocess.DEVNULL, check=False).returncode:
            return None
        return os.path.getsize(f.name)


def programs(build):
    """{program: {'bytes', 'stripped', 'libraries': [...], 'library_bytes'}}"""
    found = {}
    paths = {'kata-vmm': f'{build}/lib/vmm/helper/kata-vmm', 'katactl': f'{build}/tools/katactl', 'libkata.so': f'{build}/lib/libkata.so',
             'qemu-system-x86_64': shutil.which('qemu-system-x86_64')}
    for name, path in paths.items():
        if path and os.path.exists(path):
            needed = libraries(path)
            found[name] = {'bytes': os.path.getsize(os.path.realpath(path)), 'stripped': stripped(path), 'libraries': sorted(needed),
                           'library_bytes': sum(os.path.getsize(p) for p in needed.values())}
    return found


def kib(size):
    return '-' if size is None else f'{size / 1024:,.0f}'


def text(found, markdown=False):
    out = ['', 'programs, KiB', '']
    form = '| {} | {} | {} | {} | {} | {} |' if markdown else '{:<22} {:>10} {:>10} {:>10} {:>10}  {}'
    out.append(form.format('program', 'as built', 'stripped', 'libraries', 'their KiB', 'which'))
    if markdown:
        out.append('|---|--:|--:|--:|--:|---|')
    for name, p in found.items():
        which = ' '.join(p['libraries']) if len(p['libraries']) <= 8 else f"{len(p['libraries'])} of them"
        out.append(form.format(name, kib(p['bytes']), kib(p['stripped']), len(p['libraries']), kib(p['library_bytes']), which))
    return '\n'.join(out) + '\n'
