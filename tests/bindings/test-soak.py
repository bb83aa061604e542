#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-soak: many objects from Python over the null backend, one after the other and from 64 threads at once: constant memory and descriptors, no
deadlock, no lost event. Arguments: BUILD_DIR [CYCLES [SECONDS]]; 10000 and 60 are what a release is tried with. Runs under -X dev -W error."""
import os
import sys
import threading
import time

if __name__ == "__main__" and "KATA_TEST_CONFIG" not in os.environ:
    from place import Place
    Place(sys.argv[1]).run(__file__, *sys.argv[2:])

import kata  # noqa: E402

CONFIG, STATE, ROOTFS = (os.environ[f"KATA_TEST_{name}"] for name in ("CONFIG", "STATE", "ROOTFS"))
LONG = 120


def runtime():
    return kata.Runtime(config_path=CONFIG, state_dir=STATE, hypervisor="null", log=lambda level, line: None)


def cycle():
    """One of each object, made, used and let go."""
    with runtime() as r, r.create_sandbox() as sandbox:
        sandbox.start()
        sandbox.fileno()
        with sandbox.create_container(rootfs=ROOTFS, args=["sh", "-c", "echo x; exit 5"]) as container:
            container.start()
            assert container.process.communicate() == (b"x\n", b"")
            assert container.process.wait() == 5
            assert sandbox.next_event(LONG) is not None
        try:
            r.open_sandbox("nothing")
        except kata.NotFoundError:
            pass


def memory():
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def cycles(n):
    for _ in range(n // 10 + 20):  # free lists fill
        cycle()
    before, threads, most, sums = descriptors(), threading.active_count(), 0, [0, 0]
    for i in range(n):
        cycle()
        sums[2 * i // n] += memory()
        most = max(most, descriptors())
    first, second = sums[0] // (n // 2), sums[1] // (n - n // 2)
    print(f"{n} cycles: RSS {first} KiB, then {second}; descriptors {before}, at most {most}", flush=True)
    # A thousand bytes lost in each cycle would show.
    return second - first <= 1024 + n // 4 and most <= before + 2 and threading.active_count() <= threads


class Crowd:
    """64 threads, 16 sandboxes; each end of a container must come as an event."""

    def __init__(self, seconds):
        self.seconds, self.until, self.made, self.seen, self.lock, self.faults = seconds, 0.0, 0, 0, threading.Lock(), []

    def guarded(self, body, *arguments):
        try:
            body(*arguments)
        except BaseException as error:  # pylint: disable=broad-except
            self.faults.append(repr(error))

    def use(self, sandbox):
        """At least once, however busy the machine is."""
        mine = 0
        while (mine == 0 or time.monotonic() < self.until) and not self.faults:
            with sandbox.create_container(rootfs=ROOTFS, args=["cat"]) as container:
                container.start()
                container.process.write(b"there and back", LONG)
                assert container.process.stdout.read_some() == b"there and back"
                container.process.close_stdin()
                assert container.process.wait() == 0
                assert container.state == kata.State.STOPPED
                container.delete()
            mine += 1
            with self.lock:
                self.made += 1

    def watch(self, sandbox):
        n = sum(event.type == kata.EventType.CONTAINER_EXIT for event in sandbox.events())
        with self.lock:
            self.seen += n

    def run(self):
        with runtime() as r:
            sandboxes = [r.create_sandbox(id=f"py-crowd-{i}") for i in range(16)]
            for sandbox in sandboxes:
                sandbox.start(LONG)
                sandbox.fileno()
            self.until = time.monotonic() + self.seconds
            watchers = [threading.Thread(target=self.guarded, args=(self.watch, s)) for s in sandboxes]
            users = [threading.Thread(target=self.guarded, args=(self.use, s)) for s in sandboxes for _ in range(4)]
            for thread in watchers + users:
                thread.start()
            for thread in users:
                thread.join()
            for sandbox in sandboxes:
                sandbox.stop(LONG)
            for thread in watchers:
                thread.join()
            for sandbox in sandboxes:
                sandbox.delete()
                sandbox.close()
        print(f"{self.made} containers, {self.seen} ends seen", *self.faults[:5], sep="\n", flush=True)
        return not self.faults and self.made == self.seen and self.made > 0


if __name__ == "__main__":
    good = cycles(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
    good = Crowd(float(sys.argv[2]) if len(sys.argv) > 2 else 5).run() and good
    sys.exit(0 if good else 1)
