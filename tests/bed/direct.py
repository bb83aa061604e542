# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs commands on the machine itself, for machines that have KVM: same limits, same streams, no emulated host."""

import os
import select
import signal
import subprocess
import time

import command as commands
import folder

GRACE = 3


def _signal(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def _follow(process, sinks, deadline):
    """Hands the streams on until the command has ended; returns whether it did so in time."""
    streams = {process.stdout: sinks[0], process.stderr: sinks[1]}
    while True:
        ready = select.select(list(streams), [], [], 0.05)[0]
        for stream in ready:
            data = os.read(stream.fileno(), 1 << 20)
            if data:
                streams[stream](data)
            else:
                del streams[stream]
        if process.poll() is not None and not ready:
            return True
        if time.monotonic() > deadline:
            return False


def run_one(item, options, environment, sinks):
    began = time.monotonic()
    try:
        process = subprocess.Popen(item.words, cwd=options.chdir, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True, preexec_fn=folder.die_with_parent)
    except OSError as e:
        sinks[1](f'{item.words[0]}: {e.strerror}\n'.encode())
        item.status = 127 if isinstance(e, FileNotFoundError) else 126
        return
    try:
        if not _follow(process, sinks, began + item.limit):
            _signal(process, signal.SIGTERM)
            _follow(process, sinks, time.monotonic() + GRACE)
            item.status = commands.TIMED_OUT
    finally:
        _signal(process, signal.SIGKILL)
        code = process.wait()
        process.stdout.close()
        process.stderr.close()
    if item.status is None:
        item.status = code if code >= 0 else 128 - code
    item.seconds = time.monotonic() - began


def run(todo, options, environment, sinks_for, ended):
    for item in todo:
        run_one(item, options, environment, sinks_for(item))
        ended(item)
