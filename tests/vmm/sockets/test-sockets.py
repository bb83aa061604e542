#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets between a Linux guest of lib/vmm and its host: vsock streams and virtio-net. Runs where there is KVM: in the bed."""

import argparse
import os
import socket
import sys
import threading
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import machine  # noqa: E402
from machine import Failed  # noqa: E402

MIB = 1 << 20
BLOCK = os.urandom(MIB + 4096)


def check(good, text):
    if not good:
        raise Failed(text)


def send_stream(connect, size):
    """The guest's sink: what it counted and summed is what was sent."""
    total, adler, turn = 0, 1, 0
    with connect() as s:
        s.sendall(b'sink\n')
        begin = time.monotonic()
        while total < size:
            data = memoryview(BLOCK)[turn % 4093:][:min(MIB, size - total)]
            s.sendall(data)
            adler = zlib.adler32(data, adler)
            total += len(data)
            turn += 1
        s.shutdown(socket.SHUT_WR)
        answer = machine.read_all(s).decode()
        seconds = time.monotonic() - begin
    check(answer == f'{size} {adler:08x}\n', f'sent {size} bytes with sum {adler:08x}, the guest says {answer!r}')
    return size / MIB / seconds


def receive_stream(connect, size):
    total, adler, tail = 0, 1, b''
    with connect() as s:
        begin = time.monotonic()
        s.sendall(b'source %d\n' % size)
        while True:
            data = s.recv(MIB)
            if not data:
                break
            body = data[:max(0, size - total)]
            adler = zlib.adler32(body, adler)
            tail += data[len(body):]
            total += len(body)
        seconds = time.monotonic() - begin
    check(total == size and tail == b'%08x' % adler, f'{total} bytes of {size}, sum {adler:08x}, the guest says {tail!r}')
    return size / MIB / seconds


def vsock_streams(m, args):
    """Bulk data over one connection, each way."""
    print(f'# {args.stream} MiB to the guest: {send_stream(m.dial, args.stream * MIB):.1f} MiB/s')
    print(f'# {args.stream} MiB from the guest: {receive_stream(m.dial, args.stream * MIB):.1f} MiB/s')


def vsock_echo(m, args):
    """Half-close: the guest's answer comes after the host has finished sending."""
    with m.dial() as s:
        s.sendall(b'echo\n')
        data = BLOCK[:100000]
        sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sender.start()
        got = machine.read_all(s)
        sender.join()
    check(got == data, f'{len(got)} bytes came back of {len(data)}')


def vsock_connections(m, args):
    """Opened and closed: half of them by the host, half by the guest."""
    n = args.connections // 2
    listener = m.listen(2000)
    with m.dial() as control:
        control.sendall(b'serve 3000 %d\n' % n)
        check(control.recv(64) == b'ready\n', 'the guest does not listen')
        begin = time.monotonic()
        for i in range(n):
            with m.dial(3000) as s:
                s.sendall(b'x')
                check(s.recv(1) == b'x', f'connection {i}')
        seconds = time.monotonic() - begin
        answer = machine.read_all(control)
    check(answer == b'done %d bad 0\n' % n, f'{answer!r}')
    print(f'# {n} connections of the host: {n / seconds:.0f}/s')
    with m.dial() as control:
        control.sendall(b'dial 2000 %d\n' % n)
        begin = time.monotonic()
        for i in range(n):
            with m.accept(listener) as s:
                s.sendall(s.recv(1))
        seconds = time.monotonic() - begin
        answer = machine.read_all(control)
    check(answer.startswith(b'done %d bad 0 ' % n), f'{answer!r}')
    print(f'# {n} connections of the guest: {n / seconds:.0f}/s')
    listener.close()


