#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the agent as an ordinary process in a mount namespace of its own and lets drive-agent put it to the test; no guest, no limits."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

APPLETS = ['sh', 'cat', 'echo', 'sleep', 'dd', 'stty', 'hostname', 'true', 'ps', 'id', 'ls']
# The others change the machine or need a cgroup of the container's own.
STEPS = ['health', 'sandbox', 'run', 'exec', 'bulk', 'cancel', 'terminal', 'pause', 'parallel', 'pids', 'frozen', 'stop', 'copy', 'hostile', 'many', 'end']
SKIP = 77


def mount_cgroups():
    """crun refuses a machine with both kinds of cgroups; here it sees the second kind only."""
    while subprocess.run(['umount', '-l', '/sys/fs/cgroup'], check=False, stderr=subprocess.DEVNULL).returncode == 0:
        pass
    subprocess.run(['mount', '-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup'], check=True)


def join(cgroup):
    with open(f'{cgroup}/cgroup.procs', 'w', encoding='ascii') as f:
        f.write('0')


def outside(arguments):
    """In namespaces of our own, the machine's cgroup tree: makes a cgroup to be the root of what the agent sees."""
    subprocess.run(['mount', '--make-rprivate', '/'], check=True)
    mount_cgroups()
    own = tempfile.mkdtemp(prefix='kata-agent-test-', dir='/sys/fs/cgroup')
    try:
        result = subprocess.run(['unshare', '--cgroup', '--mount', sys.executable, __file__, '--inside'] + arguments,
                                preexec_fn=lambda: join(own), check=False).returncode
    finally:
        for folder, _, _ in os.walk(own, topdown=False):
            os.rmdir(folder)
    return result


def inside(client, agent, steps):
    """/run and the container's root are on tmpfs and vanish with the namespaces."""
    work = '/run/test'
    subprocess.run(['mount', '-t', 'tmpfs', 'run', '/run'], check=True)
    mount_cgroups()
    # Controllers can only be handed on by a cgroup without processes, unless it is the machine's root.
    os.mkdir('/sys/fs/cgroup/test')
    join('/sys/fs/cgroup/test')
    os.makedirs(f'{work}/rootfs/bin')
    for name in ('proc', 'dev', 'sys', 'tmp'):
        os.mkdir(f'{work}/rootfs/{name}')
    shutil.copy(shutil.which('busybox'), f'{work}/rootfs/bin/busybox')
    for name in APPLETS:
        os.symlink('busybox', f'{work}/rootfs/bin/{name}')
    server = subprocess.Popen([agent, '--server-addr', f'unix://{work}/agent', '--log',
                               os.environ.get('KATA_AGENT_LOG_LEVEL', 'warn')])
    result = subprocess.run([client, f'unix:{work}/agent', f'{work}/rootfs'] + steps, check=False).returncode
    if 'end' in steps:
        try:
            ended = server.wait(timeout=20)
            if ended:
                print(f'the agent ended with {ended}')
            result = result or ended
            left = [n for n in os.listdir('/run/kata-agent') if n]
            left += [n for n in os.listdir('/run/kata-containers') if n not in ('shared', 'sandbox')]
            if left:
                print(f'left behind: {left}')
                result = 1
        except subprocess.TimeoutExpired:
            print('the agent has not ended')
            result = 1
    if server.poll() is None:
        server.send_signal(signal.SIGKILL)
        server.wait()
    return result


def main():
    if sys.argv[1] == '--outside':
        return outside(sys.argv[2:])
    if sys.argv[1] == '--inside':
        return inside(sys.argv[2], sys.argv[3], sys.argv[4:])
    client, agent, steps = sys.argv[1], sys.argv[2], sys.argv[3:] or STEPS
    if os.geteuid() != 0:
        print('SKIP: needs root for mount and process namespaces')
        return SKIP
    for program in ('busybox', 'crun', 'unshare'):
        if not shutil.which(program):
            print(f'SKIP: {program} is missing')
            return SKIP
    own = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
    if subprocess.run(own + ['true'], check=False, stderr=subprocess.DEVNULL).returncode:
        print('SKIP: no new mount and process namespaces here')
        return SKIP
    return subprocess.run(own + [sys.executable, os.path.abspath(__file__), '--outside', client, agent] + steps,
                          check=False).returncode


sys.exit(main())
