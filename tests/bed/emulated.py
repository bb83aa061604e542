# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs commands inside the emulated host: one boot for as many as survive it, another one for those after its end."""

import os
import shlex
import shutil
import time

import artifacts
import autopsy
import command as commands
import emulator
import folder
import nudge

BOOT_LIMIT = 300
# How long the bed may take to begin with the next command.
NEXT_LIMIT = 120
# How long after its own limit a command may take to be killed inside before the whole bed counts as hung.
GRACE = 40
# How long nothing may be heard of the emulated host, which writes a line each 10 s of its own time; with --icount that time is slower than the clock.
SILENCE, SILENCE_COUNTED = 120, 600
# If a command could not be ended either, this much is enough.
SILENCE_AT_END = 30
# How often a command of a batch is begun again because the bed, not the command, stood still.
AGAIN = 1
POLL = 0.02
# Of a lost bed's console so many last lines are shown: if its shared folders alone stood still, they say where each task waited.
CONSOLE = 200


class Follower:
    """Hands on what is appended to a file."""

    def __init__(self, path, sink):
        self._path, self._sink, self._file = path, sink, None

    def pull(self):
        if self._file is None:
            try:
                self._file = open(self._path, 'rb')
            except FileNotFoundError:
                return
        while data := self._file.read(1 << 20):
            self._sink(data)

    def close(self):
        self.pull()
        if self._file:
            self._file.close()


def write(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def tail(path, lines):
    try:
        with open(path, 'rb') as f:
            return [line.rstrip() for line in f.read()[-16384:].decode('utf-8', 'replace').splitlines()[-lines:]]
    except OSError:
        return []


class Heart:
    """How long the emulated host has not written its line; before its first one it is not judged."""

    def __init__(self, path):
        self._path, self._last, self._since = path, None, 0.0

    def silence(self):
        try:
            last = os.stat(self._path).st_mtime_ns
        except OSError:
            return 0.0
        now = time.monotonic()
        if last != self._last:
            self._last, self._since = last, now
        return now - self._since


def setup(options, known):
    """What the session does before the first command: modules for modprobe, shared folders."""
    modules = f"/lib/modules/{known['release']}"
    lines = [f'mkdir -p {modules}', f"mount --bind {shlex.quote(known['modules'])} {modules}"]
    for number, path in enumerate(options.share, 2):
        lines.append(f'mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=mmap share{number} {shlex.quote(path)}')
    return '\n'.join(lines + options.setup) + '\n'


class Boot:
    """One start of the emulated host and the commands given to it."""

    def __init__(self, path, options, known, todo, environment):
        self.path, self.control, self.console, self.monitor = path, f'{path}/control', f'{path}/console', f'{path}/qmp'
        os.mkdir(self.control)
        shutil.copyfile(f'{artifacts.HERE}/session.sh', f'{self.control}/session')
        write(f'{self.control}/setup', setup(options, known))
        for number, item in enumerate(todo):
            os.mkdir(self._folder(number))
            write(f'{self._folder(number)}/script', item.script(options.chdir, environment))
            write(f'{self._folder(number)}/limit', f'{item.limit:g}\n')
            for name in ('out', 'err'):
                write(f'{self._folder(number)}/{name}', '')
        self.heart = Heart(f'{self.control}/beat')
        self.silence = options.silence or (SILENCE if options.icount is None else SILENCE_COUNTED)
        self.emulator = emulator.Emulator(emulator.arguments(options, known, self.control, self.console, self.monitor), f'{path}/qemu.log')
        self.nudge = nudge.Nudge(self.emulator, self.monitor)

    def _folder(self, number):
        return f'{self.control}/{number:04}'

    def _wait(self, path, limit, pull=lambda: None):
        """Whether the file came before the limit, and before the bed died or stood still."""
        deadline = time.monotonic() + limit
        while not os.path.exists(path):
            pull()
            if not self.emulator.alive():
                return os.path.exists(path)
            if time.monotonic() > deadline or self.heart.silence() > self.silence:
                return False
            self.nudge.look()
            time.sleep(POLL)
        return True

    def follow(self, number, item, sinks):
        """Waits for a command's end; returns whether the bed is good for another one."""
        place = self._folder(number)
        if not self._wait(f'{place}/started', BOOT_LIMIT if number == 0 else NEXT_LIMIT):
            self._lost(item, 'did not start the command')
            return False
        began, cost, lost = time.monotonic(), self.emulator.cpu_seconds(), self.nudge.lost
        streams = [Follower(f'{place}/out', sinks[0]), Follower(f'{place}/err', sinks[1])]
        ended = self._wait(f'{place}/status', item.limit + GRACE, lambda: [s.pull() for s in streams])
        for stream in streams:
            stream.close()
        item.seconds = time.monotonic() - began
        item.cpu_seconds = max(0.0, self.emulator.cpu_seconds() - cost)
        item.lost_interrupts = self.nudge.lost - lost
        if ended:
            with open(f'{place}/status', encoding='utf-8') as f:
                item.status = int(f.read())
        else:
            self._lost(item, 'could not end the command')
        if os.path.exists(f'{place}/timed-out'):
            item.status = commands.TIMED_OUT
        return ended

    def _lost(self, item, how):
        alive = self.emulator.alive()
        still = alive and self.heart.silence() > min(self.silence, SILENCE_AT_END)
        item.status = commands.BED_DIED
        item.problem = ['the bed ' + ('stood still' if still else how if alive else 'died')] + (autopsy.findings(self.monitor, self.emulator.pid) if alive else [])
        item.problem += [f'qemu: {x}' for x in tail(f'{self.path}/qemu.log', 10) if 'TCG doesn' not in x]
        item.problem += [f'console: {x}' for x in tail(self.console, CONSOLE)]
        item.problem += [f'session: {x}' for x in tail(f'{self.control}/session.log', 5)]
        if still:
            item.stood_still.append(item.problem)

    def end(self):
        self.emulator.end()


def run(todo, options, environment, sinks_for, ended):
    """Runs each command; `sinks_for(command)` gives where its two streams go, `ended(command)` hears of its end.
    A command of a batch under which the emulated host itself stood still says nothing about the command: it is begun again, which the report tells."""
    known = artifacts.prepare(options.cache)
    while todo:
        with folder.Folder() as path:
            boot = Boot(path, options, known, todo, environment)
            try:
                for number, item in enumerate(todo):
                    times = len(item.stood_still)
                    good = boot.follow(number, item, sinks_for(item))
                    again = options.batch and times < len(item.stood_still) <= AGAIN
                    if not again:
                        ended(item)
                    if not good:
                        break
            finally:
                boot.end()
                if options.keep:
                    shutil.copytree(path, options.keep, dirs_exist_ok=True)
        todo = todo[number if again else number + 1:]
