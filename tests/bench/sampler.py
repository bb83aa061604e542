# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks at processes' memory again and again while something else goes on, and keeps the most; it also looks once and names the parts."""

import threading

import probe


class Sampler:
    """with Sampler(pids, ram) as s: …; then s.most: the largest PSS in KiB, and s.parts of that moment."""

    def __init__(self, pids, ram_kib, every=0.3):
        self.pids, self.ram, self.every = pids, ram_kib, every
        self.most, self.parts = 0, {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _look(self):
        seen = probe.memory(self.pids, self.ram)
        if seen['pss'] > self.most:
            self.most, self.parts = seen['pss'], seen['parts']

    def _run(self):
        while not self._over.wait(self.every):
            self._look()

    def __enter__(self):
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        if _[0] is None:
            self._look()
