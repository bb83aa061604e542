# SPDX-License-Identifier: LGPL-2.1-or-later
"""process: one process of a container: streams as files, signals, terminal, exit status."""

import ctypes
import io
import threading
import time
from typing import Any, List, Optional, Set, Tuple

from ._abi import lib, milliseconds, text
from ._handle import Handle, sliced
from .errors import CancelledError, NotFoundError, StateError, call

STDOUT, STDERR = 1, 2
CALL_READ, CALL_WRITE, CALL_WAIT = 1, 2, 4
PIECE = 1 << 16


class OutputStream(io.RawIOBase):
    """What a process writes, as a raw binary file: io.BufferedReader and io.TextIOWrapper work on it. Each byte is given to one reader only."""

    def __init__(self, process: "Process", stream: int) -> None:
        super().__init__()
        self._process, self._stream = process, stream

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Waits for bytes; 0 = the end."""
        return self.read_timeout_into(buffer, None)

    def read_timeout_into(self, buffer: Any, timeout: Optional[float]) -> int:
        """As readinto(); TimedOutError, with nothing lost, if nothing came in `timeout` seconds (None = wait for ever)."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        with memoryview(buffer).cast("B") as view:
            if view.nbytes == 0:
                return 0
            target = (ctypes.c_char * view.nbytes).from_buffer(view)
            try:
                return sliced(lambda t: self._process._read(self._stream, target, view.nbytes, t), timeout)
            finally:
                del target

    def read_some(self, size: int = PIECE, timeout: Optional[float] = None) -> bytes:
        """1 to `size` bytes as soon as there are any; b"" = the end. TimedOutError loses nothing."""
        buffer = bytearray(max(1, min(size, 1 << 20)))
        return bytes(buffer[:self.read_timeout_into(buffer, timeout)])

    @property
    def process(self) -> "Process":
        """Whose output it is."""
        return self._process

    def interrupt(self) -> None:
        """Ends the reads under way on the process's handle: CancelledError, with nothing lost."""
        self._process.interrupt(reads=True)

    def __del__(self) -> None:
        """Nothing: the process goes on without its reader."""


