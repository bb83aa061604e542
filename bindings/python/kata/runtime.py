# SPDX-License-Identifier: LGPL-2.1-or-later
"""runtime: the library's context: configuration, logging, backends, the state directory."""

import ctypes
import itertools
import json
import threading
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from . import _abi
from ._abi import encode, lib, milliseconds, strings, text
from ._handle import Handle
from .hypervisor import Hypervisor
from .sandbox import Disk, Sandbox, sandbox_options
from .states import LogLevel

LogFunction = Callable[[LogLevel, str], None]

# The library holds a number, not a pointer: the functions live until it says that it needs them no more.
_log_functions: Dict[int, LogFunction] = {}
_log_numbers = itertools.count(1)
_log_lock = threading.Lock()


def _log_line(number: Optional[int], level: int, message: Optional[bytes]) -> None:
    function = _log_functions.get(number or 0)
    if function is not None:
        function(LogLevel(level), text(message))


def _log_forget(number: Optional[int]) -> None:
    _log_functions.pop(number or 0, None)


_log, _log_free = _abi.LogFn(_log_line), _abi.FreeFn(_log_forget)


class Runtime(Handle):
    """A context; any number in one process. Sandboxes go on without it (but for the null backend, whose machines are its threads).

    `config_path` None = the search path, then built-in defaults; `state_dir` None = /run/libkata, or the user's; `hypervisor` None = the
    configuration's. `log` is called from any thread, with a LogLevel and a line."""

    _unref_name = "kata_runtime_unref"

    def __init__(self, *, config_path: Optional[str] = None, state_dir: Optional[str] = None, hypervisor: Optional[str] = None,
                 log: Optional[LogFunction] = None, log_level: LogLevel = LogLevel.WARNING) -> None:
        options = _abi.RuntimeOptions(
            size=ctypes.sizeof(_abi.RuntimeOptions), config_path=encode(config_path, "config_path"), state_dir=encode(state_dir, "state_dir"),
            log_level=log_level, hypervisor=encode(hypervisor, "hypervisor"))
        number = 0
        if log is not None:
            with _log_lock:
                number = next(_log_numbers)
            _log_functions[number] = log
            options.log, options.log_data, options.log_data_free = _log, number, _log_free
        try:
            pointer = self._make(lib.kata_runtime_new, ctypes.byref(options))
        except BaseException:
            _log_functions.pop(number, None)
            raise
        super().__init__(pointer)

    @property
    def state_dir(self) -> str:
        """The directory that holds the sandboxes' state."""
        ref = self._ref
        return text(lib.kata_runtime_get_state_dir(ref.pointer))

    @property
    def hypervisor(self) -> Tuple[str, Optional[str]]:
        """The hypervisor of a sandbox that names none, and, where the library had to choose, why the built-in one cannot run here."""
        ref, why = self._ref, ctypes.c_char_p()
        name = text(lib.kata_runtime_get_hypervisor(ref.pointer, ctypes.byref(why)))
        return name, None if why.value is None else text(why.value)

    def create_sandbox(self, *, id: Optional[str] = None, hypervisor: Optional[str] = None, vcpus: int = 0,  # pylint: disable=redefined-builtin
                       memory_mib: int = 0, hostname: Optional[str] = None, annotations: Optional[Mapping[str, str]] = None,
                       disks: Sequence[Disk] = (), dns: Optional[Sequence[str]] = None, limit_cpu_milli: int = 0,
                       limit_memory_bytes: int = 0, cgroup: Optional[str] = None, network: Optional[str] = None,
                       host_devices: Sequence[str] = (), first_container: Optional[Mapping[str, Any]] = None) -> Sandbox:
        """Plans and records a sandbox; start() boots it. 0 and None = the configuration's value. `network`: None or "none", "user", "new", or
        the path of a network namespace. `host_devices`: addresses of the host's PCI devices for the guest, bound to vfio-pci. `first_container`: the
        arguments that create_container() is going to get first; the block devices that it brings are disks of the machine from its start."""
        options = sandbox_options(id=id, hypervisor=hypervisor, vcpus=vcpus, memory_mib=memory_mib, hostname=hostname, annotations=annotations,
                             disks=disks, dns=dns, limit_cpu_milli=limit_cpu_milli, limit_memory_bytes=limit_memory_bytes, cgroup=cgroup,
                             network=network, host_devices=host_devices, first_container=first_container)
        ref = self._ref
        return Sandbox(self._make(lib.kata_sandbox_create, ref.pointer, ctypes.byref(options)), owned=True)

    def plan_sandbox(self, **options: Any) -> Any:
        """What create_sandbox() would decide with the same arguments, as decoded JSON; makes nothing."""
        given, ref = sandbox_options(**options), self._ref
        return json.loads(_abi.take_text(self._make(lib.kata_sandbox_plan, ref.pointer, ctypes.byref(given))))

    def open_sandbox(self, id: str) -> Sandbox:  # pylint: disable=redefined-builtin
        """Attaches to a sandbox that this or another process made; the process may have ended."""
        ref = self._ref
        return Sandbox(self._make(lib.kata_sandbox_open, ref.pointer, encode(id, "id")))

    def restore_sandbox(self, directory: str, *, timeout: Optional[float] = None, **options: Any) -> Sandbox:
        """A paused sandbox from what Sandbox.snapshot() wrote, with its id; the arguments are those that it was made with by create_sandbox()."""
        given, ref = sandbox_options(**options), self._ref
        return Sandbox(self._make(lib.kata_sandbox_restore, ref.pointer, encode(directory, "directory"), ctypes.byref(given),
                                  milliseconds(timeout)), owned=True)

    def list_sandboxes(self) -> List[str]:
        """The ids of all sandboxes in the state directory."""
        ref = self._ref
        return _abi.take_list(self._make(lib.kata_runtime_list, ref.pointer))

    def recover(self, *, all: bool = False, timeout: Optional[float] = None) -> int:  # pylint: disable=redefined-builtin
        """Undoes what processes that were killed have left; `all`: removes running sandboxes too. Returns how many were removed."""
        count = ctypes.c_uint32()
        self._call(lib.kata_runtime_recover, 1 if all else 0, ctypes.byref(count), milliseconds(timeout))
        return count.value

    def recover_sandbox(self, id: str, timeout: Optional[float] = None) -> None:  # pylint: disable=redefined-builtin
        """The same for one sandbox."""
        self._call(lib.kata_runtime_recover_sandbox, encode(id, "id"), milliseconds(timeout))

    def check(self) -> Any:
        """Can this host run containers in virtual machines? A list of {"name", "ok", "required", "detail", "remedy"}."""
        ref = self._ref
        return json.loads(_abi.take_text(self._make(lib.kata_runtime_check, ref.pointer)))

    def describe(self) -> Any:
        """The settings in force, where they came from, versions, host, hypervisor, kernel and image."""
        ref = self._ref
        return json.loads(_abi.take_text(self._make(lib.kata_runtime_describe, ref.pointer)))

    def load_backend(self, path: str) -> None:
        """Adds a hypervisor from a .so, before the runtime's first sandbox. It gets all rights of this process: `path` is absolute, without symbolic
        links, and the file is writable by nobody but root and the program's user."""
        self._call(lib.kata_runtime_load_backend, encode(path, "path"))

    def list_hypervisors(self) -> List[str]:
        """The names of the backends, in order of preference."""
        ref = self._ref
        return _abi.take_list(self._make(lib.kata_runtime_list_hypervisors, ref.pointer))

    def open_hypervisor(self, name: str) -> Hypervisor:
        """Probes one backend."""
        ref = self._ref
        return Hypervisor(self._make(lib.kata_hypervisor_open, ref.pointer, encode(name, "name")))

    def recommend_hypervisor(self, require: Optional[Sequence[str]] = None) -> Any:
        """Which backends fit, best first, and why the others do not: a list of {"name", "fits", "score", "reasons"}."""
        ref = self._ref
        return json.loads(_abi.take_text(self._make(lib.kata_hypervisor_recommend, ref.pointer, strings(require, "require"))))
