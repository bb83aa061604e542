#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests disks, pmem and the balloon with a Linux guest of the microVMM; wants a host with KVM (tests/bed/run).

Arguments: VMM-RUN KATA-VMM FOLDER-OF-THE-GUEST TOOLS-DISK CASE..., the case a name below, or its start.
"""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import initrd   # noqa: E402

MIB = 1 << 20
# MiB of random writes; docs say what was seen with more.
SIZE = int(os.environ.get('KATA_TEST_DISK_MIB', '16'))
VMM_RUN, KATA_VMM, GUEST, TOOLS = sys.argv[1:5]
MODULES = ['virtio_blk', 'virtio_balloon', 'virtio_pmem', 'nd_pmem']

TOOL = """
mount -t ext4 -o ro /dev/vda /tools || say no tools
tool () { name=$1; shift; /tools/lib/ld-linux-x86-64.so.2 --library-path /tools/lib "/tools/bin/$name" "$@"; }
seconds () { cut -d. -f1 /proc/uptime; }
"""
SCRIPTS = {
    # vdb: data, vdc: read-only, vdd: limited to 1 MiB a second
    'io': TOOL + """
for word in $(cat /proc/cmdline); do case $word in size=*) SIZE=${word#size=};; esac; done
say serial $(cat /sys/block/vdb/serial) queues $(ls /sys/block/vdb/mq | wc -l)
begin=$(seconds)
if tool fio --name=v --filename=/dev/vdb --size=${SIZE}m --rw=randwrite --bsrange=512-256k --bs_unaligned=0 --ioengine=libaio \
    --iodepth=32 --direct=1 --verify=crc32c --verify_fatal=1 --verify_async=0 --randrepeat=0 --thread --fsync=64 >/tmp/fio 2>&1
then say verified $(($(seconds) - begin)) s; else cat /tmp/fio; say not verified; fi
grep -E "write:|read:|READ:|WRITE:" /tmp/fio
say ro $(cat /sys/block/vdc/ro)
dd if=/dev/zero of=/dev/vdc bs=4096 count=1 conv=fsync 2>/dev/null && say written to a read-only disk
say readonly $(sha256sum </dev/vdc | cut -c1-64)
begin=$(seconds)
dd if=/dev/vdd of=/dev/null bs=65536 count=128 2>/dev/null
say limited $(($(seconds) - begin))
dd if=/dev/urandom of=/dev/vdb bs=1048576 count=16 conv=fsync 2>/dev/null
say filled
sleep 1
blkdiscard -o 0 -l 8388608 /dev/vdb && say discarded
tool blkdiscard -z -o 8388608 -l 4194304 /dev/vdb && say zeroed
echo 3 >/proc/sys/vm/drop_caches
say zeroes $(dd if=/dev/vdb bs=1048576 skip=8 count=4 2>/dev/null | tr -d '\\000' | wc -c)
""",
    'fill': TOOL + """
tool mke2fs -q -F -t ext4 /dev/vdb || say no file system
mount -t ext4 /dev/vdb /mnt
for i in 1 2 3 4 5 6 7 8; do dd if=/dev/urandom of=/mnt/$i bs=65536 count=$((i * 8)) 2>/dev/null; done
mkdir /mnt/many; for i in $(seq 200); do echo $i >/mnt/many/$i; done
(cd /mnt; sha256sum 1 2 3 4 5 6 7 8 many/*) >/tmp/sums; cp /tmp/sums /mnt/sums
sync
say flushed $(sha256sum </tmp/sums | cut -c1-64)
while true; do dd if=/dev/urandom of=/mnt/junk bs=65536 count=100 2>/dev/null; rm /mnt/junk; done
""",
    'check': TOOL + """
mount -t ext4 /dev/vdb /mnt || say not mounted
say sums $(sha256sum </mnt/sums | cut -c1-64)
(cd /mnt; sha256sum -c sums >/tmp/out 2>&1) && say same || { cat /tmp/out; say differs; }
umount /mnt
tool e2fsck -f -n /dev/vdb >/tmp/out 2>&1 && say clean || { cat /tmp/out; say broken; }
""",
    'pmem': """
wait_for /dev/pmem0
mount -t ext4 -o ro,dax /dev/pmem0 /mnt || mount -t ext4 -o ro /dev/pmem0 /mnt || say not mounted
say file $(cat /mnt/hello) $(grep pmem0 /proc/mounts | tr ' ' '_')
umount /mnt
say wrote $(echo 123456 | dd of=/dev/pmem1 conv=fsync 2>/dev/null && head -c 6 /dev/pmem1)
dd if=/dev/zero of=/dev/pmem0 bs=4096 count=1 conv=fsync 2>/dev/null && say written to a read-only image || say not written
""",
    'balloon': """
free_mib () { while read name kib unit; do [ "$name" = MemFree: ] && FREE=$((kib / 1024)); done </proc/meminfo; }
until_free () { for n in $(seq 400); do free_mib; [ $FREE $1 $2 ] && return; usleep 200000; done; say stuck $FREE; }
free_mib; say free $FREE
dd if=/dev/zero of=/tmp/big bs=1048576 count=120 2>/dev/null
free_mib; say full $FREE
rm /tmp/big
sleep 6; free_mib
say reported $FREE
until_free -lt 140
sleep 2; free_mib; say inflated $FREE
until_free -gt 200
dd if=/dev/zero of=/tmp/big bs=1048576 count=100 2>/dev/null && rm /tmp/big
say deflated $FREE
""",
}


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


def image(path, mib):
    with open(path, 'wb') as f:
        f.truncate(mib * MIB)
    return path


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


class Machine:
    """One run of vmm-run; what the guest says with `say` comes out of wait()."""

    def __init__(self, folder, test, *options, words='', mem=384):
        self.serial = f'{folder}/serial'
        open(self.serial, 'wb').close()
        argv = [VMM_RUN, '--kernel', KERNEL, '--initrd', INITRD, '--mem', str(mem), '--cpus', '2', '--serial', self.serial, '--log', '--steer',
                '--timeout', '1700', '--cmdline', f'console=ttyS0 quiet panic=-1 test={test} {words}', *options]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.errors = ''

    def said(self):
        with open(self.serial, 'rb') as f:
            return [line.partition('@@ ')[2].strip() for line in f.read().decode('utf-8', 'replace').split('\n')[:-1] if '@@ ' in line]

    def wait(self, word, timeout):
        """The rest of the line that begins with @word."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            over = self.process.poll() is not None
            for line in self.said():
                if line.split(' ')[0] == word:
                    return line[len(word):].strip()
            if over:
                break
            time.sleep(0.1)
        self.kill()
        with open(self.serial, encoding='utf-8', errors='replace') as f:
            raise AssertionError(f'the guest did not say "{word}":\n{f.read()[-4000:]}\n{self.errors}')

    def steer(self, line):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def backed(self):
        """MiB of the guest's RAM that the host has pages for."""
        folder = f'/proc/{self.process.pid}/fd'
        for fd in os.listdir(folder):
            if os.readlink(f'{folder}/{fd}').startswith('/memfd:vmm-ram'):
                return os.stat(f'{folder}/{fd}').st_blocks * 512 // MIB
        raise AssertionError('no memfd')

    def resident(self):
        """MiB of the VMM's, guest RAM included and without."""
        with open(f'/proc/{self.process.pid}/status', encoding='utf-8') as f:
            fields = dict(line.split(':', 1) for line in f)
        kib = {key: int(fields[key].split()[0]) for key in ('VmRSS', 'RssShmem')}
        return kib['VmRSS'] // 1024, (kib['VmRSS'] - kib['RssShmem']) / 1024

    def end(self, timeout=60):
        """The guest switched itself off."""
        self.errors = self.process.communicate(timeout=timeout)[1].decode()
        print(self.errors, end='')
        assert self.process.returncode == 0, (self.process.returncode, self.errors)

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if not self.process.stderr.closed:
            self.errors = self.process.communicate()[1].decode()


class Disk(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def start(self, *args, **kw):
        machine = Machine(self.folder, *args, **kw)
        self.addCleanup(machine.kill)
        return machine

    def io(self, transport, engine, *options):
        data, limited = image(f'{self.folder}/data', max(SIZE, 32) + 16), image(f'{self.folder}/limited', 16)
        ro = f'{self.folder}/ro'
        with open(ro, 'wb') as f:
            f.write(os.urandom(2 * MIB))
        before = digest(ro)
        threads = ',threads' if engine == 'threads' else ''
        machine = self.start('io', '--transport', transport, '--disk', f'{TOOLS},ro{threads}', '--disk', f'{data},queues=2,id=serial-7{threads}',
                             '--disk', f'{ro},ro{threads}', '--disk', f'{limited},bps={MIB}{threads}', *options, words=f'size={SIZE}')
        self.assertEqual(machine.wait('serial', 200), 'serial-7 queues 2')
        print(f'{transport} {engine}: {SIZE} MiB of random writes verified in {machine.wait("verified", 1500)}')
        self.assertEqual(machine.wait('ro', 30), '1')
        self.assertEqual(machine.wait('readonly', 60), before)
        took = int(machine.wait('limited', 60))
        print(f'8 MiB at 1 MiB/s took {took} s' + ('' if options else f'; VMM: {machine.resident()[1]:.1f} MiB without RAM'))
        self.assertTrue(6 <= took <= 20, took)
        machine.wait('filled', 60)
        full = os.stat(data).st_blocks
        machine.wait('discarded', 30)
        machine.wait('zeroed', 30)
        self.assertEqual(machine.wait('zeroes', 60), '0')
        freed = (full - os.stat(data).st_blocks) * 512 // MIB
        print(f'{freed} MiB were given back')
        self.assertGreaterEqual(freed, 8)
        machine.wait('end', 60)
        machine.end()
        self.assertEqual(digest(ro), before)
        self.assertNotIn('written', ' '.join(machine.said()))

    def test_mmio_uring(self):
        self.io('mmio', 'uring')

    def test_mmio_threads(self):
        self.io('mmio', 'threads')

    def test_pci_uring(self):
        self.io('pci', 'uring')

    def test_pci_threads(self):
        self.io('pci', 'threads')

    def jailed(self, engine):
        """In kata-vmm, with all its filters: what an engine does is in their tables."""
        self.io('pci', engine, '--jail', KATA_VMM, '--user', '65533', '--control', f'{self.folder}/control')

    def test_jail_uring(self):
        self.jailed('uring')

    def test_jail_threads(self):
        self.jailed('threads')

    def crash(self, engine):
        """What the guest has flushed is there after its VMM was killed."""
        threads = ',threads' if engine == 'threads' else ''
        disks = ['--disk', f'{TOOLS},ro', '--disk', image(f'{self.folder}/data', 96) + threads]
        machine = self.start('fill', *disks)
        sums = machine.wait('flushed', 300)
        time.sleep(2)
        machine.kill()
        machine = self.start('check', *disks)
        self.assertEqual(machine.wait('sums', 200), sums)
        machine.wait('same', 100)
        machine.wait('clean', 100)
        machine.end()

    def test_crash_uring(self):
        self.crash('uring')

    def test_crash_threads(self):
        self.crash('threads')

    def test_memory(self):
        """pmem read, written and read-only; the balloon and free page reporting."""
        os.mkdir(f'{self.folder}/tree')
        with open(f'{self.folder}/tree/hello', 'w', encoding='utf-8') as f:
            f.write('from the image\n')
        ro, rw = f'{self.folder}/ro', image(f'{self.folder}/rw', 4)
        subprocess.run(['/sbin/mke2fs', '-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-b', '4096', '-d', f'{self.folder}/tree', ro, '16M'], check=True)
        before = digest(ro)
        machine = self.start('pmem', '--pmem', f'{ro},ro', '--pmem', rw)
        print(machine.wait('file', 200))
        self.assertEqual(machine.wait('wrote', 30), '123456')
        machine.wait('end', 60)
        machine.end()
        self.assertIn('file from the image', '\n'.join(machine.said()))
        with open(rw, 'rb') as f:
            self.assertEqual(f.read(6), b'123456')
        self.assertEqual(digest(ro), before)
        self.assertIn('not written', machine.said())

    def test_balloon(self):
        machine = self.start('balloon', '--balloon', '0', mem=320)
        print(f'free: {machine.wait("free", 200)} MiB')
        machine.wait('full', 200)
        full, rss = machine.backed(), machine.resident()[0]
        machine.wait('reported', 120)
        reported = machine.backed()
        print(f'backed: {full} MiB in use, {reported} MiB after they were free; RSS {rss} to {machine.resident()[0]} MiB')
        self.assertLess(reported, full - 80)
        machine.steer('balloon 128')
        machine.wait('inflated', 120)
        inflated = machine.backed()
        print(f'backed: {inflated} MiB inflated')
        machine.steer('balloon 0')
        machine.wait('deflated', 120)
        print(f'deflated; RSS now {machine.resident()[0]} MiB')
        self.assertLess(inflated, full - 80)
        machine.wait('end', 60)
        machine.end()


if __name__ == '__main__':
    found = initrd.find_kernel(GUEST)
    if found is None:
        skip("Debian's cloud kernel is not there; ninja guest-image fetches it")
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        skip('/dev/kvm cannot be used here')
    if not os.path.exists(TOOLS):
        skip(f'{TOOLS} is not there; install fio and e2fsprogs and configure again')
    KERNEL = found[0]
    with tempfile.TemporaryDirectory() as top:
        INITRD = f'{top}/initrd'
        initrd.make(INITRD, found[1], MODULES, SCRIPTS)
        names = [n for n in unittest.TestLoader().getTestCaseNames(Disk) if any(n.startswith(f'test_{case}') for case in sys.argv[5:])]
        suite = unittest.TestSuite(map(Disk, names))
        sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1)
