// SPDX-License-Identifier: LGPL-2.1-or-later

package kata_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"libkata/bindings/go/kata"
)

// settled waits until there are no more goroutines than before.
func settled(t *testing.T, before int) {
	t.Helper()
	for i := 0; i < 1000 && runtime.NumGoroutine() > before; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Fatalf("%d goroutines, %d before", n, before)
	}
}

func TestCancel(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	s := aSandbox(t, aRuntime(t), "")
	ok(t, s.WatchEvents())
	c, p := aContainer(t, s, "cat")
	deaf := must[*kata.Process](t)(c.Exec(ctx, &kata.ExecOptions{Args: []string{"sleep", "1000"}}))
	defer deaf.Close()
	before := runtime.NumGoroutine()
	calls := map[string]func(context.Context) error{
		"wait":  func(ctx context.Context) error { _, e := p.Wait(ctx); return e },
		"read":  func(ctx context.Context) error { _, e := p.Stdout().ReadContext(ctx, make([]byte, 10)); return e },
		"write": func(ctx context.Context) error { _, e := deaf.Stdin().WriteContext(ctx, make([]byte, 8<<20)); return e },
		"event": func(ctx context.Context) error { _, e := s.NextEvent(ctx); return e },
	}
	for name, call := range calls {
		within, cancel := context.WithCancel(ctx)
		time.AfterFunc(20*time.Millisecond, cancel)
		if e := call(within); !errors.Is(e, context.Canceled) || !errors.Is(e, kata.ErrCancelled) {
			t.Errorf("%s: %v", name, e)
		}
		soon, stop := context.WithTimeout(ctx, 20*time.Millisecond)
		if e := call(soon); !errors.Is(e, context.DeadlineExceeded) || !errors.Is(e, kata.ErrTimeout) {
			t.Errorf("%s: %v", name, e)
		}
		stop()
	}
	settled(t, before)
	// Nothing is begun for a context that was over before.
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, e := aRuntime(t).RestoreSandbox(over, t.TempDir(), nil); !errors.Is(e, context.Canceled) {
		t.Error(e)
	}
	// A cancelled call ends none of another kind or another's, and loses nothing.
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			if status, e := p.Wait(ctx); e != nil || status != 0 {
				t.Errorf("%d %v", status, e)
			}
		}()
	}
	for i := 0; i < 20; i++ {
		soon, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Millisecond, cancel)
		if _, e := p.Wait(soon); !errors.Is(e, context.Canceled) {
			t.Error(e)
		}
	}
	must[int](t)(p.Stdin().Write([]byte("all of it")))
	ok(t, p.Stdin().Close())
	equal(t, string(must[[]byte](t)(io.ReadAll(p.Stdout()))), "all of it")
	group.Wait()
	settled(t, before)
}

func TestCloseEndsWhatWaits(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	r := aRuntime(t)
	s := aSandbox(t, r, "")
	_, p := aContainer(t, s, "cat")
	again := must[*kata.Sandbox](t)(r.OpenSandbox(s.ID()))
	before := runtime.NumGoroutine()
	ends := make(chan error)
	go func() { _, e := p.Wait(ctx); ends <- e }()
	go func() { _, e := p.Stdout().Read(make([]byte, 1)); ends <- e }()
	go func() { _, e := again.NextEvent(ctx); ends <- e }()
	time.Sleep(20 * time.Millisecond)
	p.Close()
	again.Close()
	for i := 0; i < 3; i++ {
		if e := <-ends; e != kata.ErrClosed {
			t.Error(e)
		}
	}
	settled(t, before)
}

func TestEvents(t *testing.T) {
	s := aSandbox(t, aRuntime(t), "")
	ok(t, s.WatchEvents())
	n := 20
	if !null() {
		n = 1
	}
	for i := 0; i < n; i++ {
		c, p := aContainer(t, s, "sh", "-c", "exit 3")
		equal(t, must[int](t)(p.Wait(ctx)), 3)
		ok(t, c.Delete(ctx, false))
	}
	ok(t, s.Stop(ctx))
	for exits := 0; ; {
		event := must[kata.Event](t)(s.NextEvent(ctx))
		if event.Type == kata.EventContainerExit && event.ExitStatus == 3 {
			exits++
		}
		if event.Type == kata.EventSandboxState && event.State == kata.Stopped {
			equal(t, exits, n)
			return
		}
	}
}

func TestReports(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	r := must[*kata.Runtime](t)(kata.NewRuntime(&kata.RuntimeOptions{
		ConfigPath: setting("CONFIG"), StateDir: setting("STATE"), Hypervisor: "null", LogLevel: kata.LogDebug, Log: func(kata.LogLevel, string) {}}))
	defer r.Close()
	h := must[*kata.Hypervisor](t)(r.OpenHypervisor("null"))
	defer h.Close()
	has, _, e := h.Has("pause")
	equal(t, has && e == nil, true)
	has, why, e := h.Has("vfio")
	equal(t, !has && why != "" && e == nil, true)
	_, _, e = h.Has("levitation")
	equal(t, errors.Is(e, kata.ErrInvalid), true)
	equal(t, len(must[[]kata.Requirement](t)(r.Check())) > 0, true)
	equal(t, len(must[[]kata.Recommendation](t)(r.Recommend([]string{"pause"}))) > 0, true)
	equal(t, must[string](t)(r.StateDir()), setting("STATE"))
	if _, e := r.PlanSandbox(&kata.SandboxOptions{VCPUs: 2}); e != nil {
		t.Error(e)
	}
	if _, e := r.Describe(); e != nil {
		t.Error(e)
	}
	equal(t, must[int](t)(r.Recover(ctx, false)), 0)
	p := must[*kata.Placement](t)(kata.ReadPlacement(`{"ociVersion":"1.0.2","process":{"terminal":true,"cwd":"/","args":["x"]},"root":{"path":"r"}}`, "c7"))
	equal(t, p.Role == kata.RoleSingle && p.Terminal && p.SandboxID == "c7", true)
	aSandbox(t, r, "") // so that there is something to log
}
