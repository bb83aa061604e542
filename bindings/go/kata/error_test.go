// SPDX-License-Identifier: LGPL-2.1-or-later

package kata_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"libkata/bindings/go/kata"
)

func boots(t *testing.T, hypervisor, config string) error {
	r, e := newRuntime(t, hypervisor, config)
	if e != nil {
		return e
	}
	defer r.Close()
	s, e := r.CreateSandbox(nil)
	if e != nil {
		return e
	}
	defer s.Close()
	defer s.Delete(true)
	return s.Start(ctx)
}

func corrupt(t *testing.T, r *kata.Runtime) error {
	s := must[*kata.Sandbox](t)(r.CreateSandbox(&kata.SandboxOptions{ID: "go-corrupt"}))
	defer s.Close()
	defer s.Delete(true)
	ok(t, os.WriteFile(filepath.Join(setting("STATE"), "go-corrupt", "state.json"), []byte("{}"), 0o600))
	_, e := s.Inspect()
	return e
}

// What a test can bring about; the other codes are the same numbers in C.
func TestErrors(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	r := aRuntime(t)
	s := aSandbox(t, r, "go-errors")
	_, cat := aContainer(t, s, "cat")
	create := func(o kata.SandboxOptions) error {
		_, e := r.CreateSandbox(&o)
		return e
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	soon, stop := context.WithTimeout(ctx, 1)
	defer stop()
	provoked := map[kata.Code]func() error{
		kata.ErrInvalid:     func() error { return create(kata.SandboxOptions{ID: "../x"}) },
		kata.ErrConfig:      func() error { return boots(t, "null", "[hypervisor.null]\ndefault_vcpus = \"many\"") },
		kata.ErrUnsupported: func() error { return boots(t, "qemu", "[hypervisor.qemu]\npath = \"/nonexistent\"") },
		kata.ErrNotFound:    func() error { _, e := r.OpenSandbox("nothing"); return e },
		kata.ErrExists:      func() error { return create(kata.SandboxOptions{ID: "go-errors"}) },
		kata.ErrState:       func() error { return s.Start(ctx) },
		kata.ErrTimeout:     func() error { _, e := cat.Wait(soon); return e },
		kata.ErrCancelled:   func() error { _, e := cat.Wait(gone); return e },
		kata.ErrLimit:       func() error { _, e := kata.ReadPlacement(strings.Repeat("[", 100000), "c"); return e },
		kata.ErrPermission: func() error {
			return create(kata.SandboxOptions{Annotations: map[string]string{"io.katacontainers.config.hypervisor.kernel_params": "x"}})
		},
		kata.ErrIO: func() error {
			_, e := kata.NewRuntime(&kata.RuntimeOptions{StateDir: filepath.Join(setting("CONFIG"), "x"), Hypervisor: "null"})
			return e
		},
		kata.ErrAgent:   func() error { return boots(t, "null", "[hypervisor.null]\nkernel_params = \"null.agent=hangs-up\"") },
		kata.ErrCorrupt: func() error { return corrupt(t, r) },
		kata.ErrSpec: func() error {
			_, e := s.CreateContainer(ctx, &kata.ContainerOptions{ConfigJSON: `{"ociVersion":1}`, Rootfs: setting("ROOTFS")})
			return e
		},
	}
	if _, e := os.Stat("/usr/bin/qemu-system-x86_64"); e == nil {
		provoked[kata.ErrGuest] = func() error {
			return boots(t, "qemu", "[hypervisor.qemu]\nkernel = \"/nonexistent\"\ninitrd = \"/nonexistent\"")
		}
	}
	for code, provoke := range provoked {
		e := provoke()
		var failure *kata.Error
		if !errors.Is(e, code) || !errors.As(e, &failure) || failure.Code != code || failure.Message == "" {
			t.Errorf("%s: %v", code.Name(), e)
		}
	}
	var failure *kata.Error
	equal(t, errors.As(provoked[kata.ErrSpec](), &failure), true)
	equal(t, failure.Key, "$.ociVersion")
	equal(t, errors.As(provoked[kata.ErrAgent](), &failure) && failure.Cause != nil, true)
	equal(t, errors.Is(provoked[kata.ErrCancelled](), context.Canceled), true)
	equal(t, errors.Is(create(kata.SandboxOptions{ID: "a\x00b"}), kata.ErrInvalid), true)
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