def vsock_ends(m, args):
    """Refusals, resets and closes are seen on the other side."""
    check(m.ask('refused 4444') == 'reset', 'the guest reached a port where nobody listens')
    try:
        m.dial(4444)
        raise Failed('the host reached a port where nobody listens')
    except ConnectionRefusedError:
        pass
    # The host goes while the guest sends.
    with m.dial() as s:
        s.sendall(b'abort\n')
        s.recv(1)
    first = settle(m, 'sending')
    check(first in ('pipe', 'reset'), f'the guest still sends, or saw {first!r}')
    # The host goes while the guest reads: all of it arrives, then the end.
    with m.dial() as s:
        s.sendall(b'drain\n')
        s.sendall(BLOCK[:300000])
    word = settle(m, 'reading', first)  # the guest may not have come to this connection yet
    check(word == 'end 300000', f'the guest saw {word!r}')
    # The guest goes while the host sends.
    listener = m.listen(2001)
    with m.dial() as control:
        control.sendall(b'refused 2001\n')  # connects and closes at once
        with m.accept(listener) as s:
            try:
                while True:
                    s.sendall(BLOCK[:65536])
            except (BrokenPipeError, ConnectionResetError):
                pass
        check(machine.read_all(control) == b'connected\n', 'the guest was refused')
    listener.close()
    time.sleep(0.2)
    check(m.ask('refused 2001') == 'reset', 'a port outlives its listener')


def settle(m, *busy):
    for _ in range(100):
        word = m.ask('last')
        if word not in busy:
            return word
        time.sleep(0.2)
    return word


def vsock_many(m, args):
    """Sixteen streams at once, all checked; what nobody reads costs no more than it may."""
    failed = []

    def one(i):
        try:
            (send_stream if i % 2 else receive_stream)(m.dial, 2 * MIB)
        except Exception as e:  # noqa: BLE001, a thread's failure is the test's
            failed.append(e)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not failed, f'{failed[:1]}')
    before = m.anonymous()
    idle = [m.dial() for _ in range(60)]
    for s in idle:
        s.sendall(b'source 100000000\n')
    time.sleep(5)
    grown = m.anonymous() - before
    for s in idle:
        s.close()
    print(f'# 60 streams that nobody reads: {grown >> 10} KiB more in the VMM')
    check(grown <= 5 * MIB, f'the VMM grew by {grown >> 10} KiB under a flood')


# Of TCP here: what was sent again, and why: SACKs that showed disorder, loss probes and timers; what the peer had already got.
COUNTERS = ('RetransSegs', 'TCPFastRetrans', 'TCPSlowStartRetrans', 'TCPLossProbes', 'TCPTimeouts', 'TCPSACKReorder', 'TCPDSACKRecv',
            'TCPSpuriousRTOs', 'TCPLostRetransmit')


def counters():
    found = {}
    for path in ('/proc/net/snmp', '/proc/net/netstat'):
        with open(path) as f:
            lines = [line.split() for line in f if line.startswith(('Tcp:', 'TcpExt:'))]
        for names, values in zip(lines[::2], lines[1::2]):
            found.update(zip(names[1:], map(int, values[1:])))
    return {name: found.get(name, 0) for name in COUNTERS}


def net_streams(m, args):
    """Bulk data by TCP, each way, then eight at once; a wire of memory loses nothing."""
    before = counters()
    print(f'# TCP, {args.net} MiB to the guest: {send_stream(m.tcp, args.net * MIB):.1f} MiB/s')
    print(f'# TCP, {args.net} MiB from the guest: {receive_stream(m.tcp, args.net * MIB):.1f} MiB/s')
    failed = []

    def one(i):
        try:
            (send_stream if i % 2 else receive_stream)(m.tcp, 4 * MIB)
        except Exception as e:  # noqa: BLE001
            failed.append(e)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not failed, f'{failed[:1]}')
    grown = {k: v - before[k] for k, v in counters().items()}
    print(f'# retransmitted: {grown["RetransSegs"]} segments to the guest, {m.ask("retransmitted")} from it; '
          f'dropped by the tap: {statistic("tx_dropped")} and {statistic("rx_dropped")}')
    print(f'# {" ".join(f"{k}={v}" for k, v in grown.items() if v)}')


