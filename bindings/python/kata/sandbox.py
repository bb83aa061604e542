# SPDX-License-Identifier: LGPL-2.1-or-later
"""sandbox: one virtual machine for the containers of one pod; its events."""

import ctypes
import json
from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Union

from . import _abi
from ._abi import encode, lib, milliseconds, strings, text
from ._handle import Handle, sliced
from .container import Container, Json, Volume, container_options
from .errors import NotFoundError, TimedOutError, check
from .states import EventType, State

# enum kata_disk_flags, kata_delete_flags
_DISK_READONLY, _DISK_VHOST_USER, _FORCE = 1, 2, 1


@dataclass(frozen=True)
class Disk:
    """A disk that the machine has from its start, or gets by add_disk(): a file or block device with a raw file system. `id` is what a container
    names it by."""

    id: str
    path: str
    readonly: bool = False
    vhost_user: bool = False  #: path is where a vhost-user-blk server listens, which can read and write all of the guest's memory


@dataclass(frozen=True)
class Size:
    """How large a machine is, and how large it can become while it runs."""

    vcpus: int
    max_vcpus: int
    memory_mib: int
    max_memory_mib: int


@dataclass(frozen=True)
class Event:
    """Something that happened: `state` with SANDBOX_STATE, `exit_status` with CONTAINER_EXIT; `container_id` is "" about the sandbox."""

    type: Union[EventType, int]
    state: Optional[State]
    exit_status: Optional[int]
    container_id: str


