// SPDX-License-Identifier: LGPL-2.1-or-later

package kata_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"libkata/bindings/go/kata"
)

// A guard, not a measure.
const long = 2 * time.Minute

var ctx = context.Background()

func setting(name string) string { return os.Getenv("KATA_TEST_" + name) }

func null() bool { return setting("HYPERVISOR") == "null" }

func TestMain(m *testing.M) {
	if setting("CONFIG") == "" {
		println("SKIP: tests/bindings/test-go.py runs these")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, e error) T {
		t.Helper()
		if e != nil {
			t.Fatal(e)
		}
		return value
	}
}

func ok(t testing.TB, e error) {
	t.Helper()
	if e != nil {
		t.Fatal(e)
	}
}

func equal[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%v, where %v is wanted", got, want)
	}
}

// newRuntime is on the test's hypervisor, or on another with a configuration's text.
func newRuntime(t testing.TB, hypervisor, config string) (*kata.Runtime, error) {
	path := setting("CONFIG")
	if config != "" {
		path = filepath.Join(t.TempDir(), "configuration.toml")
		ok(t, os.WriteFile(path, []byte(config), 0o644))
	}
	return kata.NewRuntime(&kata.RuntimeOptions{ConfigPath: path, StateDir: setting("STATE"), Hypervisor: hypervisor})
}

func aRuntime(t testing.TB) *kata.Runtime {
	r, e := newRuntime(t, setting("HYPERVISOR"), "")
	ok(t, e)
	t.Cleanup(func() { r.Close() })
	return r
}

func aSandbox(t testing.TB, r *kata.Runtime, id string) *kata.Sandbox {
	s, e := r.CreateSandbox(&kata.SandboxOptions{ID: id})
	ok(t, e)
	t.Cleanup(func() { s.Delete(true); s.Close() })
	within, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	ok(t, s.Start(within))
	return s
}

// aContainer runs a command, and is closed with its process at the test's end.
func aContainer(t testing.TB, s *kata.Sandbox, args ...string) (*kata.Container, *kata.Process) {
	c, e := s.CreateContainer(ctx, &kata.ContainerOptions{Rootfs: setting("ROOTFS"), Args: args})
	ok(t, e)
	ok(t, c.Start(ctx))
	p, e := c.Process()
	ok(t, e)
	t.Cleanup(func() { p.Close(); c.Close() })
	return c, p
}
