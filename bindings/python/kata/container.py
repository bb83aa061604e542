# SPDX-License-Identifier: LGPL-2.1-or-later
"""container: one OCI container in a sandbox."""

import ctypes
import json
from dataclasses import dataclass, fields
from typing import Any, Mapping, Optional, Sequence, Union

from . import _abi
from ._abi import encode, lib, milliseconds, strings, text
from ._handle import Handle
from .errors import NotFoundError, check
from .process import Process, of_container
from .states import State

# enum kata_container_flags, kata_exec_flags, kata_volume_flags, kata_kill_flags, kata_delete_flags
_TERMINAL, _READONLY, _VOLUME_READONLY, _EXEC_TERMINAL, _KILL_ALL, _FORCE = 1, 2, 1, 1, 1, 1

Json = Union[str, Mapping[str, Any]]


def json_text(value: Optional[Json]) -> Optional[str]:
    """JSON as text: a str as it is, anything else through json.dumps."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Volume:
    """A directory or file of the host inside the container; both paths are absolute."""

    source: str
    destination: str
    readonly: bool = False


@dataclass(frozen=True)
class Stats:
    """Counters of a container, read in the guest. A limit of 2**64 - 1 is none."""

    cpu_total_ns: int
    cpu_user_ns: int
    cpu_system_ns: int
    cpu_throttled_ns: int
    memory_bytes: int
    memory_peak_bytes: int
    memory_limit_bytes: int
    memory_cache_bytes: int
    swap_bytes: int
    pids: int
    pids_limit: int
    read_bytes: int
    write_bytes: int
    rx_bytes: int
    rx_packets: int
    tx_bytes: int
    tx_packets: int


class Container(Handle):
    """A container; from Sandbox.create_container() and open_container(). As a context manager, one that was created is deleted at the end."""

    _unref_name = "kata_container_unref"

    def __init__(self, pointer: ctypes.c_void_p, owned: bool = False) -> None:
        super().__init__(pointer)
        self._owned = owned
        self._process: Optional[Process] = None

    @property
    def id(self) -> str:
        """Its id."""
        ref = self._ref
        return text(lib.kata_container_get_id(ref.pointer))

    @property
    def state(self) -> State:
        """Its present state."""
        ref = self._ref
        return State(check(lib.kata_container_get_state(ref.pointer), "container"))

    @property
    def process(self) -> Process:
        """Its first process; always the same object."""
        ref = self._ref
        if self._process is None:
            self._process = of_container(ref.pointer)
        return self._process

    def start(self, timeout: Optional[float] = None) -> None:
        """Lets its program run."""
        self._call(lib.kata_container_start, milliseconds(timeout))

    def exec(self, args: Optional[Sequence[str]] = None, *, id: Optional[str] = None,  # pylint: disable=redefined-builtin
             process_json: Optional[Json] = None, env: Optional[Sequence[str]] = None, cwd: Optional[str] = None, user: Optional[str] = None,
             terminal: bool = False, rows: int = 0, columns: int = 0, timeout: Optional[float] = None) -> Process:
        """Starts one more process. `env` is "NAME=value", added to the container's; `user` "uid" or "uid:gid"."""
        options = _abi.ExecOptions(
            size=ctypes.sizeof(_abi.ExecOptions), id=encode(id, "id"), process_json=encode(json_text(process_json), "process_json"),
            args=strings(args, "args"), env=strings(env, "env"), cwd=encode(cwd, "cwd"), user=encode(user, "user"),
            flags=_EXEC_TERMINAL if terminal else 0, rows=rows, columns=columns)
        ref = self._ref
        return Process(self._make(lib.kata_container_exec, ref.pointer, ctypes.byref(options), milliseconds(timeout)))

    def kill(self, number: int, *, all: bool = False, timeout: Optional[float] = None) -> None:  # pylint: disable=redefined-builtin
        """Sends a signal to its first process, or to all."""
        self._call(lib.kata_container_kill, number, _KILL_ALL if all else 0, milliseconds(timeout))

    def pause(self, timeout: Optional[float] = None) -> None:
        """Freezes its processes; the virtual machine goes on."""
        self._call(lib.kata_container_pause, milliseconds(timeout))

    def resume(self, timeout: Optional[float] = None) -> None:
        """Thaws it."""
        self._call(lib.kata_container_resume, milliseconds(timeout))

    def update(self, resources: Json, timeout: Optional[float] = None) -> None:
        """Changes limits: OCI linux.resources, as JSON text or a mapping."""
        self._call(lib.kata_container_update, encode(json_text(resources), "resources"), milliseconds(timeout))

    def stats(self, timeout: Optional[float] = None) -> Stats:
        """Reads its counters."""
        found = _abi.ContainerStats(size=ctypes.sizeof(_abi.ContainerStats))
        self._call(lib.kata_container_stats_get, ctypes.byref(found), milliseconds(timeout))
        return Stats(**{field.name: getattr(found, field.name) for field in fields(Stats)})

    def delete(self, *, force: bool = False, timeout: Optional[float] = None) -> None:
        """Removes it from the guest, and what it had on the host. `force`: also while it runs."""
        self._call(lib.kata_container_delete, _FORCE if force else 0, milliseconds(timeout))

    def close(self) -> None:
        """Lets go of the handle, and of that of `process`; the container goes on."""
        process, self._process = self._process, None
        if process is not None:
            process.close()
        super().close()

    def __exit__(self, *unused: object) -> None:
        try:
            if self._owned and not self.closed:
                self.delete(force=True)
        except NotFoundError:
            pass  # its owner has deleted it, or the sandbox
        finally:
            self.close()


