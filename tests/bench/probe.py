# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be seen of a VMM from outside: its processes, threads, memory, KVM's counters, traced events; it starts nothing."""

import glob
import os
import re
import time

KVM = '/sys/kernel/debug/kvm'
TRACING = '/sys/kernel/tracing'
VMMS = ('kata-vmm', 'vmm-run', 'qemu-system')
MAPPING = re.compile(r'^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \d+\s*(.*)$')


def read(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def processes():
    """{pid: (parent, name)} of all there are."""
    found = {}
    for path in glob.glob('/proc/[0-9]*/stat'):
        name, _, rest = read(path).partition(')')
        if rest:
            pid, _, comm = name.partition(' (')
            found[int(pid)] = (int(rest.split()[1]), comm)
    return found


def family(root):
    """{pid: name} of a process and all that descend from it."""
    known = processes()
    found = {root: known[root][1]} if root in known else {}
    grown = True
    while grown:
        grown = False
        for pid, (parent, name) in known.items():
            if parent in found and pid not in found:
                found[pid] = name
                grown = True
    return found


def vmm_of(root):
    """The processes that hold the machine: those named like a VMM, or the root itself where the machine is in its threads."""
    members = family(root)
    named = [pid for pid, name in members.items() if name.startswith(VMMS)]
    below = [pid for pid in named if pid != root]
    return below or named or list(members)[:1]


def threads(pids):
    return sum(len(glob.glob(f'/proc/{pid}/task/[0-9]*')) for pid in pids)


def machine_threads(pids):
    """The threads that run a machine within another program: those that libkata names so."""
    found = set()
    for pid in pids:
        for task in glob.glob(f'/proc/{pid}/task/[0-9]*'):
            if read(f'{task}/comm').startswith('vmm-'):
                found.add(int(os.path.basename(task)))
    return found


# ---- memory ----

def is_guest_ram(name, size, ram):
    """Guest memory is a memfd, or the one anonymous mapping that is exactly as large as the guest's memory."""
    return name.startswith(('/memfd:vmm-ram', '/memfd:memory-backend-memfd')) or (not name and size == ram)


def kind_of(name, perms):
    if name.startswith('['):
        return name.strip('[]').split(':')[0]
    if name.startswith('/memfd:') or name.startswith('anon_inode:'):
        return name.split(' ')[0].lstrip('/')
    return os.path.basename(name) if name else 'anonymous'


def mappings(text):
    """(permissions, name, {field: KiB}) of each mapping in the text of an smaps file."""
    perms, name, fields = None, '', {}
    for line in text.splitlines():
        head = MAPPING.match(line)
        if head:
            if perms:
                yield perms, name, fields
            perms, name, fields = head.group(1), head.group(2).strip(), {}
        elif line.endswith(' kB'):
            key, _, value = line.partition(':')
            fields[key] = int(value.split()[0])
    if perms:
        yield perms, name, fields


def memory(pids, ram_kib):
    """{'pss', 'rss', 'private', 'ram'} in KiB without guest memory ('ram' = that), and 'parts': PSS by kind of mapping."""
    total = {'pss': 0, 'rss': 0, 'private': 0, 'ram': 0, 'parts': {}}
    for pid in pids:
        for perms, name, fields in mappings(read(f'/proc/{pid}/smaps')):
            if is_guest_ram(name, fields.get('Size', 0), ram_kib):
                total['ram'] += fields.get('Rss', 0)
                continue
            total['pss'] += fields.get('Pss', 0)
            total['rss'] += fields.get('Rss', 0)
            total['private'] += fields.get('Private_Dirty', 0)
            kind = kind_of(name, perms)
            total['parts'][kind] = total['parts'].get(kind, 0) + fields.get('Pss', 0)
    total['parts'] = {k: v for k, v in sorted(total['parts'].items(), key=lambda i: -i[1]) if v}
    return total


# ---- KVM ----

def machines():
    return set(glob.glob(f'{KVM}/*-*'))


def kvm_counters(before):
    """KVM's own counters, summed over the machines that were not there `before`; {} where debugfs is not to be read."""
    found = {}
    for folder in machines() - before:
        for name in ('exits', 'io_exits', 'mmio_exits', 'halt_exits', 'irq_injections'):
            value = read(f'{folder}/{name}').strip()
            if value.isdigit():
                found[name] = found.get(name, 0) + int(value)
    return found


class Trace:
    """Events of one run, counted or timed by the kernel in a buffer of our own. Nothing is measured where tracefs is not writable."""

    def __init__(self, counting):
        self.folder = f'{TRACING}/instances/kata-bench-{os.getpid()}'
        self.counting = counting
        try:
            os.mkdir(self.folder)
            self._write('trace_clock', 'mono')
            if counting:
                self._write('events/kvm/kvm_userspace_exit/trigger', 'hist:keys=reason:size=256')
                self._write('events/raw_syscalls/sys_enter/trigger', 'hist:keys=common_pid.execname,id.syscall:size=4096')
                # Those that end once a guest runs.
                self._write('events/raw_syscalls/sys_exit/trigger', 'hist:keys=common_pid.execname,id.syscall:size=4096:pause')
                self._write('events/kvm/kvm_entry/trigger', 'enable_hist:raw_syscalls:sys_exit:1')
            # Off after the first: what follows costs next to nothing.
            self._write('events/kvm/kvm_entry/trigger', 'traceoff:1')
            self._write('events/kvm/kvm_entry/enable', '1')
        except OSError:
            self.close()

    def _write(self, name, text):
        # Neither O_TRUNC, which takes away the triggers that are there, nor Python's "a", which seeks.
        fd = os.open(f'{self.folder}/{name}', os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def first_entry(self):
        """CLOCK_MONOTONIC, in seconds, of the first entry of any guest, or None."""
        match = re.search(r'\s(\d+\.\d+): kvm_entry:', read(f'{self.folder}/trace'))
        return float(match.group(1)) if match else None

    def user_exits(self):
        text = read(f'{self.folder}/events/kvm/kvm_userspace_exit/hist')
        counts = [int(n) for n in re.findall(r'hitcount:\s+(\d+)', text)]
        return sum(counts) if self.counting and text else None

    def system_calls(self, running=False):
        """{thread: (name, {call: times})}; all, or those since the first guest's first instruction."""
        found = {}
        for line in read(f"{self.folder}/events/raw_syscalls/{'sys_exit' if running else 'sys_enter'}/hist").splitlines():
            match = re.search(r'common_pid: (.*?)\s*\[\s*(\d+)\].*id: (\S+)\s*\[.*hitcount:\s+(\d+)', line)
            if match:
                name, thread, call, times = match.groups()
                found.setdefault(int(thread), (name.strip(), {}))[1][call] = int(times)
        return found

    def close(self):
        for path in ('kvm/kvm_entry', 'kvm/kvm_userspace_exit', 'raw_syscalls/sys_enter', 'raw_syscalls/sys_exit'):
            path = f'events/{path}/trigger'
            for trigger in [line for line in read(f'{self.folder}/{path}').splitlines() if line and not line.startswith('#')]:
                try:
                    self._write(path, '!' + re.sub(r'(:count=\S+|:unlimited|\s\[.*\])', '', trigger).strip())
                except OSError:
                    pass
        for _ in range(20):
            try:
                self._write('events/enable', '0')
                os.rmdir(self.folder)
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.05)


def calls_by_process(traced, members):
    """{name of process: calls}; `members` = {pid: name} while they live. Threads that have ended count by their own name."""
    owner = {}
    for pid, name in members.items():
        for task in glob.glob(f'/proc/{pid}/task/[0-9]*'):
            owner[int(os.path.basename(task))] = name
    found, kinds = {}, {}
    for thread, (name, calls) in traced.items():
        known = owner.get(thread) or next((v for v in VMMS if name.startswith(v)), None)
        if known:
            found[known] = found.get(known, 0) + sum(calls.values())
            kinds.setdefault(known, set()).update(calls)
    return found, kinds


def calls_of(trace, own, members):
    """What the process named @own called, in all and by phase: until the first instruction of its guest, and since."""
    by_name, kinds = calls_by_process(trace.system_calls(), members)
    since, since_kinds = calls_by_process(trace.system_calls(True), members)
    names = {key: sorted(c.removeprefix('sys_') for c in found.get(own, ())) for key, found in (('all', kinds), ('guest', since_kinds))}
    if own not in by_name:
        return {}, by_name, names
    calls, later = by_name[own], since.get(own, 0)
    return {'calls': calls, 'call_kinds': len(kinds[own]), 'calls_before': calls - later, 'calls_guest': later,
            'kinds_guest': len(since_kinds.get(own, ()))}, by_name, names


def kinds_of(trace, members):
    """Which calls all @members made: sorted names."""
    kinds = calls_by_process(trace.system_calls(), members)[1]
    return sorted({c.removeprefix('sys_') for found in kinds.values() for c in found})


def calls_of_threads(trace, threads):
    """What these threads called since the first instruction of the guest. Before it they are not told from who builds the machine."""
    found = {}
    for thread, (_, calls) in trace.system_calls(True).items():
        if thread in threads:
            for call, times in calls.items():
                found[call] = found.get(call, 0) + times
    return ({'calls_guest': sum(found.values()), 'kinds_guest': len(found)} if found else {}), sorted(c.removeprefix('sys_') for c in found)
