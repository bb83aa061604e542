# SPDX-License-Identifier: LGPL-2.1-or-later
"""One machine alone, without katactl: the same kernel, initrd and devices over kata-vmm, vmm-run or QEMU; how it boots and what its devices carry."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[1:1] = [os.path.join(HERE, '..', 'vmm'), os.path.join(HERE, '..', 'vmm', 'sockets')]
sys.dont_write_bytecode = True

import initrd                    # noqa: E402
import machine as sockets        # noqa: E402
import probe                     # noqa: E402
from job import Failed           # noqa: E402
from sampler import Sampler      # noqa: E402

CID, PORT, TAP = 77, 1000, 'kata-bench'
HOST_IP, GUEST_IP = '10.7.0.1', '10.7.0.2'
DISK_MIB = 64
CMDLINE = 'console=ttyS0 quiet panic=-1 cryptomgr.notests reboot=t'
# By transport, as libkata's backends say it.
BUSES = {'mmio': ' pci=off', 'pci': ' pci=noearly'}
# Legacy parts that the guest would look for are left out, as libkata's own QEMU backend does.
MACHINES = {
    'qemu-microvm': ['-machine', 'microvm,acpi=on,rtc=on,pcie=off,usb=off,dump-guest-core=off', '-global', 'virtio-mmio.force-legacy=false'],
    'qemu-q35': ['-machine', 'q35,smm=off,vmport=off,hpet=off,sata=off,smbus=off,usb=off,i8042=off,kernel-irqchip=split,dump-guest-core=off'],
}
# QEMU's own confinement, also as libkata's backend has it: our machine is not measured without its jail either.
SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'
SUBJECTS = {'builtin': 'kata-vmm', 'builtin-thread': 'vmm-run', 'builtin-pci': 'kata-vmm', 'qemu-microvm': 'microvm', 'qemu-q35': 'q35'}


def make_image(options, path):
    found = initrd.find_kernel(f"{options['build']}/guest")
    if found is None:
        raise Failed('no kernel; ninja -C build guest-image')
    sockets.make_initrd(path, found[1], {'init': f"{options['build']}/tests/vmm/sockets/vmm-peer", 'load': f"{options['build']}/tests/bench/bench-load"},
                        ['virtio_blk'])
    return found[0]


class Board:
    def __init__(self, options, subject, devices):
        self.options, self.subject, self.devices = options, subject, devices
        self.folder = tempfile.mkdtemp(prefix='kata-bench-')
        self.serial, self.vsock = f'{self.folder}/serial', f'{self.folder}/vsock'
        self.image = f'{self.folder}/initrd'
        self.process = self.errors = None
        self.tap = False
        self.limit = options['limit']

    def _builtin(self, kernel):
        build = self.options['build']
        bus = 'pci' if self.subject == 'builtin-pci' else 'mmio'
        words = [f'{build}/tests/vmm/vmm-run', '--kernel', kernel, '--initrd', self.image, '--cpus', '1', '--mem', str(self.options['memory']),
                 '--cmdline', CMDLINE + BUSES[bus], '--serial', self.serial, '--vsock', self.vsock,
                 '--transport', bus, '--timeout', str(int(self.limit) + 30)]
        if SUBJECTS[self.subject] == 'kata-vmm':
            words += ['--jail', f'{build}/lib/vmm/helper/kata-vmm', '--user', '65534']
        if self.devices:
            words += ['--disk', f'{self.folder}/disk'] + (['--tap', TAP] if self.tap else [])
        return words

    def _qemu(self, kernel):
        bus = 'device' if self.subject == 'qemu-microvm' else 'pci'
        words = ['qemu-system-x86_64', *MACHINES[self.subject], '-sandbox', SANDBOX, '-accel', 'kvm', '-cpu', 'host', '-smp', '1', '-m', f"{self.options['memory']}M",
                 '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-vga', 'none', '-kernel', kernel, '-initrd', self.image,
                 '-append', CMDLINE + BUSES['mmio' if bus == 'device' else 'pci'],
                 '-chardev', f'file,id=serial,path={self.serial}', '-serial', 'chardev:serial']
        if os.path.exists('/dev/vhost-vsock'):
            words += ['-device', f'vhost-vsock-{bus},guest-cid={CID}']
        if self.devices:
            words += ['-blockdev', f'driver=raw,node-name=disk,file.driver=file,file.filename={self.folder}/disk,file.aio=io_uring',
                      '-device', f'virtio-blk-{bus},drive=disk']
            if self.tap:
                words += ['-netdev', f'tap,id=net,ifname={TAP},script=no,downscript=no,vhost=off', '-device', f'virtio-net-{bus},netdev=net']
        return words

    def _make_tap(self):
        if not shutil.which('ip') or not os.path.exists('/dev/net/tun'):
            return
        try:
            for words in (['tuntap', 'add', TAP, 'mode', 'tap', 'vnet_hdr'], ['addr', 'add', f'{HOST_IP}/24', 'dev', TAP], ['link', 'set', TAP, 'up']):
                subprocess.run(['ip', *words], check=True)
                self.tap = True
        except (OSError, subprocess.CalledProcessError):
            pass

    def start(self):
        kernel = make_image(self.options, self.image)
        if self.devices:
            with open(f'{self.folder}/disk', 'wb') as f:
                for _ in range(DISK_MIB):
                    f.write(bytes(1 << 20))
            self._make_tap()
        words = self._qemu(kernel) if self.subject in MACHINES else self._builtin(kernel)
        self.errors = open(f'{self.folder}/err', 'w+', encoding='utf-8', errors='replace')
        self.begun = time.monotonic()
        self.deadline = self.begun + self.limit
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors, start_new_session=True)

    def said(self):
        self.errors.seek(0)
        serial = probe.read(self.serial)
        return ' '.join((self.errors.read() + ' serial: ' + serial[-300:]).split())[-600:]

    def wait_up(self):
        """Milliseconds until the guest's first process says so."""
        while 'peer: ready' not in probe.read(self.serial):
            if self.process.poll() is not None:
                raise Failed(f'the machine ended, {self.process.returncode}: {self.said()}')
            if time.monotonic() > self.deadline:
                raise Failed(f'not up after {self.limit:g} s: {self.said()}')
            time.sleep(0.005)
        return (time.monotonic() - self.begun) * 1000

    # ---- the guest's first process, asked from here ----

    def dial(self):
        if self.subject in MACHINES:
            s = socket.socket(socket.AF_VSOCK)
            s.settimeout(self.limit)
            s.connect((CID, PORT))
            return s
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(self.limit)
        s.connect(self.vsock)
        s.sendall(b'CONNECT %d\n' % PORT)
        line = b''
        while not line.endswith(b'\n'):
            byte = s.recv(1)
            if not byte:
                raise Failed('vsock: refused')
            line += byte
        return s

    def tcp(self):
        return socket.create_connection((GUEST_IP, PORT), self.limit)

    def ask(self, command, connect=None):
        with (connect or self.dial)() as s:
            s.sendall(command.encode() + b'\n')
            return sockets.read_all(s).decode(errors='replace').strip()

    def load(self, what, path, count):
        """Seconds that the guest's own clock saw."""
        answer = self.ask(f'exec /load {what} {path} {count}').split()
        if answer[-2:] != ['exit', '0']:
            raise Failed(f'load {what}: {answer}')
        return max(int(answer[1]), 1) / 1e6

    def close(self):
        if self.process is not None and self.process.poll() is None:
            for pid in list(probe.family(self.process.pid)):
                try:
                    os.kill(pid, 9)
                except OSError:
                    pass
            self.process.wait()
        if self.errors is not None:
            self.errors.close()
        if self.tap:
            subprocess.run(['ip', 'link', 'del', TAP], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


def boot_one(options, subject):
    """Nothing but serial port and vsock: when the first process of the guest runs, and at what cost."""
    before = probe.machines()
    trace, board = probe.Trace(True), Board(options, subject, False)
    try:
        board.start()
        values = {'up': board.wait_up()}
        values.update(probe.kvm_counters(before))
        values['user_exits'] = trace.user_exits()
        vmm = probe.vmm_of(board.process.pid)
        members = probe.family(board.process.pid)
        calls, by_name, names = probe.calls_of(trace, members.get(vmm[0], ''), {pid: members[pid] for pid in vmm if pid in members})
        if SUBJECTS[subject] != 'vmm-run':  # one of its threads is the test's
            values.update(calls, threads=probe.threads(vmm))
        entry = trace.first_entry()
        if entry is not None and entry > board.begun:
            values['first_entry'] = (entry - board.begun) * 1000
        trace.close()
        time.sleep(2)
        idle = probe.memory(vmm, options['memory'] * 1024)
        values.update(idle_pss=idle['pss'], idle_rss=idle['rss'], idle_private=idle['private'])
        return values, {'idle': idle, 'calls': by_name, 'kinds': names}
    finally:
        board.close()
        trace.close()


def send_stream(connect, mib):
    block = bytes(range(256)) * 256
    with connect() as s:
        s.sendall(b'sink\n')
        begun = time.monotonic()
        for _ in range(mib * 16):
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)
        answer = sockets.read_all(s).split()
        took = time.monotonic() - begun
    if not answer or int(answer[0]) != mib << 20:
        raise Failed(f'the guest counted {answer}')
    return mib / took


