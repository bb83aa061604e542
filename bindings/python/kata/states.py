# SPDX-License-Identifier: LGPL-2.1-or-later
"""states: the library's enumerations that callers see."""

import enum


class State(enum.IntEnum):
    """Of a sandbox or a container."""

    CREATED = 1
    RUNNING = 2
    PAUSED = 3
    STOPPED = 4


class EventType(enum.IntEnum):
    """What an event is about."""

    SANDBOX_STATE = 1
    CONTAINER_EXIT = 2
    OOM = 3


class LogLevel(enum.IntEnum):
    """How detailed a log line is."""

    ERROR = 0
    WARNING = 1
    INFO = 2
    DEBUG = 3


class Role(enum.IntEnum):
    """What a container is to its virtual machine."""

    SINGLE = 1
    SANDBOX = 2
    CONTAINER = 3
