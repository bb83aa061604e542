# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks the emulator of a bed that stands still where it stands; it ends nothing, and hears no answer longer than a few seconds."""

import os
import time

from monitor import Monitor

# How long the kernel may take to print its panic after the NMI (unknown_nmi_panic).
PANIC = 3
QUESTIONS = ('info status', 'info registers', 'info lapic')
# Of an answer: the vector registers that follow say nothing about a bed that sleeps.
LINES = 30


def read(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read().strip()
    except OSError as e:
        return e.strerror


def threads(pid):
    """A line for each of the emulator's threads: what it waits for on this machine, and what it has used of its processors."""
    folder = f'/proc/{pid}/task'
    for number in sorted(os.listdir(folder), key=int):
        stat = read(f'{folder}/{number}/stat').rpartition(')')[2].split()
        state, ticks = (stat[0], f'{stat[11]}+{stat[12]}') if len(stat) > 12 else ('?', '?')
        yield (f'thread {number}: {read(f"{folder}/{number}/comm")}, {state}, {ticks} ticks, '
               f'{read(f"{folder}/{number}/wchan")}, system call {read(f"{folder}/{number}/syscall")}')


def findings(path, pid):
    """Lines about the emulated host: its emulator's threads, its processor and interrupt controller; an NMI then makes its kernel print where it is."""
    lines = []
    try:
        lines += threads(pid)
        monitor = Monitor(path)
        for question in QUESTIONS:
            lines += [f'{question}: {line.rstrip()}' for line in monitor.human(question)[:LINES]]
        monitor.ask('inject-nmi')
        monitor.close()
        time.sleep(PANIC)
    except (OSError, ValueError) as e:
        lines.append(f'QMP: {e}')
    return lines
