# SPDX-License-Identifier: LGPL-2.1-or-later
"""One command of a bed: its words, limit and environment, how it is written as a script, and what became of it; it runs nothing."""

import os
import shlex

TIMED_OUT = 124
BED_DIED = 125
SKIPPED = 77
# What a command sees of the caller's environment, besides what is asked for with --env.
PASSED = ('PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TERM', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'CK_RUN_CASE', 'CK_RUN_SUITE',
          'CK_FORK', 'KATA_DEBUG')


class Command:
    def __init__(self, words, limit, name=''):
        self.words, self.limit = words, limit
        self.name = name or os.path.basename(words[0])
        self.status = None
        self.problem = []
        # What was found each time the bed stood still under it; `problem` is about its end.
        self.stood_still = []
        # The latter is what the emulation cost this machine meanwhile; 0 = not known.
        self.seconds = self.cpu_seconds = 0.0
        # How often QEMU lost an interrupt meanwhile, and the host was woken.
        self.lost_interrupts = 0

    def script(self, cwd, environment):
        settings = ' '.join(shlex.quote(f'{k}={v}') for k, v in sorted(environment.items()))
        return (f'cd {shlex.quote(cwd)} || exit 126\n'
                f'exec env -i {settings} {shlex.join(self.words)}\n')


def environment(extra):
    """The environment for commands: some of the caller's, KATA_BED=1, and `extra` (NAME or NAME=VALUE)."""
    env = {k: os.environ[k] for k in PASSED if k in os.environ}
    env.setdefault('PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
    env['KATA_BED'] = '1'
    for item in extra:
        name, equals, value = item.partition('=')
        if equals:
            env[name] = value
        elif name in os.environ:
            env[name] = os.environ[name]
    return env


def read_batch(path, default_limit):
    """Commands from a file: a line `NAME SECONDS WORD...` in shell quoting each; '-' for SECONDS is the default; # begins a comment."""
    commands = []
    with open(path, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            words = shlex.split(line, comments=True)
            if not words:
                continue
            try:
                commands.append(Command(words[2:], default_limit if words[1] == '-' else float(words[1]), words[0]))
            except (IndexError, ValueError):
                raise ValueError(f'{path}:{number}: not of the form NAME SECONDS COMMAND...')
    return commands
