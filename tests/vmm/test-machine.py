#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Linux on a machine of lib/vmm: many vCPUs, little and much memory, panic, pauses, stops. test-board.py has both boot protocols and the power button.
Arguments: VMM-RUN, the folder of the guest image, names of cases (all)."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import initrd   # noqa: E402

VMM_RUN, GUEST = sys.argv[1:3]
LIMIT = 400
POWEROFF, RESET, STOPPED = 0, 12, 14

SCRIPTS = {
    'cpus': r"""
say cpus $(nproc) memory $(grep MemTotal /proc/meminfo | tr -dc 0-9)
n=0; while [ $n -lt $(nproc) ]; do taskset $(printf %x $((1 << n))) sh -c "say ran-\$(cut -d' ' -f39 /proc/self/stat)" ; n=$((n + 1)); done
say timers $(awk '/LOC:/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) if ($i > 0) n++ } END { print n }' /proc/interrupts)
dmesg | grep -iE 'BUG:|stall|lockup|not responding' && say complaints
""",
    # Linux takes memory from above the hole first: more than lies there, so that both sides are used.
    'fill': r"""
mount -t tmpfs -o size=90% fill /mnt
dd if=/dev/urandom of=/tmp/block bs=1048576 count=8 2>/dev/null
n=0; while [ $n -lt $FILL ] && cp /tmp/block /mnt/$n; do n=$((n + 1)); done
same=0; for f in /mnt/*; do cmp /tmp/block $f && same=$((same + 1)); done
say filled $n same $same
""",
    'panic': 'say panics; echo c >/proc/sysrq-trigger; sleep 100\n',
    'spin': 'say spins; while :; do :; done\n',
    'count': r"""
n=0; while [ $n -lt 40 ]; do usleep 50000; n=$((n + 1)); done
say counted $n
dmesg | grep -iE 'BUG:|stall|lockup' && say complaints
""",
}
SCRIPTS['cpus'] = 'printf \'#!/bin/sh\\necho "@@ $*" >/dev/ttyS0\\n\' >/bin/say; chmod +x /bin/say\n' + SCRIPTS['cpus']
SCRIPTS['fill'] = 'for w in $(cat /proc/cmdline); do case $w in FILL=*) FILL=${w#FILL=};; esac; done\n' + SCRIPTS['fill']


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


class Machine(unittest.TestCase):
    def boot(self, test, *options, words='', status=POWEROFF):
        command = [VMM_RUN, '--kernel', KERNEL, '--initrd', INITRD, '--timeout', str(LIMIT), '--log',
                   '--cmdline', f'console=ttyS0 quiet panic=-1 cryptomgr.notests test={test} {words}', *options]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
        print(f'--- {test} {" ".join(options)}: {run.stdout[-3000:]}', flush=True)
        self.assertEqual(run.returncode, status)
        self.assertNotIn('@@ complaints', run.stdout)
        return run.stdout

    def cpus(self, n, *options):
        text = self.boot('cpus', '--cpus', str(n), *options)
        self.assertIn(f'@@ cpus {n} ', text)
        self.assertEqual({int(c) for c in re.findall(r'@@ ran-(\d+)', text)}, set(range(n)))
        self.assertIn(f'@@ timers {n}', text)
        return int(re.search(r'memory (\d+)', text).group(1)) // 1024

    def test_2_vcpus_mmio(self):
        self.cpus(2, '--rng')

    def test_8_vcpus_pci(self):
        self.cpus(8, '--transport', 'pci', '--rng')

    def test_little_memory(self):
        """Debian's kernel wants 52 MiB to unpack itself."""
        self.assertLess(self.cpus(1, '--mem', '80'), 80)

    def test_above_the_hole(self):
        text = self.boot('fill', '--mem', '3104', words='FILL=10')
        self.assertIn('@@ filled 10 same 10', text)

    def test_panic(self):
        self.assertIn('@@ panics', self.boot('panic', status=RESET))

    def test_stop(self):
        self.boot('spin', '--cpus', '2', '--stop', '6000', status=STOPPED)

    def test_pauses(self):
        self.assertIn('@@ counted 40', self.boot('count', '--cpus', '2', '--pause', '30,30'))


if __name__ == '__main__':
    found = initrd.find_kernel(GUEST)
    if found is None:
        skip("Debian's cloud kernel is not there; ninja guest-image fetches it")
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        skip('/dev/kvm cannot be used here')
    KERNEL = found[0]
    with tempfile.TemporaryDirectory() as top:
        INITRD = f'{top}/initrd'
        initrd.make(INITRD, found[1], ['virtio-rng'], SCRIPTS)
        wanted = sys.argv[3:] or ['test_']
        names = [n for n in unittest.TestLoader().getTestCaseNames(Machine) if any(word in n for word in wanted)]
        result = unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite(map(Machine, names)))
        sys.exit(0 if result.wasSuccessful() else 1)
