#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-errors: every error class of the Python package, brought about; the table is that of tests/lifecycle/test-errors.c and the Go package's.
Arguments: BUILD_DIR HYPERVISOR. Runs under -X dev -W error; what is broken on purpose is never the sandbox that runs all the while."""
import fcntl
import os
import socket
import sys
import threading
import unittest

if __name__ == "__main__" and "KATA_TEST_CONFIG" not in os.environ:
    from place import Place
    Place(*sys.argv[1:3]).run(__file__, "-v")

import kata  # noqa: E402
from kata import errors  # noqa: E402

CONFIG, STATE, ROOTFS, HYPERVISOR, DIRECTORY, FAULTY = (
    os.environ[f"KATA_TEST_{name}"] for name in ("CONFIG", "STATE", "ROOTFS", "HYPERVISOR", "DIR", "FAULTY"))
LONG = 180  # a guard, not a measure
QEMU = "/usr/bin/qemu-system-x86_64"


def runtime(hypervisor, settings):
    """Like the test's, but for its hypervisor and the settings in that one's table."""
    path = os.path.join(DIRECTORY, "other.toml")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"[hypervisor.{hypervisor}]\n{settings}\n")
    return kata.Runtime(config_path=path, state_dir=STATE, hypervisor=hypervisor)


def boot(hypervisor, settings, load=None):
    with runtime(hypervisor, settings) as r:
        if load is not None:
            r.load_backend(load)
        with r.create_sandbox() as sandbox:
            sandbox.start(LONG)


class Errors(unittest.TestCase):
    """One sandbox that runs, in it a cat that waits for its input, and all that goes wrong around it."""

    def setUp(self):
        self.runtime = kata.Runtime(config_path=CONFIG, state_dir=STATE, hypervisor=HYPERVISOR)
        self.sandbox = self.runtime.create_sandbox(id="s")
        self.sandbox.start(LONG)
        self.container = self.sandbox.create_container(rootfs=ROOTFS, args=["cat"], timeout=LONG)
        self.container.start(LONG)
        self.cat = self.container.process

    def tearDown(self):
        self.container.close()
        self.sandbox.delete(force=True)
        self.sandbox.close()
        self.runtime.close()

    def faulty(self, code):
        """A hypervisor that fails so, and does not say why."""
        boot("faulty", f'kernel = "{CONFIG}"\ninitrd = "{CONFIG}"\nkernel_params = "faulty.code={code}"', FAULTY)

    def busy(self):
        """Another program of the library's works on it: this is how they keep out of each other's way."""
        held = os.open(os.path.join(STATE, "s"), os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.sandbox.pause(0.05)
        finally:
            os.close(held)

    def cancelled(self):
        caught = []

        def wait():
            try:
                self.cat.wait()
            except kata.KataError as error:
                caught.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        while thread.is_alive():
            self.cat.interrupt(waits=True)
            thread.join(0.01)
        raise caught.pop()

    def vmm(self):
        """A null machine ends when it is told to through its own socket, which closes when it has; its process is read from then."""
        with runtime("null", "") as r, r.create_sandbox(id="ended") as sandbox:
            sandbox.start(LONG)
            container = sandbox.create_container(rootfs=ROOTFS, args=["sleep", "1000"], timeout=LONG)
            container.start(LONG)
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(os.path.join(STATE, "ended", "null-control.sock"))
                control.sendall(b"stop\n")
                while control.recv(1):
                    pass
            try:
                container.process.stderr.read_some(timeout=LONG)
            finally:
                container.close()

    def guest(self):
        """Without QEMU here, one that says the same."""
        if os.path.exists(QEMU):
            boot("qemu", 'kernel = "/nonexistent"\ninitrd = "/nonexistent"')
        self.faulty(kata.GuestError.code)

    def corrupt(self):
        with self.runtime.create_sandbox(id="corrupt") as sandbox:
            with open(os.path.join(STATE, "corrupt", "state.json"), "w", encoding="ascii") as f:
                f.write("{}")
            sandbox.inspect()

    def rows(self):
        r, s = self.runtime, self.sandbox
        return {
            kata.InvalidError: lambda: r.create_sandbox(id="../x"),
            kata.ConfigError: lambda: boot("null", 'default_vcpus = "many"'),
            kata.SpecError: lambda: s.create_container(config_json={"ociVersion": 1}, rootfs=ROOTFS),
            kata.UnsupportedError: lambda: boot("qemu", 'path = "/nonexistent"'),
            kata.NotFoundError: lambda: r.open_sandbox("nothing"),
            kata.ExistsError: lambda: r.create_sandbox(id="s"),
            kata.StateError: s.start,
            kata.BusyError: self.busy,
            kata.TimedOutError: lambda: self.cat.wait(0),
            kata.CancelledError: self.cancelled,
            kata.NoMemoryError: lambda: self.faulty(kata.NoMemoryError.code),
            kata.LimitError: lambda: kata.read_placement("[" * 100000, "c"),
            kata.NotPermittedError: lambda: r.create_sandbox(annotations={"io.katacontainers.config.hypervisor.kernel_params": "x"}),
            kata.HostIOError: lambda: kata.Runtime(state_dir=os.path.join(CONFIG, "x"), hypervisor="null"),
            kata.HostError: lambda: self.faulty(kata.HostError.code),
            kata.VmmError: self.vmm,
            kata.GuestError: self.guest,
            kata.AgentError: lambda: boot("null", 'kernel_params = "null.agent=hangs-up"'),
            kata.ProtocolError: lambda: self.faulty(kata.ProtocolError.code),
            kata.CorruptError: self.corrupt,
            kata.InternalError: lambda: self.faulty(-1000),
        }

    def test_every_class(self):
        rows = self.rows()
        # bindings/layout compares these with the library's codes.
        self.assertEqual(list(rows), list(errors.CLASSES.values()))
        found = {}
        for kind, bring_about in rows.items():
            with self.subTest(kind.__name__):
                with self.assertRaises(kata.KataError) as caught:
                    bring_about()
                error = found[kind] = caught.exception
                print(f"{error.name:12} {kind.__name__}: {error}", flush=True)
                self.assertIs(type(error), kind)
                self.assertEqual(error.code, kind.code)
                self.assertTrue(error.message and error.name != "unknown")
        self.assertEqual((found[kata.SpecError].key, found[kata.SpecError].name), ("$.ociVersion", "spec"))
        self.assertIsInstance(found[kata.AgentError].__cause__, kata.AgentError)
        for kind, base in {kata.TimedOutError: TimeoutError, kata.NotPermittedError: PermissionError, kata.NoMemoryError: MemoryError,
                           kata.InvalidError: ValueError, kata.NotFoundError: LookupError}.items():
            self.assertIsInstance(found[kind], base)
        # And none of it has touched the one that runs.
        self.assertEqual((self.sandbox.state, self.container.state), (kata.State.RUNNING, kata.State.RUNNING))


if __name__ == "__main__":
    unittest.main()
