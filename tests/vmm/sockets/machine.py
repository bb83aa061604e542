# SPDX-License-Identifier: LGPL-2.1-or-later
"""One machine of lib/vmm whose first process is peer.c, and how to talk to it: by vsock over the unix socket, by TCP over a tap."""

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..'))
import initrd   # noqa: E402

HOST_IP, GUEST_IP, PORT = '10.7.0.1', '10.7.0.2', 1000
TAP = 'kata-test'


class Failed(Exception):
    pass


def make_initrd(path, module_folder, files, names=()):
    """Programs of ours and the modules that sockets need, and others by name; the first program is the first process."""
    tree = initrd.cpio.Tree()
    for name in ('proc', 'sys', 'dev', 'tmp'):
        tree.directory(name)
    tree.chardev('dev/console', 5, 1)
    for name, source in files.items():
        with open(source, 'rb') as f:
            tree.file(name, f.read(), 0o755)
    known = initrd.modules.Modules(module_folder)
    order = known.order(['virtio_mmio', 'virtio_pci', 'virtio_net', 'vmw_vsock_virtio_transport', *names])
    for module in order:
        tree.file(f'modules/{os.path.basename(module)}', initrd.modules.strip(known.data(module)))
    tree.file('modules/order', ''.join(f'/modules/{os.path.basename(module)}\n' for module in order))
    with open(path, 'wb') as f:
        f.write(tree.pack())


def run(*words):
    subprocess.run(words, check=True)


class Machine:
    """`args`: vmm_run, guest (the folder of guest-image), peer."""

    def __init__(self, args, transport='mmio', cpus=2, memory=256, pairs=0, files=None, extra=()):
        self.folder = tempfile.TemporaryDirectory(prefix='kata-sockets-')
        self.path = f'{self.folder.name}/vsock'
        self.serial = f'{self.folder.name}/serial'
        self.pairs = pairs
        image = f'{self.folder.name}/initrd'
        kernel, module_folder = initrd.find_kernel(args.guest) or (None, None)
        if kernel is None:
            raise Failed(f'{args.guest}: no kernel there; build guest-image')
        make_initrd(image, module_folder, {'init': args.peer, **(files or {})})
        words = [args.vmm_run, '--kernel', kernel, '--initrd', image, '--cpus', str(cpus), '--mem', str(memory),
                 '--cmdline', 'console=ttyS0 quiet panic=-1 cryptomgr.notests', '--serial', self.serial,
                 '--transport', transport, '--vsock', self.path, '--log', '--timeout', '3000', *extra]
        if pairs:
            run('ip', 'tuntap', 'add', TAP, 'mode', 'tap', 'vnet_hdr', *(['multi_queue'] if pairs > 1 else []))
            run('ip', 'addr', 'add', f'{HOST_IP}/24', 'dev', TAP)
            run('ip', 'link', 'set', TAP, 'up')
            words += ['--tap', f'{TAP},pairs={pairs}']
        self.log = open(f'{self.folder.name}/log', 'w+')
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log)

    def said(self):
        with open(self.serial, errors='replace') as f:
            return f.read()

    def wait(self, seconds=180):
        end = time.monotonic() + seconds
        while not os.path.exists(self.serial) or 'peer: ready' not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f'the guest is not there:\n{self.report()}')
            time.sleep(0.1)

    def report(self):
        self.log.flush()
        with open(self.log.name, errors='replace') as f:
            log = f.read()
        serial = self.said() if os.path.exists(self.serial) else ''
        return f'--- log\n{log[-2000:]}\n--- guest\n{serial[-4000:]}'

    def anonymous(self):
        """Bytes of the VMM's own: guest memory is a memfd and does not count."""
        with open(f'/proc/{self.process.pid}/status') as f:
            return next(int(line.split()[1]) for line in f if line.startswith('RssAnon')) << 10

    # ---- the host's programs ----

    def dial(self, port=PORT, timeout=120):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(self.path)
        s.sendall(b'CONNECT %d\n' % port)
        line = b''
        while not line.endswith(b'\n'):
            byte = s.recv(1)
            if not byte:
                raise ConnectionRefusedError(f'port {port}')
            line += byte
        if not line.startswith(b'OK '):
            raise Failed(f'{line!r} instead of OK')
        return s

    def tcp(self, timeout=120):
        return socket.create_connection((GUEST_IP, PORT), timeout)

    def listen(self, port):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(120)
        s.connect(self.path)
        s.sendall(b'LISTEN %d\n' % port)
        answer = s.recv(64)
        if answer != b'OK %d\n' % port:
            raise Failed(f'{answer!r} instead of OK {port}')
        return s

    @staticmethod
    def accept(listener):
        data, control, _, _ = listener.recvmsg(64, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        if not data:
            raise Failed('the device has ended the listening')
        fd = struct.unpack('i', control[0][2])[0]
        s = socket.socket(fileno=fd)
        s.settimeout(120)
        return s

    def ask(self, command, connect=None):
        """One command with one line for an answer."""
        with (connect or self.dial)() as s:
            s.sendall(command.encode() + b'\n')
            return read_all(s).decode().strip()

    def close(self):
        try:
            if self.process.poll() is None:
                with self.dial(timeout=20) as s:
                    s.sendall(b'off\n')
                    self.process.wait(30)
        except (OSError, Failed, subprocess.TimeoutExpired):
            pass
        status = self.process.poll()
        if status is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        text = self.report()
        self.log.close()
        self.folder.cleanup()
        if self.pairs:
            subprocess.run(['ip', 'link', 'del', TAP], check=False, stderr=subprocess.DEVNULL)
        return status, text


def read_all(s):
    parts = []
    while True:
        data = s.recv(1 << 20)
        if not data:
            return b''.join(parts)
        parts.append(data)
