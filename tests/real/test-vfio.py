#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hands PCI devices of the host to a guest, in a bed with --vfio (an IOMMU, an NVMe disk, a network card). Arguments: KATACTL qemu|clh
[unittest arguments]. Cloud Hypervisor: where it is on PATH."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'support'), os.path.join(HERE, '..', 'oci')]
sys.dont_write_bytecode = True

import landlock  # noqa: E402
import runtime   # noqa: E402
from ctl import Katactl, make_rootfs, require_guest_for, skip   # noqa: E402

PROGRAM, HYPERVISOR = sys.argv[1:3]
LIMIT = 400
DEVICES = '/sys/bus/pci/devices'
NVME, CARD = '0x010802', '0x020000'
POD = {'io.kubernetes.cri.container-type': 'sandbox', 'io.kubernetes.cri.sandbox-id': 'pod'}
MEMBER = {'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.sandbox-id': 'pod'}
PATIENCE = '\n[agent.kata]\ndial_timeout = 300\n'
# Each function of the guest's: its class, and the first two bytes of its configuration space.
LOOK = ('for f in /sys/bus/pci/devices/*; do echo "${f##*/} $(cat $f/class) $(head -c 2 $f/config | od -An -tx1) '
        '$(busybox readlink $f/driver 2>/dev/null)"; done; grep -i locked /proc/meminfo; true')

GUEST = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(PROGRAM))), 'guest')
CLH = (f'[hypervisor.clh]\npath = "{shutil.which("cloud-hypervisor")}"\nkernel = "{GUEST}/vmlinuz"\ninitrd = "{GUEST}/kata-containers-initrd.img"\n'
       f'{landlock.waiver()}reclaim_guest_freed_memory = true\n')


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read().strip()


def find(kind, vendor=''):
    for path in sorted(glob.glob(f'{DEVICES}/*')):
        if read(f'{path}/class') == kind and read(f'{path}/vendor').startswith(vendor):
            return path
    return None


def bind(device, driver):
    write(f'{device}/driver_override', driver + '\n')
    if os.path.exists(f'{device}/driver'):
        write(f'{device}/driver/unbind', os.path.basename(device))
    write('/sys/bus/pci/drivers_probe', os.path.basename(device))


