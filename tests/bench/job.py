# SPDX-License-Identifier: LGPL-2.1-or-later
"""One `katactl run` over one hypervisor, looked at: times, or counts and memory. The guest is the built one; nothing is stubbed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'support'))
sys.dont_write_bytecode = True

import probe                     # noqa: E402
from ctl import make_rootfs      # noqa: E402
from sampler import Sampler      # noqa: E402

# What katactl calls the parts inside the sandbox's start, up to the agent's first answer; its "plan" there is the one outside again.
UNTIL_READY = ('shares', 'vm', 'kernel', 'agent')
SETTLE = 2

CONFIG = """
[hypervisor.builtin]
path = "{build}/lib/vmm/helper/kata-vmm"
kernel = "{build}/guest/vmlinuz"
initrd = "{build}/guest/kata-containers-initrd.img"
isolation = "{isolation}"

[hypervisor.qemu]
kernel = "{build}/guest/vmlinuz"
initrd = "{build}/guest/kata-containers-initrd.img"
machine_type = "{machine}"

[agent.kata]
dial_timeout = {limit}
"""

# name: hypervisor, isolation, machine type
SUBJECTS = {
    'builtin': ('builtin', 'process', 'q35'),
    'builtin-thread': ('builtin', 'thread', 'q35'),
    'qemu-microvm': ('qemu', 'process', 'microvm'),
    'qemu-q35': ('qemu', 'process', 'q35'),
}


class Failed(Exception):
    pass


class Job:
    """One run with a state directory of its own; close() leaves nothing of it."""

    def __init__(self, options, subject):
        hypervisor, isolation, machine = SUBJECTS[subject]
        self.options, self.limit = options, options['limit']
        self.folder = tempfile.mkdtemp(prefix='kata-bench-')
        self.rootfs, self.config = f'{self.folder}/rootfs', f'{self.folder}/config.toml'
        os.mkdir(self.rootfs)
        make_rootfs(self.rootfs)
        with open(self.config, 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(build=options['build'], isolation=isolation, machine=machine, limit=int(self.limit)))
        self.katactl = [f"{options['build']}/tools/katactl", '--state-dir', f'{self.folder}/state', '--config', self.config,
                        '--hypervisor', hypervisor]
        self.process = None

    def start(self, script, *words):
        argv = self.katactl + ['--json', 'run', '--memory', f"{self.options['memory']}M", '--cpus', '1', '--rootfs', self.rootfs,
                               '--trace-timing', *words, '--', 'sh', '-c', script]
        self.errors = open(f'{self.folder}/err', 'w+', encoding='utf-8', errors='replace')
        self.begun = time.monotonic()
        self.deadline = self.begun + self.limit
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, start_new_session=True)
        self.alarm = None

    def said(self):
        self.errors.seek(0)
        return ' '.join(self.errors.read().split())[-600:]

    def read(self, size):
        """Bytes of the container's output; a run that is over or too late has failed."""
        import select
        if not select.select([self.process.stdout], [], [], max(0, self.deadline - time.monotonic()))[0]:
            raise Failed(f'not done after {self.limit:g} s')
        data = os.read(self.process.stdout.fileno(), size)
        if not data:
            raise Failed(f'katactl ended: {self.said()}')
        return data

    def first_byte(self):
        data = self.read(6)
        at = time.monotonic()
        while not data.endswith(b'\n'):
            data += self.read(6)
        if data != b'ready\n':
            raise Failed(f'{data!r} came first')
        return (at - self.begun) * 1000

    def say(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def wait(self):
        try:
            status = self.process.wait(max(1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed(f'not over after {self.limit:g} s') from None
        if status != 0:
            raise Failed(f'exit {status}: {self.said()}')
        return (time.monotonic() - self.begun) * 1000

    def timing(self):
        self.errors.seek(0)
        line = next((x for x in self.errors.read().splitlines() if x.startswith('{"timing"')), None)
        if line is None:
            raise Failed(f'no times from katactl: {self.said()}')
        return json.loads(line)

    def close(self):
        if self.process is not None:
            if self.process.poll() is None:
                left = list(probe.family(self.process.pid))
                for pid in left:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except OSError:
                        pass
                self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.errors.close()
        for words in (['recover', '--all'],):
            try:
                subprocess.run(self.katactl + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
            except subprocess.TimeoutExpired:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)


def parts_of(timing):
    """Milliseconds: (until the agent was ready, by the run's own clock; until the first byte; {part: its length})."""
    outer, inner = {}, {}
    for part in timing['timing']:
        (inner if part['inner'] else outer)[part['name']] = part['us'] / 1000
    ready = outer.get('configuration', 0) + outer.get('plan', 0) + sum(inner.get(name, 0) for name in UNTIL_READY)
    return ready, timing['first_output_us'] / 1000, {**outer, **{f'sandbox {k}': v for k, v in inner.items()}}


def time_one(options, subject):
    trace, job = probe.Trace(False), Job(options, subject)
    try:
        job.start('echo ready')
        values = {'first_byte': job.first_byte(), 'end': job.wait()}
        entry = trace.first_entry()
        if entry is not None and entry > job.begun:
            values['first_entry'] = (entry - job.begun) * 1000
        ready, first, parts = parts_of(job.timing())
        values['ready'] = values['first_byte'] - (first - ready)
        values['vm'] = parts.get('sandbox vm')
        return values, {'parts': parts}
    finally:
        job.close()
        trace.close()


def count_calls(trace, job, vmm):
    members = probe.family(job.process.pid)
    own = members.get(vmm[0], '') if vmm else ''
    values, by_name, names = probe.calls_of(trace, own, members)
    names['family'] = probe.kinds_of(trace, members)
    threads = probe.threads(vmm)
    if not own.startswith(probe.VMMS):  # a machine in katactl's threads: what katactl does for itself is not the machine's
        machine = probe.machine_threads(vmm)
        values, names['guest'] = probe.calls_of_threads(trace, machine)
        threads = len(machine)
    return {**values, 'calls_all': sum(by_name.values()) or None, 'kinds_all': len(names['family']) or None, 'threads': threads,
            'threads_all': probe.threads(members), 'processes': len(members)}, {'calls': by_name, 'kinds': names}


def count_one(options, subject):
    """Counts until the first byte, then memory: at rest, and while the container's output floods the way to us, which we do not read at first."""
    before, mib = probe.machines(), options['mib']
    trace, job = probe.Trace(True), Job(options, subject)
    try:
        job.start(f'echo ready; read x; dd if=/dev/zero bs=65536 count={mib * 16} 2>/dev/null; read x', '-i')
        job.first_byte()
        counters = probe.kvm_counters(before)
        user_exits = trace.user_exits()
        vmm = probe.vmm_of(job.process.pid)
        values, detail = count_calls(trace, job, vmm)
        values.update(counters)
        values['user_exits'] = user_exits
        trace.close()
        time.sleep(SETTLE)
        ram = options['memory'] * 1024
        idle = probe.memory(vmm, ram)
        values.update(idle_pss=idle['pss'], idle_rss=idle['rss'], idle_private=idle['private'])
        # Where the machine is in katactl's threads, what it needs is the difference to a katactl whose machine is elsewhere.
        own = [job.process.pid]
        values['own_pss'] = probe.memory(own, ram)['pss']
        with Sampler(vmm, ram) as flood, Sampler(own, ram) as own_flood:
            job.say(b'\n')
            time.sleep(SETTLE)
            begun, left = time.monotonic(), mib << 20
            while left > 0:
                left -= len(job.read(1 << 20))
            values['stream'] = mib / (time.monotonic() - begun)
        values.update(stream_pss=flood.most, own_stream_pss=own_flood.most)
        time.sleep(SETTLE)
        values['after_pss'] = probe.memory(vmm, ram)['pss']
        job.say(b'\n')
        job.wait()
        return values, {**detail, 'idle': idle, 'flood': flood.parts}
    finally:
        job.close()
        trace.close()
