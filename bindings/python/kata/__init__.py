# SPDX-License-Identifier: LGPL-2.1-or-later
"""kata: containers in lightweight virtual machines, from Python; libkata through ctypes.

    with kata.Runtime() as runtime, runtime.create_sandbox() as sandbox:
        sandbox.start()
        with sandbox.create_container(rootfs="/srv/rootfs", args=["echo", "hello"]) as container:
            container.start()
            out, err = container.process.communicate()

Time-outs are seconds: None is the library's default for the call (for waits: none at all), math.inf is for ever. Every object may be used from any
thread. A call that fails raises a KataError with code, message and key. kata.aio has what asyncio needs.
"""

from . import aio
from ._abi import lib as _lib, text as _text
from .container import Container, Stats, Volume
from .errors import (AgentError, BusyError, CancelledError, ClosedError, ConfigError, CorruptError, ExistsError, GuestError, HostError,
                     HostIOError, InternalError, InvalidError, KataError, LimitError, NoMemoryError, NotFoundError, NotPermittedError,
                     ProtocolError, SpecError, StateError, TimedOutError, UnsupportedError, VmmError)
from .hypervisor import Hypervisor
from .placement import Placement, read_placement
from .process import InputStream, OutputStream, Process
from .runtime import Runtime
from .sandbox import Disk, Event, Sandbox, Size
from .states import EventType, LogLevel, Role, State

UNLIMITED = (1 << 64) - 1
"""A limit in Stats that is none."""


def version() -> str:
    """The version of the library in use."""
    return _text(_lib.kata_version())


__all__ = [
    "AgentError", "BusyError", "CancelledError", "ClosedError", "ConfigError", "Container", "CorruptError", "Disk", "Event", "EventType",
    "ExistsError", "GuestError", "HostError", "HostIOError", "Hypervisor", "InputStream", "InternalError", "InvalidError", "KataError",
    "LimitError", "LogLevel", "NoMemoryError", "NotFoundError", "NotPermittedError", "OutputStream", "Placement", "Process",
    "ProtocolError", "Role", "Runtime", "Sandbox", "Size", "SpecError", "State", "StateError", "Stats", "TimedOutError", "UNLIMITED",
    "UnsupportedError", "VmmError", "Volume", "aio", "read_placement", "version",
]
