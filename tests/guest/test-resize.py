#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test of a real guest that grows: one container sees a second processor and more memory come while it runs; QEMU, with or without KVM."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'support'))
sys.dont_write_bytecode = True

import ctl   # noqa: E402

CONFIG = """[hypervisor.qemu]
kernel = "{guest}/vmlinuz"
initrd = "{guest}/kata-containers-initrd.img"
default_memory = 256
default_maxmemory = 512
{sizes}

[agent.kata]
dial_timeout = 200
"""

PLAIN = 'default_vcpus = 1\ndefault_maxvcpus = 2'
NODES = 'default_vcpus = 2\ndefault_maxvcpus = 4\nenable_numa = true\nnuma_mapping = ["0", "0"]'


def seen(k):
    """Processors and MiB, as a new process in the container sees them."""
    done = k.run('exec', 'box', '--', 'sh', '-c', 'nproc; grep MemTotal /proc/meminfo')
    assert done.returncode == 0, done.stderr.decode()
    words = done.stdout.decode().split()
    return int(words[0]), int(words[2]) >> 10


def resized(k, *words):
    size = k.json('resize', *words, 'box')
    inspected = k.json('inspect', 'box')['size']
    assert inspected == {name: size[name] for name in inspected}, (inspected, size)
    return size


def test_grows(k):
    started = k.run('run', '--detach', '--name', 'box', '--rootfs', k.rootfs, '--', 'sleep', '1000')
    assert started.returncode == 0, started.stderr.decode()
    before = seen(k)
    assert before[0] == 1 and before[1] < 256, before
    size = resized(k, '--vcpus', '2', '--memory', '300M')
    assert (size['vcpus'], size['memory_mib']) == (2, 384), size
    # The kernel moves what runs to the new processor by itself, a moment after it is there.
    k.wait_until('the container sees what came', lambda: seen(k)[0] == 2 and seen(k)[1] >= before[1] + 100)
    print(f'{before[0]} processor and {before[1]} MiB, then {seen(k)}')
    refused = k.run('--json', 'resize', '--vcpus', '3', 'box')
    assert refused.returncode == 125 and b'default_maxvcpus' in refused.stderr, refused.stderr
    assert json.loads(refused.stderr)['error']['code'] == 'limit', refused.stderr


def nodes(k):
    done = k.run('exec', 'nodes', '--', 'sh', '-c', 'cat /sys/devices/system/node/node0/cpulist /sys/devices/system/node/node1/cpulist')
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split()


def test_nodes(k):
    """What comes is in the guest's nodes, as what was there is."""
    started = k.run('run', '--detach', '--name', 'nodes', '--rootfs', k.rootfs, '--', 'sleep', '1000')
    if started.returncode != 0 and b'mbind' in started.stderr:
        print('nodes not tried: ' + started.stderr.decode())
        return
    assert started.returncode == 0, started.stderr.decode()
    assert nodes(k) == ['0', '1'], nodes(k)
    k.json('resize', '--vcpus', '4', 'nodes')
    k.wait_until('both nodes have what came', lambda: nodes(k) == ['0,2', '1,3'])
    refused = k.run('--json', 'resize', '--memory', '384M', 'nodes')
    assert refused.returncode == 125 and b'enable_numa' in refused.stderr, refused.stderr


def main():
    k = ctl.Katactl(sys.argv[1], hypervisor='qemu', timeout=280)
    try:
        ctl.require_guest(k)
        ctl.make_rootfs(k.rootfs)
        k.config = os.path.join(k.directory, 'resize.toml')
        for sizes, test in ((PLAIN, test_grows), (NODES, test_nodes)):
            with open(k.config, 'w', encoding='utf-8') as f:
                f.write(CONFIG.format(guest=sys.argv[2], sizes=sizes))
            test(k)
    finally:
        k.close()


if __name__ == '__main__':
    main()
