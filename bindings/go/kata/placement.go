// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <kata/kata.h>
import "C"

import (
	"strings"
	"unsafe"
)

// Role is what a container is to its virtual machine.
type Role int

// The roles.
const (
	RoleSingle    Role = C.KATA_PLACEMENT_SINGLE    // no pod: a sandbox of its own
	RoleSandbox   Role = C.KATA_PLACEMENT_SANDBOX   // the pod's first container
	RoleContainer Role = C.KATA_PLACEMENT_CONTAINER // one more of the sandbox SandboxID
)

// Placement is which sandbox a container belongs in, and what that sandbox shall be; 0 = no limit, "" = not said.
type Placement struct {
	Role                                          Role
	Terminal, NetworkNew, HasProcess              bool
	CPUMilli, ContainerCPUMilli                   uint32
	MemoryBytes, ContainerMemoryBytes             uint64
	SandboxID, Hostname, NetworkNamespace, Cgroup string
	VFIOGroups                                    []string
}

// ReadPlacement reads what an engine's config.json says of the pod. It opens no file.
func ReadPlacement(configJSON, containerID string) (*Placement, error) {
	var a arena
	defer a.free()
	config, id := a.text(configJSON), a.text(containerID)
	if a.err != nil {
		return nil, a.err
	}
	c := C.kata_placement{size: C.size_t(unsafe.Sizeof(C.kata_placement{}))}
	var err *C.kata_error
	if r := C.kata_placement_read(&c, config, id, &err); r < 0 {
		return nil, result(r, err)
	}
	return &Placement{
		Role: Role(c.role), Terminal: c.flags&C.KATA_PLACEMENT_TERMINAL != 0, NetworkNew: c.flags&C.KATA_PLACEMENT_NETWORK_NEW != 0,
		HasProcess: c.flags&C.KATA_PLACEMENT_PROCESS != 0, CPUMilli: uint32(c.cpu_milli), ContainerCPUMilli: uint32(c.container_cpu_milli),
		MemoryBytes: uint64(c.memory_bytes), ContainerMemoryBytes: uint64(c.container_memory_bytes), SandboxID: C.GoString(&c.sandbox_id[0]),
		Hostname: C.GoString(&c.hostname[0]), NetworkNamespace: C.GoString(&c.network_namespace[0]), Cgroup: C.GoString(&c.cgroup[0]),
		VFIOGroups: strings.Fields(C.GoString(&c.vfio_groups[0])),
	}, nil
}
