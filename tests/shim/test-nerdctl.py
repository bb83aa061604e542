#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""nerdctl with the shim, where nerdctl is installed: test-nerdctl.py SHIM CONFIG HYPERVISOR. docs/nerdctl.md tells how to build it."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest
import urllib.request

import engine

PROGRAM, CONFIG, HYPERVISOR = sys.argv[1:4]
del sys.argv[1:4]
host = None
nerdctl_program = None


def setUpModule():
    global host, nerdctl_program
    cache = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'libkata', 'bin', 'nerdctl')
    nerdctl_program = shutil.which('nerdctl') or (cache if os.access(cache, os.X_OK) else None)
    if not nerdctl_program:
        engine.skip('nerdctl is not installed (docs/nerdctl.md)')
    host = engine.Engine(PROGRAM, CONFIG, HYPERVISOR)


def tearDownModule():
    subprocess.run([nerdctl_program, '--namespace', host.space, '-a', host.socket, 'network', 'prune', '-f'], capture_output=True, check=False)
    host.close()


def nerdctl(*words, check=True):
    argv = [nerdctl_program, '--address', host.socket, '--namespace', host.space, '--snapshotter', host.snapshotter, '--cni-path', '/usr/lib/cni',
            '--cni-netconfpath', f'{host.top}/cni', '--data-root', f'{host.top}/nerdctl', *words]
    result = subprocess.run(argv, capture_output=True, timeout=180, check=False, stdin=subprocess.DEVNULL, env=host.env)
    if check and result.returncode:
        raise AssertionError(f'nerdctl {words}: {result.returncode}: {result.stderr.decode()}\n{host.logged()}')
    return result


def run(*words, options=(), **more):
    return nerdctl('run', '--runtime', 'io.containerd.libkata.v2', '--pull', 'never', *options, engine.IMAGE, *words, **more)


def fetch(host_name, port):
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f'http://{host_name}:{port}/', timeout=10) as answer:
                return answer.read()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


class Tests(unittest.TestCase):
    def tearDown(self):
        for name in nerdctl('ps', '-aq').stdout.decode().split():
            nerdctl('rm', '-f', name, check=False)
        left = host.settled_left()
        self.assertEqual(left, [], host.logged() if left else '')

    def test_run(self):
        result = run('sh', '-c', 'uname -v; exit 5', options=('--rm', '--network', 'none'), check=False)
        self.assertEqual(result.returncode, 5, result.stderr)
        self.assertNotIn(os.uname().version.encode(), result.stdout)

    def test_life(self):
        run('sleep', '1000', options=('-d', '--name', 'n', '--network', 'none'))
        self.assertEqual(nerdctl('exec', 'n', 'echo', 'inside').stdout, b'inside\n')
        self.assertEqual(json.loads(nerdctl('inspect', 'n').stdout)[0]['State']['Status'], 'running')
        nerdctl('stop', '-t', '1', 'n')
        nerdctl('rm', 'n')

    def test_logger(self):
        """nerdctl's logger is nerdctl itself (binary://), which `nerdctl logs` reads."""
        run('sh', '-c', 'echo one; echo two >&2', options=('-d', '--name', 'l', '--network', 'none'))
        nerdctl('wait', 'l')
        result = nerdctl('logs', 'l')
        self.assertEqual((result.stdout, result.stderr), (b'one\n', b'two\n'))

    def test_bridge(self):
        """nerdctl gives a network by a hook: an address on its bridge, reached from the host, gone afterwards."""
        run('sh', '-c', 'mkdir /w && echo page >/w/index.html && exec httpd -f -p 80 -h /w', options=('-d', '--name', 'web', '-p', '18080:80'))
        seen = nerdctl('exec', 'web', 'ip', '-4', 'addr', 'show', 'eth0').stdout.decode()
        address = re.search(r'inet ([0-9.]+)/', seen).group(1)
        self.assertEqual(fetch(address, 80), b'page\n')
        if shutil.which('iptables'):
            self.assertEqual(fetch('127.0.0.1', 18080), b'page\n')
        self.assertIn(b'1 packets received', nerdctl('exec', 'web', 'ping', '-c', '1', address.rsplit('.', 1)[0] + '.1').stdout)
        run('sh', '-c', f'wget -q -O - http://{address}/', options=('--rm',))

    def test_host_network_is_refused(self):
        result = run('true', options=('--rm', '--network', 'host'), check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(b"cannot have the host's network", result.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
