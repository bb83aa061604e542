# SPDX-License-Identifier: LGPL-2.1-or-later
"""_abi: the C interface as ctypes sees it: the library, its structs, its functions. Nothing here is public."""

import ctypes
import math
import os
from ctypes import POINTER, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

SONAME = "libkata.so.0"
# The oldest library that has all that is called here, and the interface's number, which changes when something goes away.
WANTED = (0, 1)

TIMEOUT_DEFAULT = -1
TIMEOUT_NONE = (1 << 63) - 1
ID_MAX = 128

LogFn = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p)
FreeFn = ctypes.CFUNCTYPE(None, c_void_p)
Strings = POINTER(c_char_p)


class Volume(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("source", c_char_p), ("destination", c_char_p), ("flags", c_uint32)]


class ContainerOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("id", c_char_p), ("bundle", c_char_p), ("config_json", c_char_p), ("rootfs", c_char_p),
                ("rootfs_disk", c_char_p), ("rootfs_fstype", c_char_p), ("args", Strings), ("env", Strings), ("cwd", c_char_p),
                ("user", c_char_p), ("hostname", c_char_p), ("volumes", POINTER(POINTER(Volume))), ("memory_bytes", c_uint64),
                ("cpu_milli", c_uint32), ("pids", c_uint32), ("flags", c_uint32), ("rows", c_uint32), ("columns", c_uint32),
                ("rootfs_options", Strings)]


class ContainerStats(ctypes.Structure):
    _fields_ = [("size", c_size_t)] + [(name, c_uint64) for name in (
        "cpu_total_ns", "cpu_user_ns", "cpu_system_ns", "cpu_throttled_ns", "memory_bytes", "memory_peak_bytes", "memory_limit_bytes",
        "memory_cache_bytes", "swap_bytes", "pids", "pids_limit", "read_bytes", "write_bytes", "rx_bytes", "rx_packets", "tx_bytes",
        "tx_packets")]


class ExecOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("id", c_char_p), ("process_json", c_char_p), ("args", Strings), ("env", Strings), ("cwd", c_char_p),
                ("user", c_char_p), ("flags", c_uint32), ("rows", c_uint32), ("columns", c_uint32)]


class RuntimeOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("config_path", c_char_p), ("state_dir", c_char_p), ("log", LogFn), ("log_data", c_void_p),
                ("log_data_free", FreeFn), ("log_level", c_int32), ("flags", c_uint32), ("hypervisor", c_char_p)]


class Disk(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("id", c_char_p), ("path", c_char_p), ("flags", c_uint32)]


class HostDevice(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("id", c_char_p), ("address", c_char_p), ("flags", c_uint64)]


class SandboxOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("id", c_char_p), ("hypervisor", c_char_p), ("vcpus", c_uint32), ("flags", c_uint32),
                ("memory_mib", c_uint64), ("hostname", c_char_p), ("annotations", Strings), ("disks", POINTER(POINTER(Disk))),
                ("dns", Strings), ("limit_cpu_milli", c_uint32), ("limit_memory_bytes", c_uint64), ("cgroup", c_char_p),
                ("network", c_char_p), ("host_devices", POINTER(POINTER(HostDevice))), ("first_container", POINTER(ContainerOptions))]


class Event(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("type", c_int32), ("state", c_int32), ("exit_status", c_int32), ("container_id", c_char * (ID_MAX + 1))]


class SandboxSize(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("vcpus", c_uint32), ("max_vcpus", c_uint32), ("memory_mib", c_uint64), ("max_memory_mib", c_uint64)]


class Placement(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("role", c_int32), ("flags", c_uint32), ("cpu_milli", c_uint32), ("container_cpu_milli", c_uint32),
                ("memory_bytes", c_uint64), ("container_memory_bytes", c_uint64), ("sandbox_id", c_char * (ID_MAX + 1)),
                ("hostname", c_char * 256), ("network_namespace", c_char * 4096), ("cgroup", c_char * 4096),
                ("n_vfio_groups", c_uint64), ("vfio_groups", c_char * 256)]


# By their names in C; a test compares each with what the compiler says.
STRUCTS: Dict[str, type] = {
    "kata_volume": Volume, "kata_container_options": ContainerOptions, "kata_container_stats": ContainerStats,
    "kata_exec_options": ExecOptions, "kata_runtime_options": RuntimeOptions, "kata_disk": Disk,
    "kata_sandbox_options": SandboxOptions, "kata_event": Event, "kata_placement": Placement, "kata_sandbox_size": SandboxSize,
    "kata_host_device": HostDevice,
}