class InputStream(io.RawIOBase):
    """A process's standard input as a raw binary file. close() is the end of its input; forgetting the object is not."""

    def __init__(self, process: "Process") -> None:
        super().__init__()
        self._process = process

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any) -> int:
        """Writes all of it; waits while the process does not read."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        with memoryview(data).cast("B") as view:
            self._process.write(bytes(view))
            return view.nbytes

    def close(self) -> None:
        """The process reads the end of its input. One that has ended is no error."""
        if not self.closed:
            try:
                self._process.close_stdin()
            except (NotFoundError, StateError):
                pass
            finally:
                super().close()

    def __del__(self) -> None:
        """Nothing: only close() ends the input."""


class Process(Handle):
    """A process of a container; from Container.process and Container.exec(). The process does not end with its handle."""

    _unref_name = "kata_process_unref"

    def __init__(self, pointer: ctypes.c_void_p) -> None:
        super().__init__(pointer)
        self._interrupts, self._nudging, self._nudges = 0, 0, 0
        self._nudge_lock = threading.Lock()
        self._nudged: Set[int] = set()
        self._stdin, self._stdout, self._stderr = InputStream(self), OutputStream(self, STDOUT), OutputStream(self, STDERR)

    @property
    def id(self) -> str:
        """The exec id; "" for a container's first process."""
        ref = self._ref
        return text(lib.kata_process_get_id(ref.pointer))

    @property
    def stdin(self) -> InputStream:
        """Standard input, or what is typed at the terminal."""
        return self._stdin

    @property
    def stdout(self) -> OutputStream:
        """Standard output; with a terminal, everything."""
        return self._stdout

    @property
    def stderr(self) -> OutputStream:
        """Standard error."""
        return self._stderr

    def _patiently(self, timeout: Optional[float], function: Any, *arguments: Any) -> None:
        """A read or wait: one that was ended for another thread's sake goes on, and has lost nothing."""
        until = None if timeout is None else time.monotonic() + timeout
        left = milliseconds(timeout)
        while True:
            interrupts, nudges = self._interrupts, self._nudges
            try:
                self._call(function, *arguments, left)
                return
            except CancelledError:
                if threading.get_ident() in self._nudged or interrupts != self._interrupts:
                    raise
                if self._nudging == 0 and self._nudges == nudges:
                    raise
                left = milliseconds(None if until is None else max(0.0, until - time.monotonic()))

    def _nudge(self, calls: int, thread: int) -> None:
        """Ends the calls of one thread, for kata.aio."""
        with self._nudge_lock:
            self._nudged.add(thread)
            self._nudging += 1  # an interruption may meet a call at any moment from now
            try:
                self._call(lib.kata_process_interrupt, calls)
            finally:
                self._nudges += 1
                self._nudging -= 1

    def _read(self, stream: int, target: Any, length: int, timeout: Optional[float]) -> int:
        n = ctypes.c_size_t()
        self._patiently(timeout, lib.kata_process_read, stream, ctypes.byref(target), length, ctypes.byref(n))
        return n.value

    def write(self, data: bytes, timeout: Optional[float] = None) -> None:
        """Writes all of `data` to standard input. After TimedOutError it is not known how much of the last piece was taken."""
        if timeout is not None or threading.current_thread() is not threading.main_thread():
            self._write(data, timeout)
            return
        # Ctrl-C must end it: the main thread only looks on.
        failures: List[BaseException] = []

        def body() -> None:
            try:
                self._write(data, None)
            except BaseException as error:  # pylint: disable=broad-except
                failures.append(error)

        thread = threading.Thread(target=body, name="kata-write", daemon=True)
        thread.start()
        try:
            thread.join()
        except BaseException:
            while thread.is_alive():
                self.interrupt(writes=True)
                thread.join(0.01)
            raise
        if failures:
            raise failures.pop()  # a list that kept it would be a cycle through its traceback

    def _write(self, data: bytes, timeout: Optional[float]) -> None:
        n = ctypes.c_size_t()
        self._call(lib.kata_process_write, ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data), ctypes.byref(n), milliseconds(timeout))

    def close_stdin(self, timeout: Optional[float] = None) -> None:
        """The process reads the end of its standard input."""
        self._call(lib.kata_process_close_stdin, milliseconds(timeout))

    def resize(self, rows: int, columns: int, timeout: Optional[float] = None) -> None:
        """Changes the size of its terminal."""
        self._call(lib.kata_process_resize, rows, columns, milliseconds(timeout))

    def signal(self, number: int, timeout: Optional[float] = None) -> None:
        """Sends a signal to this process. NotFoundError: it has ended."""
        self._call(lib.kata_process_signal, number, milliseconds(timeout))

    def wait(self, timeout: Optional[float] = None) -> int:
        """Its exit status, 128 + number for a signal; TimedOutError after `timeout` seconds (None = wait for ever)."""
        return sliced(self._wait, timeout)

    def _wait(self, timeout: Optional[float]) -> int:
        status = ctypes.c_int()
        self._patiently(timeout, lib.kata_process_wait, ctypes.byref(status))
        return status.value

    def interrupt(self, *, reads: bool = False, writes: bool = False, waits: bool = False) -> None:
        """Ends the calls of these kinds (none named: of all) that are under way on this handle, on any thread: CancelledError. Later ones are not
        touched, so repeat it until the call has returned."""
        self._interrupts += 1
        self._call(lib.kata_process_interrupt, (CALL_READ if reads else 0) | (CALL_WRITE if writes else 0) | (CALL_WAIT if waits else 0))

    def communicate(self, input: bytes = b"", timeout: Optional[float] = None) -> Tuple[bytes, bytes]:  # pylint: disable=redefined-builtin
        """Writes `input`, closes standard input, reads both streams to their ends; the status is wait()'s. The time-out is for the end of the
        process: what it wrote until then is lost with TimedOutError."""
        outputs: List[bytes] = [b"", b""]
        failures: List[BaseException] = []

        def guarded(body: Any) -> None:
            try:
                body()
            except BaseException as error:  # pylint: disable=broad-except
                failures.append(error)

        def drain(index: int, stream: OutputStream) -> None:
            outputs[index] = stream.readall() or b""

        def feed() -> None:
            try:
                if input:
                    self._write(input, None)
                self.close_stdin()
            except (NotFoundError, StateError):
                pass  # it ended, or closed its input, without reading all

        bodies = (feed, lambda: drain(0, self._stdout), lambda: drain(1, self._stderr))
        threads = [threading.Thread(target=guarded, args=(body,), name="kata-communicate", daemon=True) for body in bodies]
        for thread in threads:
            thread.start()
        feeder, *readers = threads
        try:
            self.wait(timeout)
            for thread in readers:
                thread.join()
            readers = []
        finally:
            # A process that has ended takes nothing any more; after a failure, nobody wants what it still writes.
            while feeder.is_alive() or any(thread.is_alive() for thread in readers):
                self.interrupt(writes=True, reads=bool(readers))
                feeder.join(0.01)
        failures[:] = [error for error in failures if not isinstance(error, CancelledError)][:1]
        if failures:
            raise failures.pop()
        return outputs[0], outputs[1]


def of_container(container_ref: Any) -> Process:
    """The first process of a container."""
    pointer = ctypes.c_void_p()
    call(lib.kata_container_get_process, ctypes.byref(pointer), container_ref)
    return Process(pointer)
