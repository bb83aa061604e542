// SPDX-License-Identifier: LGPL-2.1-or-later

package kata_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"libkata/bindings/go/kata"
)

// boots starts a sandbox on another hypervisor, with settings for it and, if load is not "", a backend from there.
func boots(t *testing.T, hypervisor, settings, load string) error {
	r, e := newRuntime(t, hypervisor, "[hypervisor."+hypervisor+"]\n"+settings)
	if e != nil {
		return e
	}
	defer r.Close()
	if load != "" {
		ok(t, r.LoadBackend(load))
	}
	s, e := r.CreateSandbox(nil)
	if e != nil {
		return e
	}
	defer s.Close()
	defer s.Delete(true)
	return s.Start(ctx)
}

// faulty is a hypervisor that fails so, and does not say why.
func faulty(t *testing.T, code kata.Code) error {
	kernel := setting("CONFIG")
	return boots(t, "faulty", fmt.Sprintf("kernel = %q\ninitrd = %q\nkernel_params = \"faulty.code=%d\"", kernel, kernel, code), setting("FAULTY"))
}

// busy: another program of the library's works on it; this is how they keep out of each other's way.
func busy(t *testing.T, s *kata.Sandbox) error {
	held := must[*os.File](t)(os.Open(filepath.Join(setting("STATE"), s.ID())))
	defer held.Close()
	ok(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX))
	soon, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	return s.Pause(soon)
}

// timedOut: a wait for a process that runs.
func timedOut(p *kata.Process) error {
	soon, stop := context.WithTimeout(ctx, 20*time.Millisecond)
	defer stop()
	_, e := p.Wait(soon)
	return e
}

// cancelled: the context of a wait that has begun ends.
func cancelled(p *kata.Process) error {
	gone, cancel := context.WithCancel(ctx)
	defer cancel()
	time.AfterFunc(20*time.Millisecond, cancel)
	_, e := p.Wait(gone)
	return e
}

// vmm: a null machine ends when it is told to through its own socket, which closes when it has; its process is read from then.
func vmm(t *testing.T) error {
	r := must[*kata.Runtime](t)(newRuntime(t, "null", "[hypervisor.null]\n"))
	defer r.Close()
	s := must[*kata.Sandbox](t)(r.CreateSandbox(&kata.SandboxOptions{ID: "go-ended"}))
	defer s.Close()
	defer s.Delete(true)
	ok(t, s.Start(ctx))
	c := must[*kata.Container](t)(s.CreateContainer(ctx, &kata.ContainerOptions{Rootfs: setting("ROOTFS"), Args: []string{"sleep", "1000"}}))
	defer c.Close()
	ok(t, c.Start(ctx))
	p := must[*kata.Process](t)(c.Process())
	defer p.Close()
	control := must[net.Conn](t)(net.Dial("unix", filepath.Join(setting("STATE"), "go-ended", "null-control.sock")))
	defer control.Close()
	must[int](t)(control.Write([]byte("stop\n")))
	io.Copy(io.Discard, control)
	_, e := p.Stderr().Read(make([]byte, 1))
	return e
}

// guest: without QEMU here, one that says the same.
func guest(t *testing.T) error {
	if _, e := os.Stat("/usr/bin/qemu-system-x86_64"); e != nil {
		return faulty(t, kata.ErrGuest)
	}
	return boots(t, "qemu", "kernel = \"/nonexistent\"\ninitrd = \"/nonexistent\"", "")
}

func corrupt(t *testing.T, r *kata.Runtime) error {
	s := must[*kata.Sandbox](t)(r.CreateSandbox(&kata.SandboxOptions{ID: "go-corrupt"}))
	defer s.Close()
	defer s.Delete(true)
	ok(t, os.WriteFile(filepath.Join(setting("STATE"), "go-corrupt", "state.json"), []byte("{}"), 0o600))
	_, e := s.Inspect()
	return e
}