_P, _PP, _ERR, _MS = c_void_p, POINTER(c_void_p), POINTER(c_void_p), c_int64
# What each function returns and takes. int: 0 or a negative code, except where a comment says otherwise.
_FUNCTIONS: Dict[str, Tuple[Any, Sequence[Any]]] = {
    "kata_free": (None, [_P]),
    "kata_strv_free": (None, [_P]),
    "kata_version": (c_char_p, []),
    "kata_error_unref": (_P, [_P]),
    "kata_error_get_code": (c_int, [_P]),
    "kata_error_get_message": (c_char_p, [_P]),
    "kata_error_get_key": (c_char_p, [_P]),
    "kata_error_get_cause": (_P, [_P]),
    "kata_error_code_name": (c_char_p, [c_int]),
    "kata_runtime_new": (c_int, [_PP, POINTER(RuntimeOptions), _ERR]),
    "kata_runtime_unref": (_P, [_P]),
    "kata_runtime_get_state_dir": (c_char_p, [_P]),
    "kata_runtime_get_hypervisor": (c_char_p, [_P, POINTER(c_char_p)]),
    "kata_runtime_load_backend": (c_int, [_P, c_char_p, _ERR]),
    "kata_runtime_list": (c_int, [_PP, _P, _ERR]),
    "kata_runtime_recover": (c_int, [_P, c_uint32, POINTER(c_uint32), _MS, _ERR]),
    "kata_runtime_recover_sandbox": (c_int, [_P, c_char_p, _MS, _ERR]),
    "kata_runtime_check": (c_int, [_PP, _P, _ERR]),
    "kata_runtime_describe": (c_int, [_PP, _P, _ERR]),
    "kata_runtime_list_hypervisors": (c_int, [_PP, _P, _ERR]),
    "kata_hypervisor_open": (c_int, [_PP, _P, c_char_p, _ERR]),
    "kata_hypervisor_unref": (_P, [_P]),
    "kata_hypervisor_get_name": (c_char_p, [_P]),
    "kata_hypervisor_has": (c_int, [_P, c_char_p, POINTER(c_char_p)]),  # 1, 0 or a code
    "kata_hypervisor_describe": (c_int, [_PP, _P, _ERR]),
    "kata_hypervisor_recommend": (c_int, [_PP, _P, Strings, _ERR]),
    "kata_placement_read": (c_int, [POINTER(Placement), c_char_p, c_char_p, _ERR]),
    "kata_sandbox_create": (c_int, [_PP, _P, POINTER(SandboxOptions), _ERR]),
    "kata_sandbox_open": (c_int, [_PP, _P, c_char_p, _ERR]),
    "kata_sandbox_unref": (_P, [_P]),
    "kata_sandbox_plan": (c_int, [_PP, _P, POINTER(SandboxOptions), _ERR]),
    "kata_sandbox_start": (c_int, [_P, _MS, _ERR]),
    "kata_sandbox_refresh_network": (c_int, [_P, _MS, _ERR]),
    "kata_sandbox_add_disk": (c_int, [_P, POINTER(Disk), _MS, _ERR]),
    "kata_sandbox_remove_disk": (c_int, [_P, c_char_p, _MS, _ERR]),
    "kata_sandbox_add_host_device": (c_int, [_P, POINTER(HostDevice), _MS, _ERR]),
    "kata_sandbox_remove_host_device": (c_int, [_P, c_char_p, _MS, _ERR]),
    "kata_sandbox_resize": (c_int, [_P, POINTER(SandboxSize), _MS, _ERR]),
    "kata_sandbox_snapshot": (c_int, [_P, c_char_p, _MS, _ERR]),
    "kata_sandbox_restore": (c_int, [_PP, _P, c_char_p, POINTER(SandboxOptions), _MS, _ERR]),
    "kata_sandbox_pause": (c_int, [_P, _MS, _ERR]),
    "kata_sandbox_resume": (c_int, [_P, _MS, _ERR]),
    "kata_sandbox_stop": (c_int, [_P, _MS, _ERR]),
    "kata_sandbox_delete": (c_int, [_P, c_uint32, _ERR]),
    "kata_sandbox_get_id": (c_char_p, [_P]),
    "kata_sandbox_get_state": (c_int, [_P]),  # a state or a code
    "kata_sandbox_inspect": (c_int, [_PP, _P, _ERR]),
    "kata_sandbox_metrics_get": (c_int, [_PP, _P, _MS, _ERR]),
    "kata_sandbox_list_containers": (c_int, [_PP, _P, _ERR]),
    "kata_sandbox_get_event_fd": (c_int, [_P]),  # a descriptor or a code
    "kata_sandbox_next_event": (c_int, [_P, POINTER(Event), _MS, _ERR]),  # 1, 0 or a code
    "kata_container_create": (c_int, [_PP, _P, POINTER(ContainerOptions), _MS, _ERR]),
    "kata_container_open": (c_int, [_PP, _P, c_char_p, _ERR]),
    "kata_container_unref": (_P, [_P]),
    "kata_container_start": (c_int, [_P, _MS, _ERR]),
    "kata_container_get_id": (c_char_p, [_P]),
    "kata_container_get_state": (c_int, [_P]),  # a state or a code
    "kata_container_get_process": (c_int, [_PP, _P, _ERR]),
    "kata_container_exec": (c_int, [_PP, _P, POINTER(ExecOptions), _MS, _ERR]),
    "kata_container_kill": (c_int, [_P, c_int, c_uint32, _MS, _ERR]),
    "kata_container_pause": (c_int, [_P, _MS, _ERR]),
    "kata_container_resume": (c_int, [_P, _MS, _ERR]),
    "kata_container_update": (c_int, [_P, c_char_p, _MS, _ERR]),
    "kata_container_stats_get": (c_int, [_P, POINTER(ContainerStats), _MS, _ERR]),
    "kata_container_delete": (c_int, [_P, c_uint32, _MS, _ERR]),
    "kata_process_unref": (_P, [_P]),
    "kata_process_get_id": (c_char_p, [_P]),
    "kata_process_read": (c_int, [_P, c_int, _P, c_size_t, POINTER(c_size_t), _MS, _ERR]),
    "kata_process_write": (c_int, [_P, _P, c_size_t, POINTER(c_size_t), _MS, _ERR]),
    "kata_process_close_stdin": (c_int, [_P, _MS, _ERR]),
    "kata_process_resize": (c_int, [_P, c_uint32, c_uint32, _MS, _ERR]),
    "kata_process_signal": (c_int, [_P, c_int, _MS, _ERR]),
    "kata_process_wait": (c_int, [_P, POINTER(c_int), _MS, _ERR]),
    "kata_process_interrupt": (c_int, [_P, c_uint32, _ERR]),
}


