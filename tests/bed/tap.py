# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reports a batch in the Test Anything Protocol, with a log per command; it runs nothing."""

import os
import re
import sys

import command as commands

TAIL = 40


class Report:
    def __init__(self, count, logs=None):
        self._logs, self._number, self.failed = logs, 0, 0
        self._text = b''
        print(f'TAP version 13\n1..{count}', flush=True)

    def sinks_for(self, item):
        self._text = b''

        def sink(data):
            self._text += data

        return sink, sink

    def ended(self, item):
        self._number += 1
        text = self._text.decode('utf-8', 'replace')
        if self._logs:
            os.makedirs(self._logs, exist_ok=True)
            with open(f"{self._logs}/{re.sub('[^A-Za-z0-9._-]', '-', item.name)}.log", 'wb') as f:
                f.write(self._text)
        note = ''
        if item.status == commands.SKIPPED:
            reason = re.search(r'\bSKIP(?:PED)?\b[:\s]+(.*)', text)
            note = f' # SKIP {reason.group(1) if reason else "no reason printed"}'
        good = item.status in (0, commands.SKIPPED)
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self._number} - {item.name}{note}")
        cost = f', CPU {item.cpu_seconds:.1f} s' if item.cpu_seconds else ''
        lost = f', interrupts lost by QEMU: {item.lost_interrupts}' if item.lost_interrupts else ''
        print(f'# {item.name}: status {item.status}, {item.seconds:.1f} s{cost}{lost}')
        for found in item.stood_still:
            print(f'# STOOD STILL: {item.name}: {found[0]}')
            print(''.join(f'#   {line}\n' for line in found[1:]), end='')
        if not good:
            for line in item.problem + text.splitlines()[-TAIL:]:
                print(f'#   {line}')
        sys.stdout.flush()
