#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes the samples of a plan on the host where the machines run, one after the other, and prints each as a line of JSON; `run` starts it."""

import glob
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True

import board    # noqa: E402
import job      # noqa: E402

KINDS = {'time': ('job', job.time_one), 'count': ('job', job.count_one), 'boot': ('machine', board.boot_one), 'carry': ('machine', board.carry_one)}


def say(what):
    print(json.dumps(what), flush=True)


def warm(options):
    """What runs later is read once: the first run shall not pay for a cold cache."""
    build = options['build']
    for words in ([f'{build}/tools/katactl', 'version'], ['qemu-system-x86_64', '--version'], [f'{build}/lib/vmm/helper/kata-vmm'], [f'{build}/tests/vmm/vmm-run'], ['ip', '-V']):
        try:
            subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            pass
    for path in [f'{build}/guest/vmlinuz', f'{build}/guest/kata-containers-initrd.img', *glob.glob('/usr/lib/qemu/virtiofsd'),
                 *glob.glob('/usr/share/qemu/bios-microvm.bin'), *glob.glob('/usr/share/qemu/*linuxboot_dma.bin')]:
        if os.path.exists(path):
            with open(path, 'rb') as f:
                while f.read(1 << 20):
                    pass


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        plan = json.load(f)
    options = plan['options']
    say({'host': {'kernel': os.uname().release, 'processors': os.cpu_count()}})
    warm(options)
    for item in plan['samples']:
        say({'begin': item['number']})
        begun = time.monotonic()
        try:
            item['values'], item['detail'] = KINDS[item['kind']][1](options, item['subject'])
        except job.Failed as e:
            item['problem'] = str(e)
        except Exception as e:  # one sample's fault is not the others'
            item['problem'] = f'{type(e).__name__}: {e}'
        item['seconds'] = time.monotonic() - begun
        say({'sample': item})


if __name__ == '__main__':
    main()
