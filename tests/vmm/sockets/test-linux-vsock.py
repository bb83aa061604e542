#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Linux's own vsock test program, from guest to host and back. Its source comes from Debian's linux-source package; none of it is here.

On the host it runs over shim.c, as our vsock is a unix socket there. Skipped by name: SOCK_SEQPACKET, which is not offered; and, where the host is the client, SO_RCVLOWAT, which poll() on a unix socket does
not look at.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import machine  # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCES = ['vsock_test.c', 'timeout.c', 'control.c', 'util.c']
FLAGS = ['-O2', '-D_GNU_SOURCE', '-w', '-fno-strict-aliasing', '-DARRAY_SIZE(a)=(sizeof (a) / sizeof *(a))']
CONTROL = '1234'


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


def find_source(args):
    """The folder tools/testing/vsock of a kernel's source, or its archive."""
    for place in [args.source, os.environ.get('KATA_LINUX_SOURCE', ''), '/usr/src']:
        for path in sorted(glob.glob(f'{place}/tools/testing/vsock')) + sorted(glob.glob(f'{place}/linux-source-*.tar.xz')):
            return path
    return None


def build(source, folder):
    """Two programs: static against musl for the guest, and the host's own."""
    if source.endswith('.tar.xz'):
        subprocess.run(['tar', '-xf', source, '-C', folder, '--wildcards', '*/tools/testing/vsock/*'], check=True)
        source = glob.glob(f'{folder}/*/tools/testing/vsock')[0]
    headers = ['-idirafter', '/usr/include', '-idirafter', '/usr/include/x86_64-linux-gnu']
    subprocess.run(['musl-gcc', '-static', '-s', *FLAGS, *headers, '-o', f'{folder}/guest', *SOURCES], cwd=source, check=True)
    subprocess.run(['cc', *FLAGS, '-o', f'{folder}/host', *SOURCES], cwd=source, check=True)
    subprocess.run(['cc', '-shared', '-fPIC', '-D_GNU_SOURCE', '-o', f'{folder}/shim.so', f'{HERE}/shim.c'], check=True)


def skipped(folder, words):
    listed = subprocess.run([f'{folder}/host', '--mode=client', '--peer-cid=3', '--control-host=x', '--control-port=1', '--list'],
                            stdout=subprocess.PIPE, text=True).stdout
    return [f'--skip={number}' for number, name in re.findall(r'^(\d+)\s(.*)', listed, re.M) if any(word in name for word in words)]


def report(direction, text):
    """Lines "N - name...ok" of one side; anything else is a failure."""
    bad = 0
    for number, name, verdict in re.findall(r'^(\d+) - (.*?)\.\.\.(\S*)', text, re.M):
        good = verdict in ('ok', 'skipped')
        bad += not good
        print(f'{"ok" if good else "not ok"} {direction} {number} {name}{" # skipped" if verdict == "skipped" else ""}')
    return bad


def guest_words(mode, skips):
    host = f'--control-host={machine.HOST_IP} ' if mode == 'client' else ''
    return f'exec /vsock_test --mode={mode} {host}--control-port={CONTROL} --peer-cid=2 {" ".join(skips)}\n'.encode()


def host_argv(folder, mode, skips):
    host = [f'--control-host={machine.GUEST_IP}'] if mode == 'client' else []
    return ['stdbuf', '-o0', f'{folder}/host', f'--mode={mode}', *host, f'--control-port={CONTROL}', '--peer-cid=3', *skips]


def direction(m, folder, guest_mode, skips):
    """One run; returns how many tests failed."""
    host_mode = 'server' if guest_mode == 'client' else 'client'
    environment = {**os.environ, 'LD_PRELOAD': f'{folder}/shim.so', 'VSOCK_SHIM': m.path}
    name = f'guest-{guest_mode}'
    with m.tcp(400) as s:
        if guest_mode == 'server':
            s.sendall(guest_words(guest_mode, skips))
            text = b''
            while b'listening' not in text:
                text += s.recv(4096)
        host = subprocess.Popen(host_argv(folder, host_mode, skips), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if guest_mode == 'client':
            while b'listening' not in host.stdout.readline():
                if host.poll() is not None:
                    raise machine.Failed('the host\'s side does not start')
            s.sendall(guest_words(guest_mode, skips))
            text = b''
        text += machine.read_all(s)
        said = host.communicate(timeout=60)[0].decode()
    text = text.decode()
    bad = report(name, said)
    if bad or host.returncode or not text.endswith('exit 0\n'):
        print(f'not ok {name}: host {host.returncode}\n--- host\n{said}\n--- guest\n{text}')
        return max(bad, 1)
    return 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--vmm-run', required=True)
    p.add_argument('--guest', required=True)
    p.add_argument('--peer', required=True)
    p.add_argument('--source', default='', help='a folder with linux-source-*.tar.xz, or of a kernel\'s source')
    args = p.parse_args()
    source = find_source(args)
    if not os.path.exists('/dev/kvm'):
        skip('no /dev/kvm')
    if source is None:
        skip('no linux-source-*.tar.xz in /usr/src or $KATA_LINUX_SOURCE; install linux-source')
    with tempfile.TemporaryDirectory(prefix='kata-vsock-test-') as folder:
        build(source, folder)
        m = machine.Machine(args, pairs=1, files={'vsock_test': f'{folder}/guest'})
        try:
            m.wait(400)
            bad = direction(m, folder, 'client', skipped(folder, ['SEQPACKET']))
            bad += direction(m, folder, 'server', skipped(folder, ['SEQPACKET', 'SO_RCVLOWAT']))
        finally:
            _, text = m.close()
    if bad:
        print(text)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