def container_options(*, id: Optional[str] = None, bundle: Optional[str] = None, config_json: Optional[Json] = None,  # pylint: disable=redefined-builtin
               rootfs: Optional[str] = None, rootfs_disk: Optional[str] = None, rootfs_fstype: Optional[str] = None,
               args: Optional[Sequence[str]] = None, env: Optional[Sequence[str]] = None, cwd: Optional[str] = None,
               user: Optional[str] = None, hostname: Optional[str] = None, volumes: Sequence[Volume] = (), memory_bytes: int = 0,
               cpu_milli: int = 0, pids: int = 0, terminal: bool = False, readonly: bool = False, rows: int = 0,
               columns: int = 0, rootfs_options: Optional[Sequence[str]] = None) -> _abi.ContainerOptions:
    """kata_container_options from Python's words. Not public."""
    shared: list[ctypes.Structure] = [
        _abi.Volume(size=ctypes.sizeof(_abi.Volume), source=encode(v.source, "volumes"), destination=encode(v.destination, "volumes"),
                    flags=_VOLUME_READONLY if v.readonly else 0) for v in volumes]
    options = _abi.ContainerOptions(
        size=ctypes.sizeof(_abi.ContainerOptions), id=encode(id, "id"), bundle=encode(bundle, "bundle"),
        config_json=encode(json_text(config_json), "config_json"), rootfs=encode(rootfs, "rootfs"),
        rootfs_disk=encode(rootfs_disk, "rootfs_disk"), rootfs_fstype=encode(rootfs_fstype, "rootfs_fstype"), args=strings(args, "args"),
        env=strings(env, "env"), cwd=encode(cwd, "cwd"), user=encode(user, "user"), hostname=encode(hostname, "hostname"),
        memory_bytes=memory_bytes, cpu_milli=cpu_milli, pids=pids,
        flags=(_TERMINAL if terminal else 0) | (_READONLY if readonly else 0), rows=rows, columns=columns,
        rootfs_options=strings(rootfs_options, "rootfs_options"))
    array = _abi.pointers(shared, _abi.Volume)
    if array is not None:
        options.volumes = array
    return options
