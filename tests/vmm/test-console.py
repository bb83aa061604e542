#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the entropy device and the console with a Linux guest of the microVMM, over both transports; wants a host with KVM (tests/bed/run).

Arguments: VMM-RUN FOLDER-OF-THE-GUEST [CASE...]. Prints how often a request made its vCPU leave the guest: that must not grow unseen.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import initrd   # noqa: E402

VMM_RUN, GUEST = sys.argv[1:3]
MODULES = ['virtio_console', 'virtio-rng']
INPUT = b'to the guest\n' + bytes(range(32, 127)) * 400
OUTPUT = 200 * 1024
REQUESTS = 400

SCRIPTS = {
    'talk': f"""
wait_for /dev/hvc0
say rng $(cat /sys/class/misc/hw_random/rng_current)
dd if=/dev/hwrng of=/tmp/a bs=512 count=16 2>/dev/null
dd if=/dev/hwrng of=/tmp/b bs=512 count=16 2>/dev/null
say bytes $(cat /tmp/a /tmp/b | wc -c) kinds $(cat /tmp/a /tmp/b | tr -d '\\000-\\177' | wc -c)
cmp -s /tmp/a /tmp/b && say twice the same
exec 3<>/dev/hvc0
stty raw -echo <&3
echo from the guest >&3
say heard $(head -c {len(INPUT)} <&3 | sha256sum | cut -c1-64)
dd if=/dev/zero bs=1024 count={OUTPUT // 1024} 2>/dev/null | tr '\\000' x >&3
echo >&3
""",
    'idle': """
wait_for /dev/hwrng
dd if=/dev/hwrng of=/dev/null bs=64 count=1 2>/dev/null
""",
    'many': f"""
wait_for /dev/hwrng
dd if=/dev/hwrng of=/dev/null bs=64 count={REQUESTS + 1} 2>/dev/null
""",
}


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


class Console(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def run_guest(self, test, *options):
        """What it said, and vmm-run's own words."""
        argv = [VMM_RUN, '--kernel', KERNEL, '--initrd', INITRD, '--mem', '256', '--log', '--timeout', '200', '--rng',
                '--cmdline', f'console=ttyS0 quiet panic=-1 test={test}', *options]
        result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=260)
        text, errors = result.stdout.decode('utf-8', 'replace'), result.stderr.decode('utf-8', 'replace')
        self.assertEqual(result.returncode, 0, f'{text[-4000:]}\n{errors}')
        said = [line.partition('@@ ')[2].strip() for line in text.split('\n') if '@@ ' in line]
        self.assertEqual(said[-1:], ['end'], text[-4000:])
        return said, errors + text

    def talk(self, transport, *more):
        out, pipe = f'{self.folder}/out', f'{self.folder}/in'
        os.mkfifo(pipe)
        fd = os.open(pipe, os.O_RDWR)   # held open: without a writer the input would be at its end
        feeder = threading.Thread(target=self.feed, args=[fd, out])
        feeder.start()
        said, _ = self.run_guest('talk', '--transport', transport, '--console', f'{out},{pipe}', *more)
        feeder.join()
        os.close(fd)
        self.assertEqual(said[0], 'rng virtio_rng.0')
        self.assertRegex(said[1], r'^bytes 16384 kinds (7|8)\d\d\d$')
        self.assertNotIn('twice the same', said)
        self.assertIn('heard ' + hashlib.sha256(INPUT).hexdigest(), said)
        with open(out, 'rb') as f:
            output = f.read()
        self.assertIn(b'from the guest', output)
        self.assertEqual(output.count(b'x'), OUTPUT)

    @staticmethod
    def feed(fd, out):
        """When the guest has set its terminal to take everything as it is, and has said so."""
        for _ in range(2000):
            time.sleep(0.1)
            if os.path.exists(out) and os.path.getsize(out) > 0:
                break
        done = 0
        while done < len(INPUT):
            done += os.write(fd, INPUT[done:])

    def test_talk_mmio(self):
        """A machine that is stopped again and again loses nothing."""
        self.talk('mmio', '--pause', '500,100')

    def test_talk_pci(self):
        self.talk('pci')

    def exits(self, transport, test):
        _, text = self.run_guest(test, '--transport', transport)
        return int(re.search(r'mmio (\d+)', text).group(1))

    def test_exits(self):
        """mmio: a read of InterruptStatus and a write of InterruptACK for each interrupt; PCI: none. A kick is a doorbell in the kernel."""
        for transport, most in ('mmio', 2.1), ('pci', 0.1):
            idle, many = self.exits(transport, 'idle'), self.exits(transport, 'many')
            each = (many - idle) / REQUESTS
            print(f'{transport}: {idle} exits without requests, {each:.2f} for each of {REQUESTS}')
            self.assertLess(each, most)


if __name__ == '__main__':
    found = initrd.find_kernel(GUEST)
    if found is None:
        skip("Debian's cloud kernel is not there; ninja guest-image fetches it")
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        skip('/dev/kvm cannot be used here')
    KERNEL = found[0]
    with tempfile.TemporaryDirectory() as top:
        INITRD = f'{top}/initrd'
        initrd.make(INITRD, found[1], MODULES, SCRIPTS)
        names = [n for n in unittest.TestLoader().getTestCaseNames(Console) if any(word in n for word in sys.argv[3:] or [''])]
        suite = unittest.TestSuite(map(Console, names))
        sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1)
