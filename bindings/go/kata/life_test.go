// SPDX-License-Identifier: LGPL-2.1-or-later

package kata_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"libkata/bindings/go/kata"
)

// TestLife is the whole life of one sandbox: the same steps as tests/lifecycle/life.c and the Python package's.
func TestLife(t *testing.T) {
	r := aRuntime(t)
	s := aSandbox(t, r, "go-life")
	equal(t, s.ID(), "go-life")
	equal(t, must[kata.State](t)(s.State()), kata.Running)
	c := must[*kata.Container](t)(s.CreateContainer(ctx, &kata.ContainerOptions{
		ID: "c1", Rootfs: setting("ROOTFS"), Args: []string{"sh", "-c", "echo out; echo err >&2; sleep 1000"}}))
	defer c.Close()
	equal(t, must[kata.State](t)(c.State()), kata.Created)
	ok(t, c.Start(ctx))
	p := must[*kata.Process](t)(c.Process())
	defer p.Close()
	buffer := make([]byte, 100)
	equal(t, string(buffer[:must[int](t)(p.Stdout().Read(buffer))]), "out\n")
	equal(t, string(buffer[:must[int](t)(p.Stderr().Read(buffer))]), "err\n")
	executes(t, c)
	watches(t, c, p)
	second(t, s)
	if null() {
		disks(t, s)
	}
	ok(t, s.Pause(ctx))
	equal(t, must[kata.State](t)(s.State()), kata.Paused)
	ok(t, s.Resume(ctx))
	ok(t, c.Pause(ctx))
	ok(t, c.Resume(ctx))
	elsewhere(t, r, s)
	ok(t, p.Signal(ctx, syscall.SIGKILL))
	equal(t, must[int](t)(p.Wait(ctx)), 137)
	equal(t, must[kata.State](t)(c.State()), kata.Stopped)
	equal(t, errors.Is(p.Signal(ctx, syscall.SIGTERM), kata.ErrNotFound), true)
	ok(t, c.Delete(ctx, false))
	equal(t, errors.Is(c.Start(ctx), kata.ErrNotFound), true)
	ok(t, s.Stop(ctx))
	equal(t, must[kata.State](t)(s.State()), kata.Stopped)
	ok(t, s.Delete(false))
	equal(t, errors.Is(s.Start(ctx), kata.ErrNotFound), true)
	equal(t, len(must[[]string](t)(r.Sandboxes())), 0)
}

func disks(t *testing.T, s *kata.Sandbox) {
	t.Helper()
	disk := kata.Disk{ID: "data", Path: setting("CONFIG"), ReadOnly: true}
	ok(t, s.AddDisk(ctx, disk))
	equal(t, errors.Is(s.AddDisk(ctx, disk), kata.ErrExists), true)
	equal(t, errors.Is(s.AddDisk(ctx, kata.Disk{ID: "d\x00", Path: disk.Path}), kata.ErrInvalid), true)
	ok(t, s.RemoveDisk(ctx, "data"))
	equal(t, errors.Is(s.RemoveDisk(ctx, "data"), kata.ErrNotFound), true)
	equal(t, errors.Is(s.AddHostDevice(ctx, "0000:01:00.0"), kata.ErrUnsupported), true)
	equal(t, errors.Is(s.AddHostDevice(ctx, "nvme0"), kata.ErrInvalid), true)
	equal(t, errors.Is(s.AddHostDevice(ctx, "01:00.0\x00"), kata.ErrInvalid), true)
	equal(t, errors.Is(s.RemoveHostDevice(ctx, "0000:01:00.0"), kata.ErrNotFound), true)
	equal(t, errors.Is(s.RemoveHostDevice(ctx, "\x00"), kata.ErrInvalid), true)
}

// changing is a sandbox of the null hypervisor with settings and one disk, "root".
func changing(t *testing.T, settings string) (*kata.Runtime, *kata.SandboxOptions) {
	t.Helper()
	if !null() {
		t.Skip("over the null hypervisor")
	}
	r := must[*kata.Runtime](t)(newRuntime(t, "null", "[hypervisor.null]\n"+settings))
	t.Cleanup(func() { r.Close() })
	return r, &kata.SandboxOptions{ID: "go-changing", Disks: []kata.Disk{{ID: "root", Path: setting("CONFIG"), ReadOnly: true}}}
}

