# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wakes an emulated host that sleeps over an interrupt which QEMU has lost (README.md, "What was learned"); it does not disturb one that works."""

import time

from monitor import Monitor

# Seconds between two looks, and how many of the processor's between them are those of a host that does nothing.
INTERVAL, IDLE = 1.0, 0.02


class Nudge:
    def __init__(self, emulator, monitor):
        self._emulator, self._monitor = emulator, monitor
        self._looked, self._cost = time.monotonic(), 0.0
        # How many interrupts were lost so far.
        self.lost = 0

    def look(self):
        """To be called often. A sleeping host gets a key pressed: any interrupt makes QEMU look at its interrupt controller again."""
        now = time.monotonic()
        if now - self._looked < INTERVAL:
            return
        cost = self._emulator.cpu_seconds()
        if cost - self._cost < IDLE:
            self._press()
        self._looked, self._cost = time.monotonic(), self._emulator.cpu_seconds()

    def _press(self):
        try:
            monitor = Monitor(self._monitor)
            self.lost += any(line.startswith('IRR') and '(none)' not in line for line in monitor.human('info lapic'))
            monitor.ask('send-key', keys=[{'type': 'qcode', 'data': 'shift'}])
            monitor.close()
        except (OSError, ValueError):
            pass  # QEMU is about to end, or somebody else talks to it
