# SPDX-License-Identifier: LGPL-2.1-or-later
"""Samples to figures: n, failed, min, median, max and the ratio to one subject of the same run; as text and JSON. It measures nothing."""

import json
import statistics

# name: (unit, what, 'less' or 'more' is better, '' neither)
MEASURES = {
    'first_entry': ('ms', 'start to first guest instruction', 'less'),
    'ready': ('ms', 'start to agent ready', 'less'),
    'first_byte': ('ms', 'start to first byte of output', 'less'),
    'end': ('ms', 'start to end of the run', 'less'),
    'vm': ('ms', 'making the machine (part "vm")', 'less'),
    'up': ('ms', 'start to first process of the guest', 'less'),
    'exits': ('', 'KVM exits until ready', 'less'),
    'user_exits': ('', 'of these, exits to user space', 'less'),
    'io_exits': ('', 'port I/O exits until ready', 'less'),
    'mmio_exits': ('', 'MMIO exits to user space until ready', 'less'),
    'halt_exits': ('', 'halts until ready', ''),
    'calls': ('', "the VMM's system calls until ready", 'less'),
    'calls_before': ('', "of these, until the guest's first instruction", 'less'),
    'calls_guest': ('', 'of these, since then', 'less'),
    'calls_all': ('', 'system calls of the whole family until ready', 'less'),
    'call_kinds': ('', "different system calls of the VMM", 'less'),
    'kinds_guest': ('', "of these, since the guest's first instruction", 'less'),
    'kinds_all': ('', 'different system calls of the whole family', ''),  # those that make a jail are among them: fewer is not better
    'processes': ('', 'processes of the family', 'less'),
    'threads': ('', 'threads of the VMM', 'less'),
    'threads_all': ('', 'threads of the whole family', 'less'),
    'idle_pss': ('KiB', 'memory over guest memory (PSS), idle', 'less'),
    'idle_rss': ('KiB', 'memory over guest memory (RSS), idle', 'less'),
    'idle_private': ('KiB', 'private dirty memory over guest memory, idle', 'less'),
    'stream_pss': ('KiB', 'PSS, most during a flood over vsock', 'less'),
    'serial_pss': ('KiB', 'PSS, most during a flood on the serial port', 'less'),
    'disk_pss': ('KiB', 'PSS, most while the disk works', 'less'),
    'net_pss': ('KiB', 'PSS, most while the network works', 'less'),
    'after_pss': ('KiB', 'PSS after all that', 'less'),
    'own_pss': ('KiB', "katactl itself (PSS), idle", ''),
    'own_stream_pss': ('KiB', "katactl itself (PSS), most in the flood", ''),
    'stream': ('MiB/s', "a container's standard output", 'more'),
    'serial': ('KiB/s', 'serial port', 'more'),
    'vsock_in': ('MiB/s', 'vsock, host to guest', 'more'),
    'vsock_out': ('MiB/s', 'vsock, guest to host', 'more'),
    'vsock_trip': ('us', 'vsock: connect, a byte there and back, close', 'less'),
    'tcp_in': ('MiB/s', 'TCP over tap, host to guest', 'more'),
    'tcp_out': ('MiB/s', 'TCP over tap, guest to host', 'more'),
    'disk_read': ('MiB/s', 'disk, 256 KiB reads one after another (O_DIRECT)', 'more'),
    'disk_write': ('MiB/s', 'disk, 256 KiB writes one after another (O_DIRECT), flush', 'more'),
    'disk_random': ('1/s', 'disk, 4 KiB random reads, one at a time (O_DIRECT)', 'more'),
}


def median_of(sample):
    return statistics.median(sample) if sample else None


def figures(samples):
    """{level: {subject: {'n', 'failed', 'problems', 'measures': {name: {n, min, median, max}}}}} from samples in any order."""
    found = {}
    for sample in samples:
        subject = found.setdefault(sample['level'], {}).setdefault(sample['subject'], {'n': 0, 'failed': 0, 'kinds': {}, 'problems': [], 'values': {}})
        subject['n'] += 1
        subject['kinds'][sample['kind']] = subject['kinds'].get(sample['kind'], 0) + 1
        if sample.get('problem'):
            subject['failed'] += 1
            subject['problems'].append(sample['problem'])
        for name, value in sample.get('values', {}).items():
            if value is not None:
                subject['values'].setdefault(name, []).append(value)
    for subjects in found.values():
        for subject in subjects.values():
            subject['measures'] = {name: {'n': len(v), 'min': min(v), 'median': median_of(v), 'max': max(v)}
                                   for name, v in subject.pop('values').items()}
    return found


def ratio(subjects, subject, reference, name):
    """The subject's median to the reference's, of the same run; None if there is no such pair."""
    ours = subjects[subject]['measures'].get(name)
    theirs = subjects.get(reference, {'measures': {}})['measures'].get(name)
    if not ours or not theirs or not theirs['median']:
        return None
    return ours['median'] / theirs['median']


def rows(found, reference):
    """(level, what, unit, better, subject, n, min, median, max, ratio) in the order of MEASURES."""
    for level, subjects in found.items():
        for name, (unit, what, better) in MEASURES.items():
            for subject, data in subjects.items():
                m = data['measures'].get(name)
                if m:
                    yield (level, what, unit, better, subject, m['n'], m['min'], m['median'], m['max'],
                           ratio(subjects, subject, reference, name))


def number(value):
    if value is None:
        return '-'
    if value >= 1000 or value == int(value):
        return f'{value:,.0f}'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def lines(found, reference):
    level = what = None
    for row in rows(found, reference):
        if row[0] != level:
            level, what = row[0], None
            yield from heading(level, found[level], reference)
        unit = f', {row[2]}' if row[2] else ''
        name = f'{row[1]}{unit}' if row[1] != what else ''
        what = row[1]
        cells = [name, row[4], str(row[5]), number(row[6]), number(row[7]), number(row[8]), '-' if row[9] is None else f'{row[9]:.2f}']
        yield f'{cells[0]:<58} {cells[1]:<16} {cells[2]:>3} {cells[3]:>9} {cells[4]:>9} {cells[5]:>9} {cells[6]:>6}'


def heading(level, subjects, reference):
    yield ''
    yield (f'{level}: ' + '; '.join(f"{name}: {s['n']} runs, {s['failed']} failed" for name, s in subjects.items()))
    for name, subject in subjects.items():
        for problem in sorted(set(subject['problems'])):
            yield f"  {name}, {subject['problems'].count(problem)} times: {problem}"
    yield ''
    yield f"{'what':<58} {'subject':<16} {'n':>3} {'min':>9} {'median':>9} {'max':>9} to {reference}"


def text(found, about, reference):
    head = [f'{key}: {value}' for key, value in about.items()]
    return '\n'.join(head + list(lines(found, reference))) + '\n'


def as_json(found, about, reference, samples):
    for subjects in found.values():
        for subject, data in subjects.items():
            for name, measure in data['measures'].items():
                measure['ratio'] = ratio(subjects, subject, reference, name)
                measure['unit'], measure['what'], measure['better'] = MEASURES.get(name, ('', name, ''))
    return json.dumps({'about': about, 'reference': reference, 'figures': found, 'samples': samples}, indent=1)