func TestResize(t *testing.T) {
	r, options := changing(t, "default_vcpus = 1\ndefault_memory = 256\ndefault_maxvcpus = 4\ndefault_maxmemory = 1000\n")
	s := must[*kata.Sandbox](t)(r.CreateSandbox(options))
	defer func() { s.Delete(true); s.Close() }()
	_, e := s.Resize(ctx, 2, 0)
	equal(t, errors.Is(e, kata.ErrState), true)
	ok(t, s.Start(ctx))
	size := must[kata.Size](t)(s.Resize(ctx, 2, 300))
	equal(t, size.VCPUs == 2 && size.MaxVCPUs == 4 && size.MemoryMiB == 384, true)
	equal(t, must[kata.Size](t)(s.Resize(ctx, 0, 0)), size)
	_, e = s.Resize(ctx, 5, 0)
	equal(t, errors.Is(e, kata.ErrLimit), true)
}

func TestSnapshot(t *testing.T) {
	r, options := changing(t, "shared_fs = \"none\"\n")
	directory := t.TempDir()
	ok(t, os.Chmod(directory, 0o700))
	s := must[*kata.Sandbox](t)(r.CreateSandbox(options))
	defer func() { s.Delete(true); s.Close() }()
	ok(t, s.Start(ctx))
	c := must[*kata.Container](t)(s.CreateContainer(ctx, &kata.ContainerOptions{ID: "c", RootfsDisk: "root", Args: []string{"cat"}}))
	ok(t, c.Start(ctx))
	c.Close()
	equal(t, errors.Is(s.Snapshot(ctx, directory), kata.ErrState), true)
	ok(t, s.Pause(ctx))
	equal(t, errors.Is(s.Snapshot(ctx, "a\x00b"), kata.ErrInvalid), true)
	ok(t, s.Snapshot(ctx, directory))
	ok(t, s.Delete(true))
	_, e := r.RestoreSandbox(ctx, "a\x00b", options)
	equal(t, errors.Is(e, kata.ErrInvalid), true)
	again := must[*kata.Sandbox](t)(r.RestoreSandbox(ctx, directory, options))
	defer func() { again.Delete(true); again.Close() }()
	equal(t, must[kata.State](t)(again.State()), kata.Paused)
	ok(t, again.Resume(ctx))
	equal(t, fmt.Sprint(must[[]string](t)(again.Containers())), "[c]")
}

func TestHostDevices(t *testing.T) {
	if !null() {
		t.Skip("over null only")
	}
	r := aRuntime(t)
	_, e := r.CreateSandbox(&kata.SandboxOptions{ID: "go-vfio", HostDevices: []string{"0000:01:00.0"}})
	equal(t, errors.Is(e, kata.ErrUnsupported), true)
	_, e = r.CreateSandbox(&kata.SandboxOptions{ID: "go-vfio", HostDevices: []string{"01:00.0\x00"}})
	equal(t, errors.Is(e, kata.ErrInvalid), true)
}

func TestFirstContainer(t *testing.T) {
	names, _ := filepath.Glob("/sys/class/block/*")
	node := ""
	for _, name := range names {
		if _, e := os.Stat("/dev/" + filepath.Base(name)); e == nil {
			node = "/dev/" + filepath.Base(name)
		}
	}
	if !null() || node == "" {
		t.Skip("over null only, where there is a block device in /dev")
	}
	r := aRuntime(t)
	first := &kata.ContainerOptions{Rootfs: node, RootfsFstype: "xfs", RootfsOptions: []string{"noatime"}, Args: []string{"cat"}}
	plan := must[json.RawMessage](t)(r.PlanSandbox(&kata.SandboxOptions{FirstContainer: first}))
	equal(t, strings.Contains(string(plan), "\"kata-b-"), true)
	first.RootfsOptions = []string{"a,b"}
	_, e := r.PlanSandbox(&kata.SandboxOptions{FirstContainer: first})
	equal(t, errors.Is(e, kata.ErrInvalid), true)
	first.RootfsOptions = []string{"a\x00b"}
	_, e = r.PlanSandbox(&kata.SandboxOptions{FirstContainer: first})
	equal(t, errors.Is(e, kata.ErrInvalid), true)
}

