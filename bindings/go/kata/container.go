// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <kata/kata.h>
import "C"

import (
	"context"
	"syscall"
	"unsafe"
)

// Volume is a directory or file of the host inside the container; both paths are absolute.
type Volume struct {
	Source, Destination string
	ReadOnly            bool
}

// ContainerOptions says what a container shall be: Bundle, or ConfigJSON, or neither: then a default specification runs Args in Rootfs.
// The rest changes what the specification says; zero values leave it.
type ContainerOptions struct {
	ID            string // "" = a random one
	Bundle        string // directory with config.json
	ConfigJSON    string // instead of the bundle's config.json
	Rootfs        string // directory or block device on the host
	RootfsDisk    string // a Disk's ID
	RootfsFstype  string // of RootfsDisk, or of a Rootfs that is a block device; "" = ext4
	Args          []string
	Env           []string // "NAME=value", added
	Cwd           string
	User          string // "uid" or "uid:gid"
	Hostname      string
	Volumes       []Volume
	MemoryBytes   uint64
	CPUMilli      uint32 // 1000 = one CPU
	PIDs          uint32
	Terminal      bool
	ReadOnly      bool
	Rows, Columns uint32
	RootfsOptions []string // mount options of such a root; nil = none, and "ro" for a read-only block device
}

func (o *ContainerOptions) toC(a *arena) (*C.kata_container_options, error) {
	c := &C.kata_container_options{
		size: C.size_t(unsafe.Sizeof(C.kata_container_options{})), id: a.str(o.ID), bundle: a.str(o.Bundle), config_json: a.str(o.ConfigJSON),
		rootfs: a.str(o.Rootfs), rootfs_disk: a.str(o.RootfsDisk), rootfs_fstype: a.str(o.RootfsFstype), args: a.strv(o.Args), env: a.strv(o.Env),
		cwd: a.str(o.Cwd), user: a.str(o.User), hostname: a.str(o.Hostname), memory_bytes: C.uint64_t(o.MemoryBytes),
		cpu_milli: C.uint32_t(o.CPUMilli), pids: C.uint32_t(o.PIDs), rows: C.uint32_t(o.Rows), columns: C.uint32_t(o.Columns),
		rootfs_options: a.strv(o.RootfsOptions),
	}
	if o.Terminal {
		c.flags |= C.KATA_CONTAINER_TERMINAL
	}
	if o.ReadOnly {
		c.flags |= C.KATA_CONTAINER_READONLY
	}
	if len(o.Volumes) > 0 {
		list := a.alloc(len(o.Volumes) + 1)
		for i, volume := range o.Volumes {
			v := (*C.kata_volume)(a.block(unsafe.Sizeof(C.kata_volume{})))
			v.size, v.source, v.destination = C.size_t(unsafe.Sizeof(*v)), a.text(volume.Source), a.text(volume.Destination)
			if volume.ReadOnly {
				v.flags = C.KATA_VOLUME_READONLY
			}
			list[i] = unsafe.Pointer(v)
		}
		c.volumes = (**C.kata_volume)(unsafe.Pointer(&list[0]))
	}
	return c, a.err
}

// Stats are a container's counters, read in the guest. A limit of math.MaxUint64 is none.
type Stats struct {
	CPUTotalNs, CPUUserNs, CPUSystemNs, CPUThrottledNs                             uint64
	MemoryBytes, MemoryPeakBytes, MemoryLimitBytes, MemoryCacheBytes, SwapBytes    uint64
	PIDs, PIDsLimit, ReadBytes, WriteBytes, RxBytes, RxPackets, TxBytes, TxPackets uint64
}

// Container is one OCI container in a sandbox.
type Container struct{ held handle }

func newContainer(p *C.kata_container) *Container {
	return &Container{held: handle{pointer: unsafe.Pointer(p)}}
}

// CreateContainer creates a container whose program waits for Start. On failure everything made is undone.
func (s *Sandbox) CreateContainer(ctx context.Context, options *ContainerOptions) (*Container, error) {
	if options == nil {
		return nil, &Error{Code: ErrInvalid, Message: "CreateContainer: options are wanted"}
	}
	var a arena
	defer a.free()
	o, e := options.toC(&a)
	if e != nil {
		return nil, e
	}
	var out *C.kata_container
	e = s.do(ctx, func(p *C.kata_sandbox, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_create(&out, p, o, ms, err)
	})
	if e != nil {
		return nil, e
	}
	return newContainer(out), nil
}

// OpenContainer is a handle to a container that exists; "" = the only or first one.
func (s *Sandbox) OpenContainer(id string) (*Container, error) {
	p, e := s.take()
	if e != nil {
		return nil, e
	}
	defer s.unref(p)
	var a arena
	defer a.free()
	name := a.str(id)
	if a.err != nil {
		return nil, a.err
	}
	var out *C.kata_container
	var err *C.kata_error
	if r := C.kata_container_open(&out, p, name, &err); r < 0 {
		return nil, result(r, err)
	}
	return newContainer(out), nil
}

// Close lets go of the handle; the container goes on.
func (c *Container) Close() error {
	c.held.close(func(p unsafe.Pointer) { C.kata_container_unref((*C.kata_container)(p)) })
	return nil
}

func (c *Container) take() (*C.kata_container, error) {
	p, e := c.held.take(func(p unsafe.Pointer) { C.kata_container_ref((*C.kata_container)(p)) })
	return (*C.kata_container)(p), e
}

