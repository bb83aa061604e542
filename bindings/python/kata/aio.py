# SPDX-License-Identifier: LGPL-2.1-or-later
"""aio: the same from asyncio: events through the loop's poller, calls that wait on threads of their own, and what cancels them."""

import asyncio
import os
import threading
from typing import Any, AsyncIterator, Callable, List, Optional, Tuple, TypeVar

from .errors import NotFoundError, StateError
from .process import CALL_READ, CALL_WAIT, CALL_WRITE, PIECE, OutputStream, Process
from .sandbox import Event, Sandbox
from .states import State

Result = TypeVar("Result")


async def call(function: Callable[..., Result], *arguments: Any, stop: Optional[Callable[[], object]] = None, **named: Any) -> Result:
    """Runs a blocking call of the package's on a thread of its own: `await aio.call(sandbox.start, timeout=30)`.

    When the task is cancelled, `stop` is called until the call has returned; without it the call is waited for, at most for its time-out:
    nothing goes on unseen. What the call made until then (a handle) is dropped."""
    loop = asyncio.get_running_loop()
    future: "asyncio.Future[Result]" = loop.create_future()

    def settle(result: Any, error: Optional[BaseException]) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def body() -> None:
        result, error = None, None
        try:
            result = function(*arguments, **named)
        except BaseException as failure:  # pylint: disable=broad-except
            error = failure
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            pass  # the loop was closed: nobody asks any more

    threading.Thread(target=body, name="kata-call", daemon=True).start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await _finish(future, stop)
        raise


async def _finish(future: "asyncio.Future[Any]", stop: Optional[Callable[[], object]]) -> None:
    """Waits for the thread, whoever cancels meanwhile: an answer that comes anyway is not wanted any more."""
    while not future.done():
        if stop is not None:
            stop()
        try:
            await asyncio.wait({future}, timeout=0.01)
        except asyncio.CancelledError:
            pass
    future.exception()


async def _waiting(process: Process, calls: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """A call on a process that is ended when its task is, and no other with it."""
    threads: List[int] = []
    lock = threading.Lock()  # a thread's number is soon another's

    def body() -> Result:
        threads.append(threading.get_ident())
        try:
            return function(*arguments)
        finally:
            with lock:
                process._nudged.discard(threads.pop())

    def stop() -> None:
        with lock:
            if threads and not process.closed:
                process._nudge(calls, threads[0])

    return await call(body, stop=stop)


async def wait(process: Process, timeout: Optional[float] = None) -> int:
    """The exit status of a process."""
    return await _waiting(process, CALL_WAIT, process.wait, timeout)


async def read(stream: OutputStream, size: int = PIECE, timeout: Optional[float] = None) -> bytes:
    """1 to `size` bytes of process.stdout or process.stderr; b"" = the end. A cancelled read loses nothing."""
    return await _waiting(stream.process, CALL_READ, stream.read_some, size, timeout)


async def read_all(stream: OutputStream) -> bytes:
    """Everything to the end of the stream."""
    pieces: List[bytes] = []
    while True:
        piece = await read(stream)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


async def write(process: Process, data: bytes, timeout: Optional[float] = None) -> None:
    """Writes to standard input, one task at a time. Of a cancelled write it is not known how much of the last piece was taken."""
    await _waiting(process, CALL_WRITE, process.write, data, timeout)


async def communicate(process: Process, input: bytes = b"") -> Tuple[bytes, bytes]:  # pylint: disable=redefined-builtin
    """Writes `input`, closes standard input, reads both streams to their ends."""
    async def feed() -> None:
        try:
            if input:
                await write(process, input)
            await call(process.close_stdin)
        except (NotFoundError, StateError):
            pass  # it ended without reading all

    feeder = asyncio.ensure_future(feed())
    readers = [asyncio.ensure_future(read_all(stream)) for stream in (process.stdout, process.stderr)]
    try:
        await wait(process)
        out, err = await asyncio.gather(*readers)
        return out, err
    finally:
        for task in (feeder, *readers):
            task.cancel()
        results = await asyncio.gather(feeder, *readers, return_exceptions=True)
        del results


async def events(sandbox: Sandbox) -> AsyncIterator[Event]:
    """Events as they come, without a thread; ends after the sandbox has stopped. Two iterators over one handle share its events: each is
    given to one of them."""
    loop = asyncio.get_running_loop()
    descriptor = os.dup(sandbox.fileno())  # the loop knows one reader for each number
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        while True:
            event = sandbox.next_event(0)
            if event is None:
                ready.clear()
                event = sandbox.next_event(0)  # one that came before the clearing
            if event is None:
                await ready.wait()
                continue
            yield event
            if event.state == State.STOPPED:
                return
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