func run(t *testing.T, c *kata.Container, input []byte, args ...string) ([]byte, int) {
	t.Helper()
	p := must[*kata.Process](t)(c.Exec(ctx, &kata.ExecOptions{Args: args}))
	defer p.Close()
	go func() {
		p.Stdin().Write(input)
		p.Stdin().Close()
	}()
	out := must[[]byte](t)(io.ReadAll(p.Stdout()))
	return out, must[int](t)(p.Wait(ctx))
}

func executes(t *testing.T, c *kata.Container) {
	big := bytes.Repeat([]byte("0123456789abcdef!"), 20000)
	out, status := run(t, c, big, "cat")
	equal(t, bytes.Equal(out, big) && status == 0, true)
	_, status = run(t, c, nil, "sh", "-c", "exit 7")
	equal(t, status, 7)
}

func watches(t *testing.T, c *kata.Container, p *kata.Process) {
	soon, cancel := context.WithTimeout(ctx, 1)
	defer cancel()
	_, e := p.Wait(soon)
	equal(t, errors.Is(e, kata.ErrTimeout) && errors.Is(e, context.DeadlineExceeded), true)
	stats := must[*kata.Stats](t)(c.Stats(ctx))
	equal(t, stats.CPUTotalNs != 0 && stats.MemoryBytes != 0 && stats.PIDs != 0, true)
	ok(t, c.Update(ctx, `{"memory":{"limit":67108864}}`))
}

func second(t *testing.T, s *kata.Sandbox) {
	volume := kata.Volume{Source: filepath.Join(setting("DIR"), "volume"), Destination: "/mnt", ReadOnly: true}
	ok(t, os.MkdirAll(volume.Source, 0o755))
	c := must[*kata.Container](t)(s.CreateContainer(ctx, &kata.ContainerOptions{
		ID: "c2", Rootfs: setting("ROOTFS"), Args: []string{"sleep", "1000"}, Env: []string{"A=b"}, Volumes: []kata.Volume{volume}}))
	defer c.Close()
	ok(t, c.Start(ctx))
	equal(t, fmt.Sprint(must[[]string](t)(s.Containers())), "[c1 c2]")
	ok(t, c.Delete(ctx, true))
	equal(t, fmt.Sprint(must[[]string](t)(s.Containers())), "[c1]")
}

// elsewhere is another handle, and another process.
func elsewhere(t *testing.T, r *kata.Runtime, s *kata.Sandbox) {
	other := must[*kata.Sandbox](t)(r.OpenSandbox(s.ID()))
	same := must[*kata.Container](t)(other.OpenContainer("c1"))
	out, _ := run(t, same, nil, "echo", "again")
	equal(t, string(out), "again\n")
	same.Close()
	other.Close()
	equal(t, must[kata.State](t)(s.State()), kata.Running) // only the handle was closed
	child := exec.Command(os.Args[0], "-test.run", "TestFromAfar", "-test.v")
	child.Env = append(os.Environ(), "KATA_TEST_AFAR=go-life")
	text, e := child.CombinedOutput()
	if e != nil || !strings.Contains(string(text), "hello from afar") {
		t.Fatalf("%v: %s", e, text)
	}
}

// TestFromAfar is the other process.
func TestFromAfar(t *testing.T) {
	id := setting("AFAR")
	if id == "" {
		t.Skip("part of TestLife")
	}
	s := must[*kata.Sandbox](t)(aRuntime(t).OpenSandbox(id))
	defer s.Close()
	c := must[*kata.Container](t)(s.OpenContainer("c1"))
	defer c.Close()
	out, _ := run(t, c, nil, "echo", "hello", "from", "afar")
	t.Logf("%s", out)
}
