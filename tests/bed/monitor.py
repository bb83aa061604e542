# SPDX-License-Identifier: LGPL-2.1-or-later
"""A connection to QEMU's QMP; it hears no answer longer than a few seconds. QEMU serves one at a time."""

import json
import socket

# Seconds, each answer's.
LIMIT = 5


class Monitor:
    """QEMU's QMP, as far as one needs it to ask the human monitor."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LIMIT)
        self._socket.connect(path)
        self._file = self._socket.makefile('rw')
        self._file.readline()
        self.ask('qmp_capabilities')

    def ask(self, command, **arguments):
        self._file.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
        self._file.flush()
        while line := self._file.readline():
            answer = json.loads(line)
            if 'event' not in answer:
                return answer.get('return', answer.get('error'))
        return 'no answer'

    def human(self, line):
        return str(self.ask('human-monitor-command', **{'command-line': line})).splitlines()

    def close(self):
        self._file.close()
        self._socket.close()
