// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <kata/kata.h>
import "C"

import (
	"context"
	"encoding/json"
	"sort"
	"unsafe"
)

// State is that of a sandbox or a container.
type State int

// The states.
const (
	Created State = C.KATA_STATE_CREATED
	Running State = C.KATA_STATE_RUNNING
	Paused  State = C.KATA_STATE_PAUSED
	Stopped State = C.KATA_STATE_STOPPED
)

func (s State) String() string {
	names := map[State]string{Created: "created", Running: "running", Paused: "paused", Stopped: "stopped"}
	if name, ok := names[s]; ok {
		return name
	}
	return "unknown"
}

// Disk is a file or block device with a raw file system that the machine has from its start, or gets by AddDisk.
type Disk struct {
	ID, Path  string // containers name ID in ContainerOptions.RootfsDisk
	ReadOnly  bool
	VhostUser bool // Path is where a vhost-user-blk server listens, which can read and write all of the guest's memory
}

// c is the library's kata_disk; a.err says whether it can be one.
func (d Disk) c(a *arena) *C.kata_disk {
	c := (*C.kata_disk)(a.block(unsafe.Sizeof(C.kata_disk{})))
	c.size, c.id, c.path = C.size_t(unsafe.Sizeof(*c)), a.text(d.ID), a.text(d.Path)
	if d.ReadOnly {
		c.flags |= C.KATA_DISK_READONLY
	}
	if d.VhostUser {
		c.flags |= C.KATA_DISK_VHOST_USER
	}
	return c
}

// SandboxOptions says what a sandbox shall be; zero values = the configuration's.
type SandboxOptions struct {
	ID               string // "" = a random one
	Hypervisor       string
	VCPUs            uint32
	MemoryMiB        uint64
	Hostname         string
	Annotations      map[string]string
	Disks            []Disk
	DNS              []string // lines of resolv.conf
	LimitCPUMilli    uint32   // of what is to run in it; these size the machine where VCPUs or MemoryMiB is 0
	LimitMemoryBytes uint64
	Cgroup           string
	Network          string   // "" or "none", "user", "new", or the path of a network namespace
	HostDevices      []string // addresses of the host's PCI devices for the guest, bound to vfio-pci
	// FirstContainer is what CreateContainer is going to get first: the block devices that it brings are disks of the machine from its start.
	FirstContainer *ContainerOptions
}

func (o *SandboxOptions) toC(a *arena) (*C.kata_sandbox_options, error) {
	if o == nil {
		return nil, nil
	}
	c := &C.kata_sandbox_options{
		size: C.size_t(unsafe.Sizeof(C.kata_sandbox_options{})), id: a.str(o.ID), hypervisor: a.str(o.Hypervisor), vcpus: C.uint32_t(o.VCPUs),
		memory_mib: C.uint64_t(o.MemoryMiB), hostname: a.str(o.Hostname), dns: a.strv(o.DNS), limit_cpu_milli: C.uint32_t(o.LimitCPUMilli),
		limit_memory_bytes: C.uint64_t(o.LimitMemoryBytes), cgroup: a.str(o.Cgroup), network: a.str(o.Network),
	}
	if o.Annotations != nil {
		keys, pairs := make([]string, 0, len(o.Annotations)), []string{}
		for key := range o.Annotations {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			pairs = append(pairs, key, o.Annotations[key])
		}
		c.annotations = a.strv(pairs)
	}
	if len(o.Disks) > 0 {
		list := a.alloc(len(o.Disks) + 1)
		for i, disk := range o.Disks {
			list[i] = unsafe.Pointer(disk.c(a))
		}
		c.disks = (**C.kata_disk)(unsafe.Pointer(&list[0]))
	}
	if len(o.HostDevices) > 0 {
		list := a.alloc(len(o.HostDevices) + 1)
		for i, address := range o.HostDevices {
			list[i] = unsafe.Pointer(hostDevice(a, address))
		}
		c.host_devices = (**C.kata_host_device)(unsafe.Pointer(&list[0]))
	}
	if o.FirstContainer != nil {
		mine, e := o.FirstContainer.toC(a)
		if e != nil {
			return nil, e
		}
		first := (*C.kata_container_options)(a.block(unsafe.Sizeof(*mine)))
		*first = *mine
		c.first_container = first
	}
	return c, a.err
}

// Sandbox is one virtual machine for the containers of one pod.
type Sandbox struct {
	held   handle
	events eventSource
}

// CreateSandbox plans and records a sandbox; Start boots it. options may be nil.
func (r *Runtime) CreateSandbox(options *SandboxOptions) (*Sandbox, error) {
	p, e := r.take()
	if e != nil {
		return nil, e
	}
	defer r.unref(p)
	var a arena
	defer a.free()
	o, e := options.toC(&a)
	if e != nil {
		return nil, e
	}
	var out *C.kata_sandbox
	var err *C.kata_error
	if code := C.kata_sandbox_create(&out, p, o, &err); code < 0 {
		return nil, result(code, err)
	}
	return newSandbox(out), nil
}

