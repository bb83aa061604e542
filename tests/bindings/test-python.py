#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-python: the Python package over a hypervisor: the life of a sandbox, streams, events, asyncio, errors, closed handles.
Arguments: BUILD_DIR HYPERVISOR [TEST...]; the tests run in a child under -X dev -W error."""
import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

if __name__ == "__main__" and "KATA_TEST_CONFIG" not in os.environ:
    from place import Place
    Place(*sys.argv[1:3]).run(__file__, "-v", *sys.argv[3:])

import kata  # noqa: E402

CONFIG, STATE, ROOTFS, HYPERVISOR, DIRECTORY = (os.environ[f"KATA_TEST_{name}"] for name in ("CONFIG", "STATE", "ROOTFS", "HYPERVISOR", "DIR"))
NULL = HYPERVISOR == "null"
LONG = 120  # a guard, not a measure


def runtime(config=None, **more):
    if config is not None:
        path = os.path.join(DIRECTORY, f"{threading.get_ident()}.toml")
        with open(path, "w", encoding="ascii") as f:
            f.write(config)
        more["config_path"] = path
    return kata.Runtime(**{"config_path": CONFIG, "state_dir": STATE, "hypervisor": HYPERVISOR, **more})


class Life(unittest.TestCase):
    """The whole life of one sandbox: the same steps as tests/lifecycle/life.c and the Go package's."""

    def test_life(self):
        with runtime() as r, r.create_sandbox(id="py-life") as sandbox:
            self.assertEqual(sandbox.state, kata.State.CREATED)
            sandbox.start(LONG)
            self.assertEqual((sandbox.id, sandbox.state, r.list_sandboxes()), ("py-life", kata.State.RUNNING, ["py-life"]))
            container = sandbox.create_container(id="c1", rootfs=ROOTFS, args=["sh", "-c", "echo out; echo err >&2; sleep 1000"], timeout=LONG)
            self.assertEqual(container.state, kata.State.CREATED)
            container.start(LONG)
            self.assertEqual(container.process.stdout.read_some(), b"out\n")
            self.assertEqual(container.process.stderr.read_some(timeout=LONG), b"err\n")
            self.execute(container)
            self.watch(container)
            self.second(sandbox)
            if NULL:
                self.disks(sandbox)
            sandbox.pause(LONG)
            self.assertEqual(sandbox.state, kata.State.PAUSED)
            sandbox.resume(LONG)
            container.pause(LONG)
            container.resume(LONG)
            self.elsewhere(r, sandbox)
            container.process.signal(signal.SIGKILL, LONG)
            self.assertEqual(container.process.wait(LONG), 137)
            self.assertEqual(container.state, kata.State.STOPPED)
            with self.assertRaises(kata.NotFoundError):
                container.process.signal(signal.SIGTERM)
            container.delete(timeout=LONG)
            with self.assertRaises(kata.NotFoundError):
                container.start()
            container.close()
            sandbox.stop(LONG)
            self.assertEqual(sandbox.state, kata.State.STOPPED)
            sandbox.delete()
            with self.assertRaises(kata.NotFoundError):
                sandbox.start()
            self.assertEqual(r.list_sandboxes(), [])

    def test_host_devices(self):
        if not NULL:
            self.skipTest("over null only")
        with runtime() as r:
            with self.assertRaises(kata.UnsupportedError) as caught:
                r.create_sandbox(id="py-vfio", host_devices=["0000:01:00.0"])
            self.assertIn("no real guest", str(caught.exception))
            with self.assertRaises(ValueError):
                r.create_sandbox(id="py-vfio", host_devices=["01:00.0\0"])

    def test_first_container(self):
        nodes = [n for n in map("/dev/".__add__, os.listdir("/sys/class/block")) if os.path.exists(n)]
        if not NULL or not nodes:
            self.skipTest("over null only, where there is a block device in /dev")
        device, first = os.stat(nodes[0]).st_rdev, {"rootfs": ROOTFS, "args": ["cat"], "volumes": [kata.Volume(nodes[0], "/disk", readonly=True)]}
        with runtime() as r:
            disks = r.plan_sandbox(first_container=first)["plan"]["disks"]
            self.assertEqual([d["id"] for d in disks], [f"kata-b-{os.major(device)}-{os.minor(device)}"])
            first = {"rootfs": nodes[0], "rootfs_options": ["noatime,ro"], "args": ["cat"]}
            with self.assertRaises(kata.InvalidError) as caught:
                r.plan_sandbox(first_container=first)
            self.assertIn("rootfs_options", str(caught.exception))
            with self.assertRaises(TypeError):
                r.plan_sandbox(first_container={"nonesuch": 1})

    def disks(self, sandbox):
        disk = kata.Disk("data", CONFIG, readonly=True)
        sandbox.add_disk(disk, LONG)
        self.assertIn("data", [found["id"] for found in sandbox.inspect()["plan"]["disks"]])
        with self.assertRaises(kata.ExistsError):
            sandbox.add_disk(disk)
        with self.assertRaises(kata.InvalidError):
            sandbox.add_disk(kata.Disk("No", CONFIG))
        sandbox.remove_disk("data", LONG)
        with self.assertRaises(kata.NotFoundError):
            sandbox.remove_disk("data")
        with self.assertRaises(kata.UnsupportedError) as caught:
            sandbox.add_host_device("0000:01:00.0", LONG)
        self.assertIn("hot_plug_vfio", str(caught.exception))
        with self.assertRaises(kata.InvalidError):
            sandbox.add_host_device("nvme0", LONG)
        with self.assertRaises(ValueError):
            sandbox.add_host_device("01:00.0\0")
        with self.assertRaises(kata.NotFoundError):
            sandbox.remove_host_device("0000:01:00.0", LONG)

    @unittest.skipUnless(NULL, "QEMU's machine of the build folder has no room")
    def test_resize(self):
        room = "[hypervisor.null]\ndefault_vcpus = 1\ndefault_memory = 256\ndefault_maxvcpus = 4\ndefault_maxmemory = 1000\n"
        with runtime(room) as r, r.create_sandbox() as sandbox:
            self.assertRaises(kata.StateError, sandbox.resize, 2)
            sandbox.start(LONG)
            size = sandbox.resize(timeout=LONG)
            self.assertEqual((size.vcpus, size.max_vcpus, size.memory_mib), (1, 4, 256))
            size = sandbox.resize(2, 300, LONG)
            self.assertEqual((size.vcpus, size.memory_mib), (2, 384))
            self.assertEqual(sandbox.resize(), size)
            self.assertRaises(kata.LimitError, sandbox.resize, 5)

    @unittest.skipUnless(NULL, "QEMU has no snapshots here")
    def test_snapshot(self):
        directory = os.path.join(DIRECTORY, "snapshot")
        os.mkdir(directory, 0o700)
        made = {"disks": [kata.Disk("root", CONFIG, readonly=True)]}
        with runtime('[hypervisor.null]\nshared_fs = "none"\n') as r:
            with r.create_sandbox(id="py-kept", **made) as sandbox:
                sandbox.start(LONG)
                sandbox.create_container(id="c", rootfs_disk="root", args=["cat"], timeout=LONG).start(LONG)
                self.assertRaises(kata.StateError, sandbox.snapshot, directory, LONG)
                sandbox.pause(LONG)
                sandbox.snapshot(directory, LONG)
                self.assertRaises(ValueError, sandbox.snapshot, "a\0b")
                self.assertRaises(kata.ExistsError, r.restore_sandbox, directory, id="py-kept", **made)
                sandbox.delete(force=True)
            self.assertRaises(kata.KataError, r.restore_sandbox, directory, id="py-kept")  # without its disk
            with r.restore_sandbox(directory, id="py-kept", timeout=LONG, **made) as sandbox:
                self.assertEqual((sandbox.state, sandbox.list_containers()), (kata.State.PAUSED, ["c"]))
                sandbox.resume(LONG)
                with sandbox.open_container("c") as container:
                    self.assertEqual(container.state, kata.State.RUNNING)

    def execute(self, container):
        with container.exec(["cat"], timeout=LONG) as process:
            self.assertNotEqual(process.id, "")
            out = io.BufferedReader(process.stdout)
            process.stdin.write(b"one line\nand ")
            self.assertEqual(out.readline(), b"one line\n")
            process.stdin.write(memoryview(b"the rest"))
            process.stdin.close()
            self.assertEqual(out.read(), b"and the rest")
            self.assertEqual(process.wait(LONG), 0)
            self.assertTrue(process.stdin.closed)
        big = bytes(range(251)) * 1000
        with container.exec(["cat"], timeout=LONG) as process:
            self.assertEqual(process.communicate(big, LONG), (big, b""))
        with container.exec(["sh", "-c", "exit 7"], timeout=LONG) as process:
            self.assertEqual((process.communicate(timeout=LONG), process.wait()), ((b"", b""), 7))

    def watch(self, container):
        with self.assertRaises(kata.TimedOutError) as caught:
            container.process.wait(0)
        self.assertIsInstance(caught.exception, TimeoutError)
        self.assertEqual((caught.exception.code, caught.exception.name), (-9, "timeout"))
        stats = container.stats(LONG)
        self.assertTrue(stats.cpu_total_ns and stats.memory_bytes and stats.pids)
        container.update({"memory": {"limit": 67108864}}, LONG)

    def second(self, sandbox):
        volume = kata.Volume(os.path.join(DIRECTORY, "volume"), "/mnt" if not NULL else "/data", readonly=True)
        os.makedirs(volume.source, exist_ok=True)
        with sandbox.create_container(id="c2", rootfs=ROOTFS, args=["sleep", "1000"], env=["A=b"], volumes=[volume], timeout=LONG) as second:
            second.start(LONG)
            self.assertEqual(sandbox.list_containers(), ["c1", "c2"])
        self.assertEqual(sandbox.list_containers(), ["c1"])

    def elsewhere(self, r, sandbox):
        """Another handle, another runtime, another process."""
        with r.open_sandbox(sandbox.id) as other, other.open_container("c1") as same:
            self.assertEqual(same.state, kata.State.RUNNING)
            with same.exec(["echo", "again"], timeout=LONG) as process:
                self.assertEqual(process.communicate(timeout=LONG)[0], b"again\n")
        self.assertEqual(sandbox.state, kata.State.RUNNING)  # only the handle was closed
        program = ("import kata, os\nwith kata.Runtime(config_path=os.environ['KATA_TEST_CONFIG'], state_dir=os.environ['KATA_TEST_STATE']) as r:\n"
                   " with r.open_sandbox('py-life') as s, s.open_container('c1') as c, c.exec(['echo', 'from afar']) as p:\n"
                   "  print(int(s.state), p.communicate()[0])")
        answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LONG, check=True).stdout
        self.assertEqual(answer, "2 b'from afar\\n'\n")

    def test_asyncio(self):
        asyncio.run(self.asynchronous())

    async def asynchronous(self):
        with runtime() as r, r.create_sandbox() as sandbox:
            seen = []

            async def follow():
                async for event in kata.aio.events(sandbox):
                    seen.append(event)

            sandbox.fileno()
            follower = asyncio.ensure_future(follow())
            await kata.aio.call(sandbox.start, LONG)
            container = await kata.aio.call(sandbox.create_container, id="c1", rootfs=ROOTFS, args=["sh", "-c", "cat; exit 4"], timeout=LONG)
            await kata.aio.call(container.start, LONG)
            process, threads = container.process, threading.active_count()
            # Cancelled waits and reads end at once, leave no thread and lose nothing.
            for waiting in (kata.aio.wait(process), kata.aio.read(process.stdout)):
                task = asyncio.ensure_future(waiting)
                await asyncio.sleep(0.05)
                self.assertFalse(task.done())
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
            self.settled(threads)
            # Nor do they end another task's on the same handle.
            others = [asyncio.ensure_future(w) for w in (kata.aio.wait(process), kata.aio.read(process.stderr))]
            for _ in range(10):
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(kata.aio.read(process.stdout), 0.01)
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(kata.aio.wait(process), 0.01)
            self.assertFalse(any(task.done() for task in others))
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self.settled(threads)
            with self.assertRaises(kata.TimedOutError):
                await kata.aio.wait(process, 0.01)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(kata.aio.read(process.stderr), 0.05)
            big = b"0123456789" * 20000
            self.assertEqual(await kata.aio.communicate(process, big), (big, b""))
            self.assertEqual(await kata.aio.wait(process), 4)
            container.close()
            await kata.aio.call(sandbox.stop, 0)
            await asyncio.wait_for(follower, LONG)
        exits = [e for e in seen if e.type == kata.EventType.CONTAINER_EXIT]
        self.assertEqual([(e.container_id, e.exit_status, e.state) for e in exits], [("c1", 4, None)])
        self.assertEqual(seen[-1].state, kata.State.STOPPED)

    def settled(self, threads):
        until = time.monotonic() + 10
        while threading.active_count() > threads and time.monotonic() < until:
            time.sleep(0.01)
        self.assertLessEqual(threading.active_count(), threads)