def statistic(name):
    with open(f'/sys/class/net/{machine.TAP}/statistics/{name}') as f:
        return int(f.read())


def net_offloads(m, args):
    """Segments of more than the MTU pass in one piece: offloads are in use, both ways."""
    before = {k: statistic(k) for k in ('rx_packets', 'rx_bytes', 'tx_packets', 'tx_bytes')}
    send_stream(m.tcp, 16 * MIB)
    sent = {k: statistic(k) - v for k, v in before.items()}
    receive_stream(m.tcp, 16 * MIB)
    got = {k: statistic(k) - v - sent[k] for k, v in before.items()}
    to_guest, from_guest = sent['tx_bytes'] / sent['tx_packets'], got['rx_bytes'] / got['rx_packets']
    print(f'# bytes in a packet: {to_guest:.0f} to the guest, {from_guest:.0f} from it')
    check(to_guest > 3000, 'segments to the guest are cut on the host')
    check(from_guest > 3000, 'segments of the guest are cut in the guest')


def net_queues(m, args):
    """The guest uses as many queues as it has CPUs and the card has pairs."""
    n = m.ask('queues', m.tcp)
    check(n == str(m.pairs), f'{n} queues instead of {m.pairs}')


def net_link(m, args):
    """The tap goes: the VMM goes on and does not spin, vsock lives."""
    machine.run('ip', 'link', 'del', machine.TAP)
    time.sleep(1)
    with open(f'/proc/{m.process.pid}/stat') as f:
        before = sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13]))
    time.sleep(3)
    with open(f'/proc/{m.process.pid}/stat') as f:
        ticks = sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13])) - before
    check(ticks < 250, f'{ticks} ticks of CPU in 3 s after the tap had gone')
    check(m.ask('ping') == 'pong', 'vsock is gone with the tap')


VSOCK = [vsock_echo, vsock_ends, vsock_connections, vsock_streams, vsock_many]
NET = [net_queues, net_streams, net_offloads, net_link]


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument('--vmm-run', required=True)
    p.add_argument('--guest', required=True, help='the folder of guest-image, for its kernel and modules')
    p.add_argument('--peer', required=True)
    p.add_argument('--transport', choices=['mmio', 'pci'], default='mmio')
    p.add_argument('--pairs', type=int, default=2)
    p.add_argument('--cpus', type=int, default=2)
    p.add_argument('--only', default='')
    p.add_argument('--verbose', action='store_true')
    p.add_argument('--stream', type=int, default=1024, help='MiB through one vsock connection, each way')
    p.add_argument('--connections', type=int, default=10000)
    p.add_argument('--net', type=int, default=256, help='MiB through one TCP connection, each way')
    return p.parse_args()


def main():
    args = arguments()
    if not os.path.exists('/dev/kvm'):
        print('SKIP: no /dev/kvm')
        return 77
    begin = time.monotonic()
    m = machine.Machine(args, args.transport, pairs=args.pairs, cpus=max(args.cpus, args.pairs))
    bad = 0
    try:
        m.wait()
        print(f'# booted in {time.monotonic() - begin:.1f} s, {m.anonymous() >> 10} KiB of its own', flush=True)
        for test in [t for t in VSOCK + NET if args.only in t.__name__]:
            begin = time.monotonic()
            try:
                test(m, args)
                print(f'ok {test.__name__} {time.monotonic() - begin:.1f} s', flush=True)
            except (Failed, OSError) as e:
                bad += 1
                print(f'not ok {test.__name__}: {e!r}', flush=True)
    except Failed as e:
        print(f'not ok: {e}')
        bad += 1
    status, text = m.close()
    if status != 0:
        print(f'not ok: vmm-run ended with {status}')
        bad += 1
    if bad or args.verbose:
        print(text)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