// TestErrors brings every code about; the table is that of tests/lifecycle/test-errors.c and the Python package's. What is broken on purpose is
// never the sandbox that runs all the while.
func TestErrors(t *testing.T) {
	r := aRuntime(t)
	s := aSandbox(t, r, "go-errors")
	c, cat := aContainer(t, s, "cat")
	create := func(o kata.SandboxOptions) error {
		_, e := r.CreateSandbox(&o)
		return e
	}
	rows := []struct {
		code       kata.Code
		bringAbout func() error
	}{
		{kata.ErrInvalid, func() error { return create(kata.SandboxOptions{ID: "../x"}) }},
		{kata.ErrConfig, func() error { return boots(t, "null", "default_vcpus = \"many\"", "") }},
		{kata.ErrSpec, func() error {
			_, e := s.CreateContainer(ctx, &kata.ContainerOptions{ConfigJSON: `{"ociVersion":1}`, Rootfs: setting("ROOTFS")})
			return e
		}},
		{kata.ErrUnsupported, func() error { return boots(t, "qemu", "path = \"/nonexistent\"", "") }},
		{kata.ErrNotFound, func() error { _, e := r.OpenSandbox("nothing"); return e }},
		{kata.ErrExists, func() error { return create(kata.SandboxOptions{ID: "go-errors"}) }},
		{kata.ErrState, func() error { return s.Start(ctx) }},
		{kata.ErrBusy, func() error { return busy(t, s) }},
		{kata.ErrTimeout, func() error { return timedOut(cat) }},
		{kata.ErrCancelled, func() error { return cancelled(cat) }},
		{kata.ErrNoMemory, func() error { return faulty(t, kata.ErrNoMemory) }},
		{kata.ErrLimit, func() error { _, e := kata.ReadPlacement(strings.Repeat("[", 100000), "c"); return e }},
		{kata.ErrPermission, func() error {
			return create(kata.SandboxOptions{Annotations: map[string]string{"io.katacontainers.config.hypervisor.kernel_params": "x"}})
		}},
		{kata.ErrIO, func() error {
			_, e := kata.NewRuntime(&kata.RuntimeOptions{StateDir: filepath.Join(setting("CONFIG"), "x"), Hypervisor: "null"})
			return e
		}},
		{kata.ErrHost, func() error { return faulty(t, kata.ErrHost) }},
		{kata.ErrVMM, func() error { return vmm(t) }},
		{kata.ErrGuest, func() error { return guest(t) }},
		{kata.ErrAgent, func() error { return boots(t, "null", "kernel_params = \"null.agent=hangs-up\"", "") }},
		{kata.ErrProtocol, func() error { return faulty(t, kata.ErrProtocol) }},
		{kata.ErrCorrupt, func() error { return corrupt(t, r) }},
		{kata.ErrInternal, func() error { return faulty(t, -1000) }},
	}
	found := map[kata.Code]*kata.Error{}
	for i, row := range rows {
		equal(t, row.code, kata.Code(-1-i)) // none is left out
		e := row.bringAbout()
		var failure *kata.Error
		if !errors.Is(e, row.code) || !errors.As(e, &failure) || failure.Code != row.code || failure.Message == "" {
			t.Fatalf("%s: %v", row.code.Name(), e)
		}
		t.Logf("%-12s %v", row.code.Name(), e)
		found[row.code] = failure
	}
	equal(t, kata.Code(-1-len(rows)).Name(), "unknown") // nor is there one more
	equal(t, found[kata.ErrSpec].Key, "$.ociVersion")
	equal(t, found[kata.ErrAgent].Cause != nil, true)
	equal(t, errors.Is(found[kata.ErrTimeout], context.DeadlineExceeded), true)
	equal(t, errors.Is(found[kata.ErrCancelled], context.Canceled), true)
	equal(t, errors.Is(create(kata.SandboxOptions{ID: "a\x00b"}), kata.ErrInvalid), true)
	// And none of it has touched the one that runs.
	equal(t, must[kata.State](t)(s.State()), kata.Running)
	equal(t, must[kata.State](t)(c.State()), kata.Running)
}

// TestBackends: a .so that is none, one that others can write to, one that is there already.
func TestBackends(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	r := must[*kata.Runtime](t)(newRuntime(t, "null", "[hypervisor.null]\n"))
	defer r.Close()
	equal(t, errors.Is(r.LoadBackend(setting("DIR")+"/nothing.so"), kata.ErrNotFound), true)
	equal(t, errors.Is(r.LoadBackend(setting("CONFIG")), kata.ErrInvalid), true)
	equal(t, errors.Is(r.LoadBackend("faulty-backend.so"), kata.ErrInvalid), true)
	ok(t, r.LoadBackend(setting("FAULTY")))
	equal(t, errors.Is(r.LoadBackend(setting("FAULTY")), kata.ErrExists), true)
	h := must[*kata.Hypervisor](t)(r.OpenHypervisor("faulty"))
	equal(t, h.Name(), "faulty")
	h.Close()
	equal(t, h.Name(), "")
}

func TestClosed(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	r := aRuntime(t)
	s := aSandbox(t, r, "")
	c, p := aContainer(t, s, "cat")
	for i := 0; i < 2; i++ {
		p.Close()
		c.Close()
		s.Delete(true)
		s.Close()
		r.Close()
	}
	_, wait := p.Wait(ctx)
	_, read := p.Stdout().Read(make([]byte, 1))
	_, write := p.Stdin().Write([]byte("x"))
	_, create := r.CreateSandbox(nil)
	_, event := s.NextEvent(ctx)
	_, stats := c.Stats(ctx)
	for i, e := range []error{wait, read, write, create, event, stats, s.Start(ctx), c.Start(ctx), s.WatchEvents()} {
		if e != kata.ErrClosed {
			t.Errorf("%d: %v", i, e)
		}
	}
	equal(t, s.ID()+c.ID()+p.ID(), "")
}