class Vfio(unittest.TestCase):
    def setUp(self):
        self.ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR, timeout=LIMIT)
        self.ctl.config = f'{self.ctl.directory}/configuration.toml'
        self.configure('')
        make_rootfs(self.ctl.rootfs)
        self.nvme, self.card = find(NVME), find(CARD, '0x8086')
        self.addCleanup(lambda: [bind(device, '') for device in (self.nvme, self.card)])

    def tearDown(self):
        self.ctl.clean()
        left = self.ctl.settled_leftovers()
        self.ctl.close()
        self.assertEqual(left, [])

    def configure(self, lines):
        if HYPERVISOR == 'clh':
            write(self.ctl.config, CLH + lines + PATIENCE)
            return
        with open(f'{os.path.dirname(self.ctl.program)}/configuration.toml', encoding='utf-8') as f, \
                open(self.ctl.config, 'w', encoding='utf-8') as mine:
            mine.write(f.read().replace('[hypervisor.qemu]\n', f'[hypervisor.qemu]\nreclaim_guest_freed_memory = true\n{lines}') + PATIENCE)

    def start(self, *devices):
        words = [word for device in devices for word in ('--vfio', os.path.basename(device))]
        result = self.ctl.run('run', *words, '--rootfs', self.ctl.rootfs, '--', 'sh', '-c', LOOK)
        print(result.returncode, result.stdout.decode(), result.stderr.decode(), flush=True)
        return result

    def refused(self, texts, *devices):
        result = self.start(*devices)
        self.assertNotEqual(result.returncode, 0)
        for text in texts:
            self.assertIn(text, result.stderr.decode())

    def has(self, result, kind, device):
        """One function of this class, and what its configuration space begins with is the vendor of the host's."""
        rows = [line.split() for line in result.stdout.decode().splitlines() if kind in line.split()]
        self.assertEqual(len(rows), 1, result.stdout)
        vendor = read(f'{device}/vendor')
        self.assertEqual(rows[0][2:4], [vendor[4:6], vendor[2:4]])
        return rows[0]

    def test_what_is_refused_says_what_to_do(self):
        address = os.path.basename(self.nvme)
        subprocess.run(['modprobe', 'nvme'], check=False)
        driver = f'{self.nvme}/driver'
        if os.path.exists(driver):
            name = os.path.basename(os.readlink(driver))
            self.refused([f'is bound to {name}, not to vfio-pci', f'{DEVICES}/{address}/driver_override',
                          f'driverctl set-override {address} vfio-pci'], self.nvme)
        write(f'{self.nvme}/driver_override', 'none\n')
        if os.path.exists(driver):
            write(f'{driver}/unbind', address)
        self.refused(['is bound to no driver'], self.nvme)
        self.refused(['there is no such PCI function', 'lspci'], '0000:7f:1f.7')
        self.refused(['is no PCI address'], 'nvme0')
        bridge = next(path for path in sorted(glob.glob(f'{DEVICES}/*')) if read(f'{path}/class').startswith('0x0600') or
                      read(f'{path}/class').startswith('0x0604'))
        self.refused(['is a bridge'], bridge)

    def test_a_group_has_one_owner(self):
        bind(self.nvme, 'vfio-pci')
        group = os.path.basename(os.readlink(f'{self.nvme}/iommu_group'))
        fd = os.open(f'/dev/vfio/{group}', os.O_RDWR)
        try:
            self.refused(['is in use by another process'], self.nvme)
        finally:
            os.close(fd)

    def test_disk(self):
        bind(self.nvme, 'vfio-pci')
        result = self.start(self.nvme)
        self.assertEqual(result.returncode, 0)
        self.assertIn('reclaim_guest_freed_memory', result.stderr.decode())
        self.has(result, NVME, self.nvme)
        # It came back: the next guest can have it.
        group = os.path.basename(os.readlink(f'{self.nvme}/iommu_group'))
        os.close(os.open(f'/dev/vfio/{group}', os.O_RDWR))

    def engine(self, device):
        """A kata-runtime, and what an engine adds to a container that is given the group of @device."""
        bind(device, 'vfio-pci')
        path = f"/dev/vfio/{os.path.basename(os.readlink(f'{device}/iommu_group'))}"
        number = os.stat(path).st_rdev

        def change(config):
            config['linux']['devices'] = [{'path': path, 'type': 'c', 'major': os.major(number), 'minor': os.minor(number)}]
            config['mounts'].append({'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs', 'options': ['ro']})
        r = runtime.Runtime(os.path.join(os.path.dirname(PROGRAM), 'kata-runtime'), HYPERVISOR, timeout=LIMIT)
        self.addCleanup(r.close)
        plain = r.argv
        r.argv = lambda *words: [r.program, '--kata-config', self.ctl.config] + plain(*words)[1:]   # an agent may take longer here
        return r, change

    def contain(self, r, name, change, script):
        """What a container says, which sees one disk and no file of VFIO. It stays."""
        out = f'{r.directory}/{name}.out'
        code = r.create(name, r.bundle('sh', '-c', script, change=change), out=out)
        self.assertEqual(code, 0, read(out))
        self.assertEqual(r.run('start', name).returncode, 0)
        r.wait_until('the container has ended', lambda: r.status(name) == 'stopped', seconds=LIMIT)
        text = read(out)
        print(text, flush=True)
        rows = [line.split() for line in text.splitlines() if NVME in line.split()]
        self.assertEqual(len(rows), 1)
        self.assertIn('No such file', text)
        self.assertIn('done', text)

    def test_engine_gives_a_group(self):
        r, change = self.engine(self.nvme)
        self.contain(r, 'c1', change, LOOK + '; ls /dev/vfio; echo done')
        self.assertEqual(r.run('delete', 'c1').returncode, 0)

    def test_engine_gives_a_pods_container_a_group(self):
        """The machine is the pause container's; the disk is in it for as long as a container that was given it."""
        self.configure('hot_plug_vfio = "root-port"\n')
        r, change = self.engine(self.nvme)

        def member(config):
            change(config)
            config['annotations'] = MEMBER
        self.assertEqual(r.create('pod', r.bundle('sleep', '100000', change=lambda c: c.update(annotations=POD)), out=f'{r.directory}/pod.out'), 0)
        self.assertEqual(r.run('start', 'pod').returncode, 0)
        for name in ('one', 'two'):
            self.contain(r, name, member, f'until grep -q {NVME} /sys/bus/pci/devices/*/class; do sleep 1; done; {LOOK}; ls /dev/vfio; echo done')
            with self.assertRaises(OSError):
                self.look_free(self.nvme)
            result = r.run('delete', name)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.look_free(self.nvme)
        self.assertEqual(r.run('delete', '--force', 'pod').returncode, 0)

    def call(self, *words, timeout=None):
        result = self.ctl.run(*words, timeout=timeout)
        print(words, result.returncode, result.stdout.decode(), result.stderr.decode(), flush=True)
        return result

    def inside(self, script):
        result = self.call('exec', 'web', '--', 'sh', '-c', script)
        self.assertEqual(result.returncode, 0)
        return result

    def await_inside(self, what, script, expected):
        self.ctl.wait_until(what, lambda: expected in self.inside(script).stdout.decode(), seconds=LIMIT)

    def fails(self, text, *words):
        result = self.call(*words)
        self.assertEqual(result.returncode, 125)
        self.assertIn(text, result.stderr.decode())

    def look_free(self, device):
        group = os.path.basename(os.readlink(f'{device}/iommu_group'))
        os.close(os.open(f'/dev/vfio/{group}', os.O_RDWR))

    def comes_and_goes(self):
        """Twice: the second time it is one that the host had in between."""
        nvme, card = os.path.basename(self.nvme), os.path.basename(self.card)
        for device in (self.nvme, self.card):
            bind(device, 'vfio-pci')
        self.assertEqual(self.call('run', '-d', '--name', 'web', '--rootfs', self.ctl.rootfs, '--', 'sleep', '100000').returncode, 0)
        self.assertNotIn(NVME, self.inside(LOOK).stdout.decode())
        for _ in range(2):
            self.assertEqual(self.call('device', 'add', 'web', nvme).returncode, 0)
            # What the guest's driver asked the disk itself, which answered into the guest's memory.
            self.await_inside('the guest uses the disk', 'cat /sys/class/nvme/*/serial /sys/block/nvme*/size || true', f'bed{17 * " "}\n{64 << 11}\n')
            self.has(self.inside(LOOK), NVME, self.nvme)
            self.fails('already', 'device', 'add', 'web', nvme)
            self.assertEqual(self.call('device', 'remove', 'web', nvme).returncode, 0)
            self.look_free(self.nvme)   # at once
            self.assertNotIn(NVME, self.inside(LOOK).stdout.decode())
            bind(self.nvme, '')
            bind(self.nvme, 'vfio-pci')
        self.fails('has no device', 'device', 'remove', 'web', nvme)
        self.assertEqual(self.call('device', 'add', 'web', nvme).returncode, 0)
        self.fails('are taken', 'device', 'add', 'web', card)
        self.assertEqual(self.call('delete', '-f', 'web').returncode, 0)
        self.look_free(self.nvme)

    def test_disk_comes_later(self):
        self.configure('hot_plug_vfio = "root-port"\npcie_root_port = 1\n')
        self.comes_and_goes()

    @unittest.skipUnless(HYPERVISOR == 'qemu', 'only QEMU has a switch')
    def test_disk_comes_later_behind_a_switch(self):
        self.configure('hot_plug_vfio = "switch-port"\npcie_switch_port = 1\n')
        self.comes_and_goes()

    def test_disk_and_card_behind_a_switch(self):
        if HYPERVISOR == 'clh':
            self.skipTest('no switches in Cloud Hypervisor: test_disk_and_card')
        self.configure('cold_plug_vfio = "switch-port"\npcie_switch_port = 3\n')
        self.both()

    def test_disk_and_card(self):
        self.both()

    def both(self):
        for device in (self.nvme, self.card):
            bind(device, 'vfio-pci')
        result = self.start(self.nvme, self.card)
        self.assertEqual(result.returncode, 0)
        rows = [self.has(result, NVME, self.nvme), self.has(result, CARD, self.card)]
        if HYPERVISOR == 'qemu':
            self.assertNotEqual(rows[0][0].split(':')[1], rows[1][0].split(':')[1])   # a bus for each


if __name__ == '__main__':
    if 'KATA_BED' not in os.environ or not find(NVME) or not os.listdir('/sys/kernel/iommu_groups'):
        skip('no host of tests/bed/run --vfio')
    if HYPERVISOR == 'clh' and not shutil.which('cloud-hypervisor'):
        skip('cloud-hypervisor is not on PATH')
    # Read from the machine's disk once before anybody counts the seconds.
    subprocess.run(['qemu-system-x86_64', '--version'], check=False, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix='kata-vfio-') as folder:
        write(f'{folder}/configuration.toml', CLH)
        require_guest_for(PROGRAM, hypervisor=HYPERVISOR, config=f'{folder}/configuration.toml' if HYPERVISOR == 'clh' else None)
    subprocess.run(['modprobe', 'vfio-pci'], check=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