def _open(path: str) -> ctypes.CDLL:
    """The library at `path`, with every function declared; ImportError says what is wrong with it."""
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"kata: the library cannot be loaded: {error}; install libkata, or set LIBKATA to the path of {SONAME}") from None
    missing = [name for name in _FUNCTIONS if not hasattr(library, name)]
    if "kata_version" in missing:
        raise ImportError(f"kata: {path} is not libkata; set LIBKATA to the path of {SONAME}")
    library.kata_version.restype = c_char_p
    version = (library.kata_version() or b"").decode("ascii", "replace")
    try:
        major, minor = (int(part) for part in version.split(".")[:2])
    except ValueError:
        raise ImportError(f"kata: {path} says that its version is {version!r}, which is none") from None
    wanted = ".".join(map(str, WANTED))
    if major != WANTED[0]:
        raise ImportError(f"kata: {path} is libkata {version}; this package is for {WANTED[0]}.x, from {wanted}")
    if (major, minor) < WANTED or missing:
        lacks = f", which lacks {', '.join(missing)}" if missing else ""
        raise ImportError(f"kata: {path} is libkata {version}{lacks}; this package needs a newer one, {wanted} or later")
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


# getattr: mypy knows nothing of what a library holds.
lib: Any = _open(os.environ.get("LIBKATA") or SONAME)


def text(value: Optional[bytes]) -> str:
    """What the library says, which is UTF-8."""
    return (value or b"").decode("utf-8", "replace")


def encode(value: Optional[str], what: str) -> Optional[bytes]:
    """A string for the library; a NUL would cut it short unseen."""
    if value is None:
        return None
    data = os.fsencode(os.fspath(value))
    if b"\0" in data:
        raise ValueError(f"{what}: embedded null byte")
    return data


def strings(values: Optional[Sequence[str]], what: str) -> Any:
    """A NULL-terminated array, or None. ctypes keeps the strings alive with it."""
    if values is None:
        return None
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{what}: a list of strings is wanted, not one string")
    return (c_char_p * (len(values) + 1))(*[encode(v, what) for v in values], None)


def pointers(structs: List[ctypes.Structure], kind: Any) -> Any:
    """A NULL-terminated array of pointers to structs, or None for an empty list."""
    if not structs:
        return None
    return (POINTER(kind) * (len(structs) + 1))(*[ctypes.pointer(s) for s in structs])


def milliseconds(timeout: Optional[float]) -> int:
    """Seconds as the library takes them: None = its default, math.inf = for ever. A part of a millisecond counts as one."""
    if timeout is None:
        return TIMEOUT_DEFAULT
    if math.isnan(timeout) or timeout < 0:
        raise ValueError(f"timeout: {timeout!r} is no time")
    return TIMEOUT_NONE if timeout > 9e15 else math.ceil(timeout * 1000)


def take_text(pointer: c_void_p) -> str:
    """A `char **out`: copied and released."""
    try:
        return text(ctypes.string_at(pointer.value or 0))
    finally:
        lib.kata_free(pointer)


def take_list(pointer: c_void_p) -> List[str]:
    """A `char ***out`: copied and released."""
    try:
        array = ctypes.cast(pointer, Strings)
        result: List[str] = []
        while array[len(result)] is not None:
            result.append(text(array[len(result)]))
        return result
    finally:
        lib.kata_strv_free(pointer)


class Ref:
    """One reference to an object of the library's, dropped with this object: who calls holds one, so a close elsewhere cannot pull it away."""

    __slots__ = ("pointer", "_unref")

    def __init__(self, pointer: c_void_p, unref: Callable[[c_void_p], Any]) -> None:
        self.pointer, self._unref = pointer, unref

    def __del__(self) -> None:
        self._unref(self.pointer)
