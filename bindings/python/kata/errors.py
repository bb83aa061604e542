# SPDX-License-Identifier: LGPL-2.1-or-later
"""errors: one exception class for each code of the library; `code`, `message`, `key`, and the cause as `__cause__`."""

import ctypes
from typing import Any, Dict, Optional, Type

from ._abi import lib, text


class KataError(Exception):
    """A call of the library's failed. `except kata.NotFoundError` is how one failure is told from another."""

    code: int = 0

    def __init__(self, message: str, key: Optional[str] = None, code: Optional[int] = None) -> None:
        super().__init__(message)
        self.message = message
        """One line: what failed, on what, why, what to do."""
        self.key = key
        """The configuration key, JSON path, file or id that it is about."""
        if code is not None:
            self.code = code

    @property
    def name(self) -> str:
        """The code's stable name, for example "not-found"."""
        return text(lib.kata_error_code_name(self.code))

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Any:
        return type(self), (self.message, self.key, self.code)


class InvalidError(KataError, ValueError):
    """An argument is wrong."""

    code = -1


class ConfigError(KataError):
    """The configuration file or an annotation: syntax, type or value."""

    code = -2


class SpecError(KataError):
    """config.json; `key` is the JSON path."""

    code = -3


class UnsupportedError(KataError):
    """The hypervisor, the guest or the host cannot do this."""

    code = -4


class NotFoundError(KataError, LookupError):
    """No such sandbox, container, process, file or program."""

    code = -5


class ExistsError(KataError):
    """The id is taken."""

    code = -6


class StateError(KataError):
    """Not allowed in the object's present state."""

    code = -7


class ClosedError(StateError, ValueError):
    """This handle was closed by its owner."""


class BusyError(KataError):
    """Somebody else holds it."""

    code = -8


class TimedOutError(KataError, TimeoutError):
    """The deadline passed."""

    code = -9


class CancelledError(KataError):
    """Ended by the caller or a concurrent stop."""

    code = -10


class NoMemoryError(KataError, MemoryError):
    """The host has no memory left."""

    code = -11


class LimitError(KataError):
    """A named limit was exceeded."""

    code = -12


class NotPermittedError(KataError, PermissionError):
    """Not allowed by the host's permissions or by policy."""

    code = -13


class HostIOError(KataError):
    """A system call on the host failed."""

    code = -14


class HostError(KataError):
    """The host lacks a program, a kernel feature or a device."""

    code = -15


class VmmError(KataError):
    """The virtual machine monitor failed or ended."""

    code = -16


class GuestError(KataError):
    """Kernel, initrd or image is missing or broken, or the guest died."""

    code = -17


class AgentError(KataError):
    """The agent refused or failed a request."""

    code = -18


class ProtocolError(KataError):
    """A peer broke its protocol: the sandbox is not to be trusted any more."""

    code = -19


class CorruptError(KataError):
    """A state file or journal cannot be trusted."""

    code = -20


class InternalError(KataError):
    """A mistake in libkata."""

    code = -21


CLASSES: Dict[int, Type[KataError]] = {
    c.code: c for c in (InvalidError, ConfigError, SpecError, UnsupportedError, NotFoundError, ExistsError, StateError, BusyError,
                        TimedOutError, CancelledError, NoMemoryError, LimitError, NotPermittedError, HostIOError, HostError, VmmError,
                        GuestError, AgentError, ProtocolError, CorruptError, InternalError)
}


def from_code(code: int, message: str, key: Optional[str] = None) -> KataError:
    """The exception for a code; a later library's unknown one is a plain KataError."""
    return CLASSES.get(code, KataError)(message, key, code)


def _from_pointer(pointer: Any) -> KataError:
    key = lib.kata_error_get_key(pointer)
    error = from_code(lib.kata_error_get_code(pointer), text(lib.kata_error_get_message(pointer)), None if key is None else text(key))
    cause = lib.kata_error_get_cause(pointer)
    if cause:
        error.__cause__ = _from_pointer(ctypes.c_void_p(cause))
    return error


def call(function: Any, *arguments: Any) -> int:
    """Calls a function whose last parameter is `kata_error **err`; raises if its result is negative."""
    pointer = ctypes.c_void_p()
    result: int = function(*arguments, ctypes.byref(pointer))
    if result >= 0:
        return result
    if not pointer:
        raise from_code(result, text(lib.kata_error_code_name(result)))
    try:
        # No name for it here: its traceback has this frame and its callers', and with a name all their handles would stay until the next collection.
        raise _from_pointer(pointer)
    finally:
        lib.kata_error_unref(pointer)


def check(result: int, what: str) -> int:
    """For functions that return a negative code and no error."""
    if result < 0:
        raise from_code(result, f"{what}: {text(lib.kata_error_code_name(result))}")
    return result
