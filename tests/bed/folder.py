# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bed's temporary folder and the small process that removes it, whatever becomes of the runner; it knows nothing of guests."""

import ctypes
import glob
import os
import shutil
import signal
import tempfile
import time

PREFIX = 'libkata-bed-'
PR_SET_PDEATHSIG = 1


def die_with_parent(number=signal.SIGKILL):
    """For a child between fork and exec: it gets this signal when the thread that made it ends, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def sweep():
    """Removes folders whose runner and remover were both killed."""
    for path in glob.glob(f'{tempfile.gettempdir()}/{PREFIX}*'):
        owner = os.path.basename(path)[len(PREFIX):].split('-')[0]
        if owner.isdigit() and not os.path.exists(f'/proc/{owner}'):
            shutil.rmtree(path, ignore_errors=True)


class Folder:
    """A context: the folder's path. A second process holds a pipe to this one and removes the folder when that closes."""

    def __enter__(self):
        sweep()
        self.path = tempfile.mkdtemp(prefix=f'{PREFIX}{os.getpid()}-')
        reader, self._writer = os.pipe()
        self._remover = os.fork()
        if self._remover == 0:
            self._remove_later(reader)
        os.close(reader)
        return self.path

    def __exit__(self, *_):
        os.close(self._writer)
        os.waitpid(self._remover, 0)

    def _remove_later(self, reader):
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            os.close(self._writer)
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            os.read(reader, 1)
            # QEMU gets its signal at the same moment as the pipe closes and may still write for a little.
            for _ in range(50):
                shutil.rmtree(self.path, ignore_errors=True)
                if not os.path.exists(self.path):
                    break
                time.sleep(0.1)
        finally:
            os._exit(0)
