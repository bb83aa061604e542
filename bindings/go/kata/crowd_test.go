// SPDX-License-Identifier: LGPL-2.1-or-later

package kata_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"libkata/bindings/go/kata"
)

func number(name string, otherwise int) int {
	if n, e := strconv.Atoi(setting(name)); e == nil {
		return n
	}
	return otherwise
}

func memory(t *testing.T) int {
	file, e := os.Open("/proc/self/status")
	ok(t, e)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kib int
		if n, _ := fmt.Sscanf(lines.Text(), "VmRSS: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func descriptors(t *testing.T) int { return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/fd"))) }

// cycle makes one of each object, uses it and lets it go.
func cycle(t *testing.T, i int) {
	r, e := newRuntime(t, "null", "")
	ok(t, e)
	defer r.Close()
	s := must[*kata.Sandbox](t)(r.CreateSandbox(nil))
	defer s.Close()
	defer s.Delete(true)
	ok(t, s.Start(ctx))
	ok(t, s.WatchEvents())
	c := must[*kata.Container](t)(s.CreateContainer(ctx, &kata.ContainerOptions{Rootfs: setting("ROOTFS"), Args: []string{"sh", "-c", "echo x; exit 5"}}))
	defer c.Close()
	p := must[*kata.Process](t)(c.Process())
	defer p.Close()
	ok(t, c.Start(ctx))
	within, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	equal(t, must[int](t)(p.Stdout().ReadContext(within, make([]byte, 10))), 2)
	equal(t, must[int](t)(p.Wait(within)), 5)
	equal(t, must[kata.Event](t)(s.NextEvent(within)).Type != 0, true)
	_, e = r.OpenSandbox("nothing")
	equal(t, e != nil, true)
}

// TestCycles: memory (without the race detector), descriptors and goroutines are the same in the second half as in the first.
// KATA_TEST_CYCLES = 10000 is what a release is tried with.
func TestCycles(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	n := number("CYCLES", 300)
	for i := 0; i < n/10+20; i++ { // free lists fill
		cycle(t, i)
	}
	open, goroutines := descriptors(t), runtime.NumGoroutine()
	sizes, most := []int{}, 0
	for i := 0; i < n; i++ {
		cycle(t, i)
		if i%((n+9)/10) == 0 { // the garbage collector's own ups and downs are no leak
			debug.FreeOSMemory()
			sizes = append(sizes, memory(t))
		}
		if d := descriptors(t); d > most {
			most = d
		}
	}
	half := len(sizes) / 2
	growth := (sum(sizes[half:]) - sum(sizes[len(sizes)-2*half:half])) / half
	t.Logf("%d cycles: RSS %v KiB; descriptors %d, at most %d", n, sizes, open, most)
	if limit := 2048 + n/4; (growth > limit && !raced) || most > open+2 || runtime.NumGoroutine() > goroutines {
		t.Errorf("it grows: %d KiB more, where %d may be; %d goroutines, %d before", growth, limit, runtime.NumGoroutine(), goroutines)
	}
}

func sum(values []int) (n int) {
	for _, value := range values {
		n += value
	}
	return
}

// user runs containers in one sandbox of many, whose other users do the same, until the time is over. Returns how many.
func user(t *testing.T, s *kata.Sandbox, until time.Time) (n int) {
	for ; time.Now().Before(until); n++ {
		c, e := s.CreateContainer(ctx, &kata.ContainerOptions{Rootfs: setting("ROOTFS"), Args: []string{"cat"}})
		if e != nil {
			t.Error(e)
			return
		}
		p := must[*kata.Process](t)(c.Process())
		e = c.Start(ctx)
		if e == nil {
			_, e = p.Stdin().Write([]byte("there and back"))
		}
		buffer, got := make([]byte, 100), 0
		if e == nil {
			got, e = p.Stdout().Read(buffer)
		}
		soon, cancel := context.WithTimeout(ctx, time.Duration(n%3)*time.Millisecond)
		p.Wait(soon) // most times the deadline passes
		cancel()
		p.Stdin().Close()
		status, ended := p.Wait(ctx)
		if e != nil || ended != nil || status != 0 || string(buffer[:got]) != "there and back" {
			t.Errorf("%v %v %d %q", e, ended, status, buffer[:got])
		}
		c.State()
		ok(t, c.Delete(ctx, true))
		p.Close()
		c.Close()
	}
	return
}

// TestCrowd: 64 goroutines use 16 sandboxes; no event is lost. KATA_TEST_SECONDS = 60 is what a release is tried with.
func TestCrowd(t *testing.T) {
	if !null() {
		t.Skip("a guest is not needed for these")
	}
	r := aRuntime(t)
	before := runtime.NumGoroutine()
	var users, watchers sync.WaitGroup
	var made, seen atomic.Int64
	until := time.Now().Add(time.Duration(number("SECONDS", 5)) * time.Second)
	sandboxes := make([]*kata.Sandbox, 16)
	for i := range sandboxes {
		s := aSandbox(t, r, fmt.Sprintf("go-crowd-%d", i))
		sandboxes[i] = s
		ok(t, s.WatchEvents())
		watchers.Add(1)
		go func() {
			defer watchers.Done()
			for {
				event, e := s.NextEvent(ctx)
				if e != nil {
					t.Error(e)
					return
				}
				if event.Type == kata.EventContainerExit {
					seen.Add(1)
				}
				if event.Type == kata.EventSandboxState && event.State == kata.Stopped {
					return
				}
			}
		}()
		for j := 0; j < 4; j++ {
			users.Add(1)
			go func() {
				defer users.Done()
				made.Add(int64(user(t, s, until)))
			}()
		}
	}
	users.Wait()
	for _, s := range sandboxes {
		ok(t, s.Stop(ctx))
	}
	watchers.Wait()
	t.Logf("%d containers, %d ends seen", made.Load(), seen.Load())
	equal(t, seen.Load(), made.Load())
	settled(t, before)
}