func (c *Container) unref(p *C.kata_container) { C.kata_container_unref(p) }

func (c *Container) do(ctx context.Context, call func(*C.kata_container, C.int64_t, **C.kata_error) C.int) error {
	p, e := c.take()
	if e != nil {
		return e
	}
	defer c.unref(p)
	if e := ended(ctx); e != nil {
		return e
	}
	var err *C.kata_error
	r := call(p, timeout(ctx), &err)
	return resultOf(ctx, r, err)
}

// ID is the container's id; "" when the handle is closed.
func (c *Container) ID() string {
	p, e := c.take()
	if e != nil {
		return ""
	}
	defer c.unref(p)
	return C.GoString(C.kata_container_get_id(p))
}

// State is the present state.
func (c *Container) State() (State, error) {
	p, e := c.take()
	if e != nil {
		return 0, e
	}
	defer c.unref(p)
	r := C.kata_container_get_state(p)
	return State(r), result(r, nil)
}

// Start lets the container's program run.
func (c *Container) Start(ctx context.Context) error {
	return c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_start(p, ms, err)
	})
}

// Pause freezes its processes; the virtual machine goes on.
func (c *Container) Pause(ctx context.Context) error {
	return c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_pause(p, ms, err)
	})
}

// Resume thaws it.
func (c *Container) Resume(ctx context.Context) error {
	return c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_resume(p, ms, err)
	})
}

// Kill sends a signal to the container's first process, or to all.
func (c *Container) Kill(ctx context.Context, signal syscall.Signal, all bool) error {
	var flags C.uint32_t
	if all {
		flags = C.KATA_KILL_ALL
	}
	return c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_kill(p, C.int(signal), flags, ms, err)
	})
}

// Update changes limits: OCI linux.resources as JSON.
func (c *Container) Update(ctx context.Context, resourcesJSON string) error {
	var a arena
	defer a.free()
	text := a.text(resourcesJSON)
	if a.err != nil {
		return a.err
	}
	return c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_update(p, text, ms, err)
	})
}

// Stats reads the container's counters.
func (c *Container) Stats(ctx context.Context) (*Stats, error) {
	s := C.kata_container_stats{size: C.size_t(unsafe.Sizeof(C.kata_container_stats{}))}
	e := c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_stats_get(p, &s, ms, err)
	})
	if e != nil {
		return nil, e
	}
	return &Stats{
		CPUTotalNs: uint64(s.cpu_total_ns), CPUUserNs: uint64(s.cpu_user_ns), CPUSystemNs: uint64(s.cpu_system_ns),
		CPUThrottledNs: uint64(s.cpu_throttled_ns), MemoryBytes: uint64(s.memory_bytes), MemoryPeakBytes: uint64(s.memory_peak_bytes),
		MemoryLimitBytes: uint64(s.memory_limit_bytes), MemoryCacheBytes: uint64(s.memory_cache_bytes), SwapBytes: uint64(s.swap_bytes),
		PIDs: uint64(s.pids), PIDsLimit: uint64(s.pids_limit), ReadBytes: uint64(s.read_bytes), WriteBytes: uint64(s.write_bytes),
		RxBytes: uint64(s.rx_bytes), RxPackets: uint64(s.rx_packets), TxBytes: uint64(s.tx_bytes), TxPackets: uint64(s.tx_packets),
	}, nil
}

// Delete removes the container from the guest, and what it had on the host; force: also while it runs.
func (c *Container) Delete(ctx context.Context, force bool) error {
	var flags C.uint32_t
	if force {
		flags = C.KATA_DELETE_FORCE
	}
	return c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_delete(p, flags, ms, err)
	})
}

// Process is the container's first process.
func (c *Container) Process() (*Process, error) {
	p, e := c.take()
	if e != nil {
		return nil, e
	}
	defer c.unref(p)
	var out *C.kata_process
	var err *C.kata_error
	if r := C.kata_container_get_process(&out, p, &err); r < 0 {
		return nil, result(r, err)
	}
	return newProcess(out), nil
}

// ExecOptions says what to execute: Args, or ProcessJSON (an OCI process object); the rest changes what it says.
type ExecOptions struct {
	ID            string // "" = a random one
	ProcessJSON   string
	Args, Env     []string
	Cwd, User     string
	Terminal      bool
	Rows, Columns uint32
}

// Exec starts one more process in a running container.
func (c *Container) Exec(ctx context.Context, options *ExecOptions) (*Process, error) {
	if options == nil {
		return nil, &Error{Code: ErrInvalid, Message: "Exec: options are wanted"}
	}
	var a arena
	defer a.free()
	o := C.kata_exec_options{
		size: C.size_t(unsafe.Sizeof(C.kata_exec_options{})), id: a.str(options.ID), process_json: a.str(options.ProcessJSON),
		args: a.strv(options.Args), env: a.strv(options.Env), cwd: a.str(options.Cwd), user: a.str(options.User),
		rows: C.uint32_t(options.Rows), columns: C.uint32_t(options.Columns),
	}
	if options.Terminal {
		o.flags = C.KATA_EXEC_TERMINAL
	}
	if a.err != nil {
		return nil, a.err
	}
	var out *C.kata_process
	e := c.do(ctx, func(p *C.kata_container, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_container_exec(&out, p, &o, ms, err)
	})
	if e != nil {
		return nil, e
	}
	return newProcess(out), nil
}