class Sandbox(Handle):
    """A virtual machine; from Runtime.create_sandbox() and open_sandbox(). As a context manager, one that was created is deleted at the end,
    with all that runs in it, unless detach() was called; one that was opened goes on."""

    _unref_name = "kata_sandbox_unref"

    def __init__(self, pointer: ctypes.c_void_p, owned: bool = False) -> None:
        super().__init__(pointer)
        self._owned = owned

    @property
    def id(self) -> str:
        """Its id."""
        ref = self._ref
        return text(lib.kata_sandbox_get_id(ref.pointer))

    @property
    def state(self) -> State:
        """Its present state, also when another process or the guest changed it."""
        ref = self._ref
        return State(check(lib.kata_sandbox_get_state(ref.pointer), "sandbox"))

    def start(self, timeout: Optional[float] = None) -> None:
        """Boots the guest and waits until its agent answers. On failure everything made on the host is undone."""
        self._call(lib.kata_sandbox_start, milliseconds(timeout))

    def pause(self, timeout: Optional[float] = None) -> None:
        """Stops the machine's processors."""
        self._call(lib.kata_sandbox_pause, milliseconds(timeout))

    def resume(self, timeout: Optional[float] = None) -> None:
        """Lets them go on."""
        self._call(lib.kata_sandbox_resume, milliseconds(timeout))

    def snapshot(self, directory: str, timeout: Optional[float] = None) -> None:
        """Writes a paused sandbox into an empty directory that is ours alone; Runtime.restore_sandbox() is the way back."""
        self._call(lib.kata_sandbox_snapshot, encode(directory, "directory"), milliseconds(timeout))

    def refresh_network(self, timeout: Optional[float] = None) -> None:
        """Looks at the pod's network namespace again."""
        self._call(lib.kata_sandbox_refresh_network, milliseconds(timeout))

    def add_disk(self, disk: Disk, timeout: Optional[float] = None) -> None:
        """Gives a running guest one more disk, which containers created from then on can name; before the start, one that is there from then on."""
        self._call(lib.kata_sandbox_add_disk, ctypes.byref(_disk(disk)), milliseconds(timeout))

    def remove_disk(self, id: str, timeout: Optional[float] = None) -> None:  # pylint: disable=redefined-builtin
        """Takes a disk from the guest that came while it ran, and closes its file."""
        self._call(lib.kata_sandbox_remove_disk, encode(id, "id"), milliseconds(timeout))

    def add_host_device(self, address: str, timeout: Optional[float] = None) -> None:
        """Gives a running guest a PCI device of the host, bound to vfio-pci; the file of an IOMMU group ("/dev/vfio/12") stands for all that is in it."""
        self._call(lib.kata_sandbox_add_host_device, ctypes.byref(_host_device(address)), milliseconds(timeout))

    def remove_host_device(self, address: str, timeout: Optional[float] = None) -> None:
        """Takes one from the guest that came while it ran; the host can have it again."""
        self._call(lib.kata_sandbox_remove_host_device, encode(address, "id"), milliseconds(timeout))

    def resize(self, vcpus: int = 0, memory_mib: int = 0, timeout: Optional[float] = None) -> Size:
        """Changes the number of processors and the memory of the running guest, 0 = as it is. Returns what it has then, which may be more."""
        size = _abi.SandboxSize(size=ctypes.sizeof(_abi.SandboxSize), vcpus=vcpus, memory_mib=memory_mib)
        self._call(lib.kata_sandbox_resize, ctypes.byref(size), milliseconds(timeout))
        return Size(size.vcpus, size.max_vcpus, size.memory_mib, size.max_memory_mib)

    def stop(self, timeout: Optional[float] = None) -> None:
        """Ends the containers and the machine, orderly first, by force after `timeout` seconds (0 = at once)."""
        self._call(lib.kata_sandbox_stop, milliseconds(timeout))

    def delete(self, *, force: bool = False) -> None:
        """Removes every trace of it. `force`: also while it runs."""
        self._call(lib.kata_sandbox_delete, _FORCE if force else 0)

    def inspect(self) -> Any:
        """State, containers, plan, host processes and timing, as decoded JSON."""
        ref = self._ref
        return json.loads(_abi.take_text(self._make(lib.kata_sandbox_inspect, ref.pointer)))

    def metrics(self, timeout: Optional[float] = None) -> str:
        """The guest's own metrics, in Prometheus' text format."""
        ref = self._ref
        return _abi.take_text(self._make(lib.kata_sandbox_metrics_get, ref.pointer, milliseconds(timeout)))

    def list_containers(self) -> List[str]:
        """The ids of its containers, in order of creation."""
        ref = self._ref
        return _abi.take_list(self._make(lib.kata_sandbox_list_containers, ref.pointer))

    def create_container(self, *, id: Optional[str] = None, bundle: Optional[str] = None,  # pylint: disable=redefined-builtin
                         config_json: Optional[Json] = None, rootfs: Optional[str] = None, rootfs_disk: Optional[str] = None,
                         rootfs_fstype: Optional[str] = None, args: Optional[Sequence[str]] = None, env: Optional[Sequence[str]] = None,
                         cwd: Optional[str] = None, user: Optional[str] = None, hostname: Optional[str] = None,
                         volumes: Sequence[Volume] = (), memory_bytes: int = 0, cpu_milli: int = 0, pids: int = 0, terminal: bool = False,
                         readonly: bool = False, rows: int = 0, columns: int = 0, rootfs_options: Optional[Sequence[str]] = None,
                         timeout: Optional[float] = None) -> Container:
        """Creates a container whose program waits for start(). `bundle`, or `config_json` (text or a mapping), or neither: then a default
        specification runs `args` in `rootfs`. The rest changes what the specification says; 0 and None = as it says. `rootfs_options`: how a root on
        `rootfs_disk` or a block device is mounted."""
        options = container_options(id=id, bundle=bundle, config_json=config_json, rootfs=rootfs, rootfs_disk=rootfs_disk, rootfs_fstype=rootfs_fstype,
                             args=args, env=env, cwd=cwd, user=user, hostname=hostname, volumes=volumes, memory_bytes=memory_bytes,
                             cpu_milli=cpu_milli, pids=pids, terminal=terminal, readonly=readonly, rows=rows, columns=columns, rootfs_options=rootfs_options)
        ref = self._ref
        return Container(self._make(lib.kata_container_create, ref.pointer, ctypes.byref(options), milliseconds(timeout)), owned=True)

    def open_container(self, id: Optional[str] = None) -> Container:  # pylint: disable=redefined-builtin
        """A handle to a container that exists; None = the only or first one."""
        ref = self._ref
        return Container(self._make(lib.kata_container_open, ref.pointer, encode(id, "id")))

    def fileno(self) -> int:
        """A descriptor that polls readable while events wait; only poll it, and not after close(). The first call starts the watching."""
        ref = self._ref
        return check(lib.kata_sandbox_get_event_fd(ref.pointer), "events")

    def next_event(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The oldest event; None if none came in `timeout` seconds (None = wait for ever, 0 = only look). LimitError: 1024 waited and were dropped."""
        def step(left: Optional[float]) -> Event:
            found = _abi.Event(size=ctypes.sizeof(_abi.Event))
            if self._call(lib.kata_sandbox_next_event, ctypes.byref(found), _abi.TIMEOUT_NONE if left is None else milliseconds(left)) == 0:
                raise TimedOutError("no event in time")
            kind = found.type
            return Event(EventType(kind) if kind in EventType.__members__.values() else kind,
                         State(found.state) if kind == EventType.SANDBOX_STATE else None,
                         found.exit_status if kind == EventType.CONTAINER_EXIT else None, text(found.container_id))
        try:
            return sliced(step, timeout)
        except TimedOutError:
            return None

    def events(self, timeout: Optional[float] = None) -> Iterator[Event]:
        """Events as they come; ends when none came for `timeout` seconds, or after the sandbox has stopped."""
        while True:
            event = self.next_event(timeout)
            if event is None:
                return
            yield event
            if event.state == State.STOPPED:
                return

    def detach(self) -> None:
        """The end of a `with` block leaves the sandbox running."""
        self._owned = False

    def __exit__(self, *unused: object) -> None:
        try:
            if self._owned and not self.closed:
                self.delete(force=True)
        except NotFoundError:
            pass  # its owner has deleted it
        finally:
            self.close()


def _disk(disk: Disk) -> _abi.Disk:
    return _abi.Disk(size=ctypes.sizeof(_abi.Disk), id=encode(disk.id, "disks"), path=encode(disk.path, "disks"),
                     flags=(_DISK_READONLY if disk.readonly else 0) | (_DISK_VHOST_USER if disk.vhost_user else 0))


def _host_device(address: str) -> _abi.HostDevice:
    return _abi.HostDevice(size=ctypes.sizeof(_abi.HostDevice), address=encode(address, "host_devices"))


def sandbox_options(*, id: Optional[str] = None, hypervisor: Optional[str] = None, vcpus: int = 0,  # pylint: disable=redefined-builtin
               memory_mib: int = 0, hostname: Optional[str] = None, annotations: Optional[Mapping[str, str]] = None,
               disks: Sequence[Disk] = (), dns: Optional[Sequence[str]] = None, limit_cpu_milli: int = 0, limit_memory_bytes: int = 0,
               cgroup: Optional[str] = None, network: Optional[str] = None,
               host_devices: Sequence[str] = (), first_container: Optional[Mapping[str, Any]] = None) -> _abi.SandboxOptions:
    """kata_sandbox_options from Python's words. Not public."""
    listed: list[ctypes.Structure] = [_disk(d) for d in disks]
    pairs = None if annotations is None else [word for pair in annotations.items() for word in pair]
    options = _abi.SandboxOptions(
        size=ctypes.sizeof(_abi.SandboxOptions), id=encode(id, "id"), hypervisor=encode(hypervisor, "hypervisor"), vcpus=vcpus,
        memory_mib=memory_mib, hostname=encode(hostname, "hostname"), annotations=strings(pairs, "annotations"), dns=strings(dns, "dns"),
        limit_cpu_milli=limit_cpu_milli, limit_memory_bytes=limit_memory_bytes, cgroup=encode(cgroup, "cgroup"),
        network=encode(network, "network"))
    array = _abi.pointers(listed, _abi.Disk)
    if array is not None:
        options.disks = array
    devices: list[ctypes.Structure] = [_host_device(a) for a in host_devices]
    array = _abi.pointers(devices, _abi.HostDevice)
    if array is not None:
        options.host_devices = array
    if first_container is not None:
        options.first_container = ctypes.pointer(container_options(**first_container))
    return options