def receive_stream(connect, mib):
    with connect() as s:
        s.sendall(b'source %d\n' % (mib << 20))
        begun, left = time.monotonic(), mib << 20
        while left > 0:
            data = s.recv(1 << 20)
            if not data:
                raise Failed(f'{left} bytes short')
            left -= len(data)
        return mib / (time.monotonic() - begun)


def trips(board, count=50):
    begun = time.monotonic()
    for _ in range(count):
        if board.ask('ping') != 'pong':
            raise Failed('no pong')
    return (time.monotonic() - begun) / count * 1e6


def carry(board, values, parts, mib):
    """Each device in turn, and the most memory that the VMM used meanwhile."""
    pids, ram = probe.vmm_of(board.process.pid), board.options['memory'] * 1024
    with Sampler(pids, ram) as seen:
        values['vsock_in'] = send_stream(board.dial, mib)
        values['vsock_out'] = receive_stream(board.dial, mib)
        values['vsock_trip'] = trips(board)
    values['stream_pss'], parts['vsock'] = seen.most, seen.parts
    with Sampler(pids, ram) as seen:
        size = 64 * 1024
        values['serial'] = size / 1024 / board.load('serial', '/dev/ttyS0', size)
    values['serial_pss'], parts['serial'] = seen.most, seen.parts
    with Sampler(pids, ram) as seen:
        values['disk_write'] = mib / board.load('write', '/dev/vda', mib)
        values['disk_read'] = mib / board.load('read', '/dev/vda', mib)
        values['disk_random'] = 500 / board.load('random', '/dev/vda', 500)
    values['disk_pss'], parts['disk'] = seen.most, seen.parts
    if board.tap:
        with Sampler(pids, ram) as seen:
            values['tcp_in'] = send_stream(board.tcp, mib)
            values['tcp_out'] = receive_stream(board.tcp, mib)
        values['net_pss'], parts['net'] = seen.most, seen.parts
    time.sleep(2)
    values['after_pss'] = probe.memory(pids, ram)['pss']


def carry_one(options, subject):
    board, values, parts = Board(options, subject, True), {}, {}
    try:
        board.start()
        board.wait_up()
        carry(board, values, parts, min(options['mib'], DISK_MIB))
        return values, parts
    except (OSError, ValueError, IndexError) as e:
        raise Failed(f'{type(e).__name__}: {e}; after {", ".join(values)}; {board.said()}') from e
    finally:
        board.close()
