#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks that a bed with --vfio has devices that can be handed to a guest: each alone in its IOMMU group, and VFIO opens that group."""

import glob
import os
import subprocess
import sys
import unittest

NVME, NETWORK = '0x010802', '0x020000'
DEVICES = '/sys/bus/pci/devices'


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def find(kind, vendor=''):
    for path in sorted(glob.glob(f'{DEVICES}/*')):
        with open(f'{path}/class', encoding='ascii') as c, open(f'{path}/vendor', encoding='ascii') as v:
            if c.read().strip() == kind and v.read().strip().startswith(vendor):
                return path
    return None


class Vfio(unittest.TestCase):
    def bind(self, device):
        write(f'{device}/driver_override', 'vfio-pci')
        if os.path.exists(f'{device}/driver'):
            write(f'{device}/driver/unbind', os.path.basename(device))
        write('/sys/bus/pci/drivers_probe', os.path.basename(device))
        self.assertEqual(os.listdir(f'{device}/iommu_group/devices'), [os.path.basename(device)])
        return os.path.basename(os.readlink(f'{device}/iommu_group'))

    def test_devices_are_alone_and_open(self):
        for device in (find(NVME), find(NETWORK, '0x8086')):
            group = self.bind(device)
            os.close(os.open(f'/dev/vfio/{group}', os.O_RDWR))


if __name__ == '__main__':
    if 'KATA_BED' not in os.environ or not find(NVME) or not os.listdir('/sys/kernel/iommu_groups'):
        print('SKIP: no host of tests/bed/run --vfio')
        sys.exit(77)
    subprocess.run(['modprobe', 'vfio-pci'], check=True)
    unittest.main(verbosity=2)