@unittest.skipUnless(NULL, "a guest is not needed for these")
class Parts(unittest.TestCase):
    """What can go wrong, and what is only said."""

    def container(self, sandbox, *command):
        container = sandbox.create_container(rootfs=ROOTFS, args=list(command))
        container.start()
        return container

    def catch(self, function):
        try:
            return function()
        except kata.KataError as error:
            return error

    def boots(self, config, hypervisor="null"):
        with runtime(config, hypervisor=hypervisor) as r, r.create_sandbox() as sandbox:
            sandbox.start(30)

    def test_closed(self):
        with runtime() as r:
            sandbox = r.create_sandbox(id="py-closed")
            sandbox.close()
            sandbox.close()
            with r.open_sandbox("py-closed") as again:
                again.delete()
            self.assertTrue(sandbox.closed)
            with self.assertRaises(kata.ClosedError) as caught:
                sandbox.start()
            self.assertEqual((caught.exception.code, caught.exception.name), (kata.StateError.code, "state"))

    def test_arguments(self):
        with runtime() as r:
            self.assertRaises(ValueError, r.create_sandbox, id="a\0b")
            self.assertRaises(TypeError, r.create_sandbox, dns="one string")
            with r.create_sandbox() as sandbox:
                sandbox.start()
                self.assertRaises(ValueError, sandbox.stop, -1)
                self.assertRaises(ValueError, sandbox.stop, float("nan"))
                with self.container(sandbox, "cat") as c:
                    self.assertRaises(kata.InvalidError, c.process.signal, 99)
                    self.assertRaises(kata.StateError, c.process.resize, 10, 10)
                    self.assertEqual(c.process.stdout.readinto(bytearray()), 0)
                    c.process.stdout.close()
                    self.assertRaises(ValueError, c.process.stdout.read, 1)

    def test_closing_while_a_call_waits(self):
        with runtime() as r, r.create_sandbox() as sandbox:
            sandbox.start()
            container = self.container(sandbox, "cat")
            process, found = container.process, []
            thread = threading.Thread(target=lambda: found.append(self.catch(process.wait)))
            thread.start()
            time.sleep(0.05)
            container.close()  # the call keeps what it needs
            self.assertRaises(kata.ClosedError, process.wait)
            with sandbox.open_container() as again:
                again.process.stdin.close()
            thread.join()
            # On a busy machine it may not have begun when the handle was closed.
            self.assertTrue(found[0] == 0 or isinstance(found[0], kata.ClosedError), found)

    def test_events(self):
        with runtime() as r, r.create_sandbox() as sandbox:
            sandbox.fileno()
            self.assertIsNone(sandbox.next_event(0))
            sandbox.start()
            for n in range(20):
                with self.container(sandbox, "sh", "-c", f"exit {n}") as c:
                    self.assertEqual(c.process.wait(), n)
            sandbox.stop(0)
            seen = list(sandbox.events())
        self.assertEqual([e.exit_status for e in seen if e.type == kata.EventType.CONTAINER_EXIT], list(range(20)))

    def test_log_and_reports(self):
        lines = []
        with runtime(log=lambda level, line: lines.append((level, line)), log_level=kata.LogLevel.DEBUG) as r:
            self.assertIn("null", r.list_hypervisors())
            self.assertEqual((r.state_dir, r.hypervisor[0]), (STATE, "null"))
            with r.open_hypervisor("null") as null:
                self.assertTrue(null.has("pause"))
                self.assertIn("no real guest", null.reason("vfio"))
                self.assertRaises(kata.InvalidError, null.has, "levitation")
                self.assertEqual(null.describe()["name"], "null")
            self.assertIn("null", [row["name"] for row in r.recommend_hypervisor(["pause"])])
            self.assertIn("backend", r.plan_sandbox(vcpus=2))
            self.assertTrue(r.check() and r.describe())
            self.boots("")
            with r.create_sandbox() as sandbox:
                sandbox.start()
                self.assertEqual(sandbox.inspect()["id"], sandbox.id)
            self.assertEqual(r.recover(), 0)
        self.assertTrue(all(isinstance(level, kata.LogLevel) and line for level, line in lines))
        placement = kata.read_placement({"ociVersion": "1.0.2", "process": {"terminal": True, "cwd": "/", "args": ["x"]}, "root": {"path": "r"}}, "c7")
        self.assertEqual((placement.role, placement.terminal, placement.sandbox_id), (kata.Role.SINGLE, True, "c7"))

    def test_backends(self):
        faulty = os.environ["KATA_TEST_FAULTY"]
        with runtime() as r:
            self.assertRaises(kata.NotFoundError, r.load_backend, os.path.join(DIRECTORY, "nothing.so"))
            self.assertRaises(kata.InvalidError, r.load_backend, CONFIG)
            self.assertRaises(kata.InvalidError, r.load_backend, "faulty-backend.so")
            r.load_backend(faulty)
            self.assertRaises(kata.ExistsError, r.load_backend, faulty)
            self.assertIn("faulty", r.list_hypervisors())
            with r.open_hypervisor("faulty") as hypervisor:
                self.assertEqual(hypervisor.name, "faulty")

    def test_detach(self):
        with runtime() as r:
            with r.create_sandbox(id="py-kept") as sandbox:
                sandbox.detach()
            with r.open_sandbox("py-kept") as sandbox:
                self.assertEqual(sandbox.state, kata.State.CREATED)
            self.assertEqual(r.list_sandboxes(), ["py-kept"])
            with r.open_sandbox("py-kept") as sandbox:
                sandbox.delete(force=True)

    def test_cancelled_write(self):
        asyncio.run(self.cancelled_write())

    async def cancelled_write(self):
        with runtime() as r, r.create_sandbox() as sandbox:
            sandbox.start()
            with self.container(sandbox, "sleep", "1000") as c:
                writing = asyncio.ensure_future(kata.aio.write(c.process, bytes(8 << 20)))
                await asyncio.sleep(0.05)
                writing.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await writing

    def test_interrupted_by_a_signal(self):
        program = ("import kata, os, signal, sys\n"
                   "with kata.Runtime(config_path=os.environ['KATA_TEST_CONFIG'], state_dir=os.environ['KATA_TEST_STATE'], hypervisor='null') as r:\n"
                   " with r.create_sandbox() as s:\n"
                   "  s.start()\n"
                   "  with s.create_container(rootfs=os.environ['KATA_TEST_ROOTFS'], args=['sleep', '1000']) as c:\n"
                   "   c.start()\n"
                   "   call = {'wait': c.process.wait, 'write': lambda: c.process.write(bytes(8 << 20))}[sys.argv[1]]\n"
                   "   try:\n    print('ready', flush=True)\n    call()\n"
                   "   except KeyboardInterrupt:\n    print('interrupted', r.list_sandboxes() != [])\n")
        for call in ("wait", "write"):
            with subprocess.Popen([sys.executable, "-c", program, call], stdout=subprocess.PIPE, text=True) as child:
                self.assertEqual(child.stdout.readline(), "ready\n")
                time.sleep(0.1)
                child.send_signal(signal.SIGINT)
                self.assertEqual(child.stdout.read(), "interrupted True\n")
                self.assertEqual(child.wait(), 0)

    def test_import_says_what_is_wrong(self):
        for library, words in (("/nonexistent/libkata.so.0", "cannot be loaded"), ("libc.so.6", "is not libkata")):
            env = dict(os.environ, LIBKATA=library)
            result = subprocess.run([sys.executable, "-c", "import kata"], env=env, capture_output=True, text=True, check=False)
            self.assertIn("ImportError", result.stderr)
            self.assertIn(words, result.stderr)

    def test_program(self):
        result = subprocess.run([sys.executable, "-m", "kata", "run", "--config", CONFIG, "--state-dir", STATE, "--hypervisor", "null", ROOTFS,
                                 "sh", "-c", "echo hello; echo err >&2; exit 6"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (6, b"hello\n", b"err\n"))


if __name__ == "__main__":
    unittest.main()