// RestoreSandbox makes a paused sandbox from what Snapshot wrote, with its id; the options are those that it was made with.
func (r *Runtime) RestoreSandbox(ctx context.Context, directory string, options *SandboxOptions) (*Sandbox, error) {
	p, e := r.take()
	if e != nil {
		return nil, e
	}
	defer r.unref(p)
	var a arena
	defer a.free()
	o, e := options.toC(&a)
	if e != nil {
		return nil, e
	}
	d := a.str(directory)
	if a.err != nil {
		return nil, a.err
	}
	if e := ended(ctx); e != nil {
		return nil, e
	}
	var out *C.kata_sandbox
	var err *C.kata_error
	if code := C.kata_sandbox_restore(&out, p, d, o, timeout(ctx), &err); code < 0 {
		return nil, resultOf(ctx, code, err)
	}
	return newSandbox(out), nil
}

// PlanSandbox is JSON: what CreateSandbox would decide; it makes nothing.
func (r *Runtime) PlanSandbox(options *SandboxOptions) (plan json.RawMessage, e error) {
	var a arena
	defer a.free()
	o, e := options.toC(&a)
	if e != nil {
		return nil, e
	}
	e = r.report(&plan, func(text **C.char, p *C.kata_runtime, err **C.kata_error) C.int {
		return C.kata_sandbox_plan(text, p, o, err)
	})
	return
}

// OpenSandbox attaches to a sandbox that this or another process made; the process may have ended.
func (r *Runtime) OpenSandbox(id string) (*Sandbox, error) {
	p, e := r.take()
	if e != nil {
		return nil, e
	}
	defer r.unref(p)
	var a arena
	defer a.free()
	name := a.text(id)
	if a.err != nil {
		return nil, a.err
	}
	var out *C.kata_sandbox
	var err *C.kata_error
	if code := C.kata_sandbox_open(&out, p, name, &err); code < 0 {
		return nil, result(code, err)
	}
	return newSandbox(out), nil
}

func newSandbox(p *C.kata_sandbox) *Sandbox {
	s := &Sandbox{held: handle{pointer: unsafe.Pointer(p)}}
	s.events.turn = make(chan struct{}, 1)
	return s
}

// Close lets go of the handle; the sandbox goes on, and can be opened again. A NextEvent that waits ends with ErrClosed.
func (s *Sandbox) Close() error {
	s.events.close()
	s.held.close(func(p unsafe.Pointer) { C.kata_sandbox_unref((*C.kata_sandbox)(p)) })
	return nil
}

func (s *Sandbox) take() (*C.kata_sandbox, error) {
	p, e := s.held.take(func(p unsafe.Pointer) { C.kata_sandbox_ref((*C.kata_sandbox)(p)) })
	return (*C.kata_sandbox)(p), e
}

func (s *Sandbox) unref(p *C.kata_sandbox) { C.kata_sandbox_unref(p) }

// do is what the functions without an output have in common.
func (s *Sandbox) do(ctx context.Context, call func(*C.kata_sandbox, C.int64_t, **C.kata_error) C.int) error {
	p, e := s.take()
	if e != nil {
		return e
	}
	defer s.unref(p)
	if e := ended(ctx); e != nil {
		return e
	}
	var err *C.kata_error
	r := call(p, timeout(ctx), &err)
	return resultOf(ctx, r, err)
}

// ID is the sandbox's id; "" when the handle is closed.
func (s *Sandbox) ID() string {
	p, e := s.take()
	if e != nil {
		return ""
	}
	defer s.unref(p)
	return C.GoString(C.kata_sandbox_get_id(p))
}

// State is the present state, also when another process or the guest changed it.
func (s *Sandbox) State() (State, error) {
	p, e := s.take()
	if e != nil {
		return 0, e
	}
	defer s.unref(p)
	r := C.kata_sandbox_get_state(p)
	return State(r), result(r, nil)
}

// Start boots the guest and waits until its agent answers. On failure everything made on the host is undone.
func (s *Sandbox) Start(ctx context.Context) error {
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_start(p, ms, err)
	})
}

// Pause stops the machine's processors.
func (s *Sandbox) Pause(ctx context.Context) error {
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_pause(p, ms, err)
	})
}

// Resume lets them go on.
func (s *Sandbox) Resume(ctx context.Context) error {
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_resume(p, ms, err)
	})
}

// Snapshot writes a paused sandbox into an empty directory that is ours alone; RestoreSandbox is the way back.
func (s *Sandbox) Snapshot(ctx context.Context, directory string) error {
	var a arena
	defer a.free()
	d := a.str(directory)
	if a.err != nil {
		return a.err
	}
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_snapshot(p, d, ms, err)
	})
}

// RefreshNetwork looks at the pod's network namespace again.
func (s *Sandbox) RefreshNetwork(ctx context.Context) error {
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_refresh_network(p, ms, err)
	})
}

