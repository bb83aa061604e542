# SPDX-License-Identifier: LGPL-2.1-or-later
"""The emulated host: QEMU's arguments and its process; it does not know what runs inside."""

import os
import shlex
import subprocess

import folder
import machine

BINARY = 'qemu-system-x86_64'
# An IOMMU must come before the devices that it translates for; the devices have drivers in L1 and in guests, or none is loaded for them.
# As wide as servers' have it: Cloud Hypervisor puts devices near the end of what the processor can address.
VFIO_EARLY = ['-device', 'intel-iommu,intremap=on,aw-bits=48']
VFIO = ['-drive', 'id=nvme,if=none,driver=null-co,size=64M,read-zeroes=on', '-device', 'nvme,serial=bed,drive=nvme',
        '-netdev', 'user,restrict=on,id=card', '-device', 'e1000e,netdev=card,romfile=']


def command_line(options):
    """The kernel's. With -icount the TSC counts instructions, a nanosecond each by name; else it is the machine's own."""
    khz = 1000000 if options.icount is not None else machine.tsc_khz()
    return ' '.join(['console=ttyS0', 'panic=-1', 'quiet', 'mitigations=off', 'lsm=landlock', 'cryptomgr.notests', 'no_timer_check',
                     f'tsc_early_khz={khz}', 'tsc=reliable', 'kvm.tsc_tolerance_ppm=100000', 'unknown_nmi_panic',
                     *(['intel_iommu=on'] if options.vfio else []), *options.append])


def share(number, path, tag, readonly=False):
    escaped = path.replace(',', ',,')
    ro = ',readonly=on' if readonly else ''
    return ['-fsdev', f'local,id=f{number},path={escaped},security_model=none,multidevs=remap{ro}',
            '-device', f'virtio-9p-pci,fsdev=f{number},mount_tag={tag}']


def arguments(options, artifacts, control, console, monitor):
    if options.icount is not None:
        accel, cpus = ['-accel', 'tcg,thread=single', '-icount', f'shift={options.icount},sleep=on'], 1
    else:
        accel, cpus = ['-accel', 'tcg,thread=multi'], options.cpus
    argv = [BINARY, *accel, '-machine', options.machine, '-cpu', 'EPYC-v2', '-smp', str(cpus), '-m', str(options.memory),
            '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-name', 'libkata-bed',
            '-kernel', artifacts['kernel'], '-initrd', artifacts['initramfs'], '-append', command_line(options),
            '-serial', f"file:{console.replace(',', ',,')}", '-qmp', f"unix:{monitor.replace(',', ',,')},server=on,wait=off"]
    argv += (VFIO_EARLY if options.vfio else []) + options.early
    argv += share(0, '/', 'host', readonly=True) + share(1, control, 'control')
    for number, path in enumerate(options.share, 2):
        argv += share(number, path, f'share{number}')
    argv += VFIO if options.vfio else []
    return argv + [word for item in options.qemu for word in shlex.split(item)]


class Emulator:
    def __init__(self, argv, log):
        with open(log, 'wb') as errors:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                             preexec_fn=folder.die_with_parent, start_new_session=True)

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process.poll() is None

    def cpu_seconds(self):
        """What the emulation has cost this machine so far: unlike the time on the clock, other programs hardly disturb it."""
        try:
            with open(f'/proc/{self._process.pid}/stat', encoding='utf-8') as f:
                fields = f.read().rpartition(')')[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def end(self):
        self._process.kill()
        self._process.wait()
