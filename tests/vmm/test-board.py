#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots Linux on a machine of lib/vmm by both protocols: tables without complaint, clock, power-off, reset, power button.
Arguments: VMM-RUN, the folder of the guest image."""

import calendar
import glob
import gzip
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'bed'), os.path.join(HERE, '..', 'support')]
sys.dont_write_bytecode = True

import bzimage          # noqa: E402
from ctl import skip    # noqa: E402

VMM_RUN, GUEST = sys.argv[1:3]
LIMIT = 150
MODULES = ('drivers/acpi/button.ko', 'drivers/input/evdev.ko')
# What firmware does wrong, in the kernel's words.
COMPLAINT = re.compile(r'ACPI (BIOS )?(Error|Warning|Exception)|ACPI: .*(rror|invalid|fail)|Firmware (Bug|Warn|Info)|nobody cared|'
                       r'i8042.*(fail|time)|AE_[A-Z_]+|Spurious', re.I)

INIT = r'''#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for m in /m/*.ko; do test -e $m && $b insmod $m; done
echo "BEGIN"
$b dmesg | $b grep -iE 'acpi|firmware|i8042|nobody|ttyS0|rtc|spurious|pci|mmconfig'
echo "date $($b date -u +%s)"
echo "rtc $($b cat /sys/class/rtc/rtc0/since_epoch)"
echo "cpus $($b nproc)"
echo "pci $($b ls /sys/bus/pci/devices | $b wc -l)"
echo "memory $($b grep MemTotal /proc/meminfo)"
echo "END"
if $b grep -q wait-button /proc/cmdline; then
  if test -e /dev/input/event0; then
    # Only who has it open gets events: opened before the host is told.
    { echo "READY" >&2; $b timeout 60 $b head -c 24; } </dev/input/event0 | $b hexdump -v -e '24/1 "%02x" "\n"'
  else
    echo "NO-INPUT"
  fi
fi
if $b grep -q do-reboot /proc/cmdline; then $b reboot -f; fi
$b poweroff -f
'''


def entry(name, mode, data=b''):
    """One file of a cpio archive in the "newc" form."""
    words = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b'070701' + b''.join(b'%08x' % w for w in words) + name.encode() + b'\0'
    head += b'\0' * (-len(head) % 4)
    return head + data + b'\0' * (-len(data) % 4)


def modules():
    """Of Debian's kernel: button and evdev; a kernel of ours has them built in."""
    found = []
    for path in MODULES:
        found += glob.glob(f'{GUEST}/cache/unpacked/linux-image-*/lib/modules/*/kernel/{path}')[:1]
    return found


def initrd():
    busybox = shutil.which('busybox') or skip('busybox is not installed (package busybox-static)')
    data = b''.join(entry(name, stat.S_IFDIR | 0o755) for name in ('bin', 'm'))
    with open(busybox, 'rb') as f:
        data += entry('bin/busybox', stat.S_IFREG | 0o755, f.read())
    data += entry('init', stat.S_IFREG | 0o755, INIT.encode())
    for path in modules():
        with open(path, 'rb') as f:
            data += entry('m/' + os.path.basename(path), stat.S_IFREG | 0o644, f.read())
    return gzip.compress(data + entry('TRAILER!!!', 0), 1)


class Board(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        image = f'{GUEST}/vmlinuz'
        if not os.path.exists(image):
            skip('no guest image; run "ninja -C build guest-image"')
        cls.folder = tempfile.mkdtemp(prefix='vmm-board-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.kernels = {'bzimage': image, 'vmlinux': f'{GUEST}/kernel/vmlinux'}
        with open(image, 'rb') as f:
            inside = bzimage.kernel(f.read())
        if inside.startswith(bzimage.ELF):
            cls.kernels['vmlinux'] = f'{cls.folder}/vmlinux'
            with open(cls.kernels['vmlinux'], 'wb') as f:
                f.write(inside)
        cls.initrd = f'{cls.folder}/initrd'
        with open(cls.initrd, 'wb') as f:
            f.write(initrd())

    def boot(self, kernel, words, *options, press=False):
        """Runs a guest to its end; its output and its exit status."""
        if not os.path.exists(self.kernels[kernel]):
            self.skipTest('the kernel cannot be taken out of its bzImage here, and guest/kernel/build has not run')
        command = [VMM_RUN, '--kernel', self.kernels[kernel], '--initrd', self.initrd, '--timeout', str(LIMIT), '--steer',
                   '--cmdline', f'console=ttyS0 quiet panic=-1 loglevel=1 {words}', *options]
        text = ''
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors='replace') as process:
            for line in process.stdout:
                text += line
                if line.strip() == 'READY' and press:
                    process.stdin.write('press\n')
                    process.stdin.flush()
        print(f'--- {kernel} {words} {" ".join(options)}: exit {process.returncode}\n{text}', flush=True)
        self.assertIn('END', text)
        return text, process.returncode

    def assert_board(self, text, cpus, mib):
        part = text[text.index('BEGIN'):text.index('END')]
        complaints = [line for line in part.splitlines() if COMPLAINT.search(line)]
        self.assertEqual(complaints, [])
        self.assertIn('ACPI: Interpreter enabled', part)
        self.assertRegex(part, r'ttyS0 at I/O 0x3f8 .* is a 16550A')
        self.assertIn(f'cpus {cpus}\n', part)
        total = int(re.search(r'memory MemTotal: +(\d+)', part).group(1)) >> 10
        self.assertTrue(mib * 3 // 4 - 64 < total < mib, f'{total} MiB of {mib}')
        for clock in ('date', 'rtc'):
            told = int(re.search(rf'^{clock} (\d+)', part, re.M).group(1))
            self.assertLess(abs(told - calendar.timegm(time.gmtime())), LIMIT, clock)

    def test_vmlinux_poweroff(self):
        """Devices on PCI: the kernel believes MCFG, and the windows hold what the functions have."""
        text, status = self.boot('vmlinux', '', '--cpus', '2', '--mem', '256', '--transport', 'pci', '--rng')
        self.assert_board(text, 2, 256)
        self.assertRegex(text, r'MMCONFIG at \[mem 0xe0000000-0xe00fffff\] reserved')
        self.assertGreaterEqual(int(re.search(r'(?m)^pci (\d+)', text).group(1)), 1)
        self.assertNotRegex(text, r"can't claim|no compatible bridge window|not reserved")
        self.assertEqual(status, 0)

    def test_bzimage_reset(self):
        """RAM on both sides of the hole, and a guest that ends by the reset register."""
        text, status = self.boot('bzimage', 'do-reboot', '--cpus', '1', '--mem', '3584')
        self.assert_board(text, 1, 3584)
        self.assertEqual(status, 12)

    def test_power_button(self):
        """The event is KEY_POWER (0x74), pressed: type 1, code 0x74, value 1."""
        text, status = self.boot('vmlinux', 'wait-button', press=True)
        if 'NO-INPUT' in text:
            self.skipTest('this kernel has no input device for the power button')
        self.assertRegex(text, r'(?m)^[0-9a-f]{32}0100740001000000$')
        self.assertEqual(status, 0)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