// AddDisk gives a running guest one more disk, which containers created from then on can name in RootfsDisk; before the start it becomes one of
// those that are there from then on.
func (s *Sandbox) AddDisk(ctx context.Context, disk Disk) error {
	a := &arena{}
	defer a.free()
	d := disk.c(a)
	if a.err != nil {
		return a.err
	}
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_add_disk(p, d, ms, err)
	})
}

// RemoveDisk takes a disk from the guest that came while it ran, and closes its file.
func (s *Sandbox) RemoveDisk(ctx context.Context, id string) error {
	a := &arena{}
	defer a.free()
	name := a.text(id)
	if a.err != nil {
		return a.err
	}
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_remove_disk(p, name, ms, err)
	})
}

// hostDevice is the library's kata_host_device; a.err says whether the address can be one.
func hostDevice(a *arena, address string) *C.kata_host_device {
	device := (*C.kata_host_device)(a.block(unsafe.Sizeof(C.kata_host_device{})))
	device.size, device.address = C.size_t(unsafe.Sizeof(*device)), a.text(address)
	return device
}

// AddHostDevice gives a running guest a PCI device of the host, bound to vfio-pci; the file of an IOMMU group ("/dev/vfio/12") stands for all that
// is in it.
func (s *Sandbox) AddHostDevice(ctx context.Context, address string) error {
	a := &arena{}
	defer a.free()
	device := hostDevice(a, address)
	if a.err != nil {
		return a.err
	}
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_add_host_device(p, device, ms, err)
	})
}

// RemoveHostDevice takes one from the guest that came while it ran; the host can have it again.
func (s *Sandbox) RemoveHostDevice(ctx context.Context, address string) error {
	a := &arena{}
	defer a.free()
	name := a.text(address)
	if a.err != nil {
		return a.err
	}
	return s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_remove_host_device(p, name, ms, err)
	})
}

// A Size is how large a machine is, and how large it can become while it runs.
type Size struct {
	VCPUs, MaxVCPUs         uint32
	MemoryMiB, MaxMemoryMiB uint64
}

// Resize changes the number of processors and the memory of the running guest, 0 = as it is. It returns what it has then, which may be more.
func (s *Sandbox) Resize(ctx context.Context, vcpus uint32, memoryMiB uint64) (Size, error) {
	c := C.kata_sandbox_size{size: C.size_t(unsafe.Sizeof(C.kata_sandbox_size{})), vcpus: C.uint32_t(vcpus), memory_mib: C.uint64_t(memoryMiB)}
	e := s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_sandbox_resize(p, &c, ms, err)
	})
	if e != nil {
		return Size{}, e
	}
	return Size{uint32(c.vcpus), uint32(c.max_vcpus), uint64(c.memory_mib), uint64(c.max_memory_mib)}, nil
}

// Stop ends the containers and the machine: orderly within ctx's deadline or the configuration's time, then by force. It does so with a context
// that has ended too.
func (s *Sandbox) Stop(ctx context.Context) error {
	p, e := s.take()
	if e != nil {
		return e
	}
	defer s.unref(p)
	ms := timeout(ctx)
	if ctx.Err() != nil {
		ms = 0
	}
	var err *C.kata_error
	r := C.kata_sandbox_stop(p, ms, &err)
	return result(r, err)
}

// Delete removes every trace of the sandbox; force: also while it runs.
func (s *Sandbox) Delete(force bool) error {
	p, e := s.take()
	if e != nil {
		return e
	}
	defer s.unref(p)
	var flags C.uint32_t
	if force {
		flags = C.KATA_DELETE_FORCE
	}
	var err *C.kata_error
	r := C.kata_sandbox_delete(p, flags, &err)
	return result(r, err)
}

// Inspect is JSON: state, containers, plan, host processes, timing.
func (s *Sandbox) Inspect() (json.RawMessage, error) {
	p, e := s.take()
	if e != nil {
		return nil, e
	}
	defer s.unref(p)
	var text *C.char
	var err *C.kata_error
	if r := C.kata_sandbox_inspect(&text, p, &err); r < 0 {
		return nil, result(r, err)
	}
	return json.RawMessage(takeText(text)), nil
}

// Metrics are the guest's own, in Prometheus' text format.
func (s *Sandbox) Metrics(ctx context.Context) (metrics string, e error) {
	e = s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		var text *C.char
		r := C.kata_sandbox_metrics_get(&text, p, ms, err)
		if r == 0 {
			metrics = takeText(text)
		}
		return r
	})
	return
}

// Containers are the ids of its containers, in order of creation.
func (s *Sandbox) Containers() ([]string, error) {
	p, e := s.take()
	if e != nil {
		return nil, e
	}
	defer s.unref(p)
	var list **C.char
	var err *C.kata_error
	if r := C.kata_sandbox_list_containers(&list, p, &err); r < 0 {
		return nil, result(r, err)
	}
	return takeList(list), nil
}
