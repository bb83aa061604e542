# SPDX-License-Identifier: LGPL-2.1-or-later
"""placement: what an engine's config.json says of the pod that its container belongs in."""

import ctypes
from dataclasses import dataclass
from typing import Tuple

from . import _abi
from ._abi import encode, lib, text
from .container import Json, json_text
from .errors import call
from .states import Role

# enum kata_placement_flags
_TERMINAL, _NETWORK_NEW, _PROCESS = 1, 2, 4


@dataclass(frozen=True)
class Placement:
    """Which sandbox a container belongs in, and what that sandbox shall be; 0 = no limit, "" = not said."""

    role: Role
    terminal: bool
    network_new: bool
    has_process: bool
    cpu_milli: int
    container_cpu_milli: int
    memory_bytes: int
    container_memory_bytes: int
    sandbox_id: str
    hostname: str
    network_namespace: str
    cgroup: str
    vfio_groups: Tuple[str, ...]


def read_placement(config_json: Json, container_id: str) -> Placement:
    """Reads a config.json (text or a mapping) as engines write it. Opens no file."""
    found = _abi.Placement(size=ctypes.sizeof(_abi.Placement))
    call(lib.kata_placement_read, ctypes.byref(found), encode(json_text(config_json), "config_json"), encode(container_id, "container_id"))
    return Placement(
        Role(found.role), bool(found.flags & _TERMINAL), bool(found.flags & _NETWORK_NEW), bool(found.flags & _PROCESS), found.cpu_milli,
        found.container_cpu_milli, found.memory_bytes, found.container_memory_bytes, text(found.sandbox_id), text(found.hostname),
        text(found.network_namespace), text(found.cgroup), tuple(text(found.vfio_groups).split()))
