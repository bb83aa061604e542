# SPDX-License-Identifier: LGPL-2.1-or-later
"""_handle: what all objects of the library's have in common: one reference, close(), an error after it. Not public."""

import ctypes
import math
import threading
import time
from typing import Any, Callable, ClassVar, Optional, TypeVar

from ._abi import Ref, lib
from .errors import ClosedError, TimedOutError, call

Self = TypeVar("Self", bound="Handle")
Result = TypeVar("Result")

# The main thread waits in pieces of this length, so that Ctrl-C and other signals' handlers run. Nothing is asked of the guest each time.
SLICE = 0.2


class Handle:
    """A handle: usable from any thread, also by several at once. Closing it lets go of the object and ends nothing else."""

    _unref_name: ClassVar[str]

    def __init__(self, pointer: ctypes.c_void_p) -> None:
        self._held: Optional[Ref] = Ref(pointer, getattr(lib, self._unref_name))

    @classmethod
    def _make(cls, function: Any, *arguments: Any) -> ctypes.c_void_p:
        """Calls a function whose first parameter is `T **out`."""
        pointer = ctypes.c_void_p()
        call(function, ctypes.byref(pointer), *arguments)
        return pointer

    @property
    def _ref(self) -> Ref:
        held = self._held
        if held is None:
            raise ClosedError(f"{type(self).__name__}: the handle is closed")
        return held

    def _call(self, function: Any, *arguments: Any) -> int:
        ref = self._ref  # kept until the call is over
        return call(function, ref.pointer, *arguments)

    @property
    def closed(self) -> bool:
        """Has close() been called?"""
        return self._held is None

    def close(self) -> None:
        """Lets go of the handle. Calls that are under way on other threads go on; later ones fail with ClosedError. May be repeated."""
        self._held = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()


def sliced(step: Callable[[Optional[float]], Result], timeout: Optional[float]) -> Result:
    """Runs `step(timeout)`, which raises TimedOutError and loses nothing then; on the main thread in pieces."""
    if threading.current_thread() is not threading.main_thread() or (timeout is not None and timeout <= SLICE):
        return step(timeout)
    until = math.inf if timeout is None else time.monotonic() + timeout
    while True:
        left = until - time.monotonic()
        try:
            return step(max(0.0, min(left, SLICE)))
        except TimedOutError:
            if left <= SLICE:
                raise
