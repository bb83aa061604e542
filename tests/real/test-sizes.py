#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-sizes: katactl with the built-in microVMM over kernels, vCPUs and memory. Arguments: KATACTL CONFIG FOLDER-OF-THE-GUEST [CASE...].

Our own kernel is FOLDER/kernel, where guest/kernel/build puts it; without it its cases are left out.
"""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest_for  # noqa: E402

PROGRAM, CONFIG, GUEST = sys.argv[1:4]
BOOT = 600
DEBIAN, OWN, OWN_BZIMAGE = "vmlinuz", "kernel/vmlinux", "kernel/vmlinuz"
# Name: kernel, vCPUs, MiB, MiB to fill. Linux takes memory from above the hole at 3 GiB first.
CASES = {
    "own_64m": (OWN, 1, 64, 8), "own_bzimage": (OWN_BZIMAGE, 1, 128, 8), "own_2_cpus": (OWN, 2, 256, 8), "own_8_cpus": (OWN, 8, 256, 8),
    "debian_96m": (DEBIAN, 1, 96, 8), "debian_2_cpus": (DEBIAN, 2, 256, 8), "debian_8_cpus": (DEBIAN, 8, 256, 8),
    "own_3584m": (OWN, 1, 3584, 56), "own_4608m": (OWN, 1, 4608, 56), "debian_3584m": (DEBIAN, 2, 3584, 56), "debian_4608m": (DEBIAN, 1, 4608, 56),
    "own_32_cpus": (OWN, 32, 512, 8), "debian_32_cpus": (DEBIAN, 32, 512, 8), "own_hugepages": (OWN, 1, 256, 56),
}
SCRIPT = """
echo cpus $(nproc) memory $(grep MemTotal /proc/meminfo | tr -dc 0-9)
dd if=/dev/urandom of=/dev/shm/0 bs=1048576 count=8 2>/dev/null
n=1; while [ $((n * 8)) -lt FILL ]; do cat /dev/shm/0 >/dev/shm/$n || exit 4; n=$((n + 1)); done
echo sums $(sha256sum /dev/shm/* | cut -c1-64 | sort -u | grep -c .) of $n; exit 7
"""


def free_huge_pages():
    with open("/proc/meminfo", encoding="ascii") as f:
        return int(re.search(r"HugePages_Free:\s*(\d+)", f.read()).group(1))


class Sizes(unittest.TestCase):
    def check(self, kernel, vcpus, mib, fill, more=""):
        if not os.path.exists(os.path.join(GUEST, kernel)):
            self.skipTest(f"{GUEST}/{kernel} is not there; guest/kernel/build makes it")
        with open(CONFIG, encoding="utf-8") as f:
            text = f.read()
        text = re.sub(r'(?m)^kernel = .*$', f'kernel = "{GUEST}/{kernel}"\ndefault_vcpus = {vcpus}\ndefault_maxvcpus = {vcpus}\ndefault_memory = {mib}\n{more}', text)
        ctl = Katactl(PROGRAM, timeout=BOOT)
        self.addCleanup(ctl.close)
        make_rootfs(ctl.rootfs)
        ctl.config = os.path.join(ctl.directory, "configuration.toml")
        with open(ctl.config, "w", encoding="utf-8") as f:
            f.write(text)
        begun = time.monotonic()
        process = ctl.start("run", "--rootfs", ctl.rootfs, "--", "sh", "-c", SCRIPT.replace("FILL", str(fill)))
        first, huge = process.stdout.readline(), free_huge_pages()
        out, errors = process.communicate(timeout=BOOT)
        self.assertEqual(process.returncode, 7, (first + out, errors))
        found = re.match(r"cpus (\d+) memory (\d+)\nsums (\d+) of (\d+)\n$", (first + out).decode())
        if more:
            self.assertLess(huge, free_huge_pages(), "no huge page was in use")
        cpus, kib, sums, files = map(int, found.groups())
        print(f"{kernel}, {cpus} vCPUs, {mib} MiB ({kib // 1024} in the guest), {files * 8} MiB filled and compared: "
              f"{time.monotonic() - begun:.1f} s", flush=True)
        self.assertEqual((cpus, sums), (vcpus, 1))
        self.assertTrue(mib * 0.6 <= kib / 1024 <= mib, kib)
        self.assertEqual(ctl.ids() + ctl.settled_leftovers(), [])


def case(name, values):
    def test(self):
        more = ""
        if name.endswith("hugepages"):
            with open("/proc/sys/vm/nr_hugepages", "r+", encoding="ascii") as f:
                f.write(str(values[2] // 2))
            more = "enable_hugepages = true\n"
        self.check(*values, more)
        if more:
            with open("/proc/sys/vm/nr_hugepages", "r+", encoding="ascii") as f:
                f.write("0")
    return test


for title, row in CASES.items():
    setattr(Sizes, "test_" + title, case(title, row))

if __name__ == "__main__":
    require_guest_for(PROGRAM, config=CONFIG)
    wanted = sys.argv[4:] or list(CASES)
    result = unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite(Sizes("test_" + n) for n in CASES if n in wanted))
    sys.exit(0 if result.wasSuccessful() else 1)
