// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <kata/kata.h>
import "C"

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// EventType is what an event is about.
type EventType int

// The kinds of events.
const (
	EventSandboxState  EventType = C.KATA_EVENT_SANDBOX_STATE  // State
	EventContainerExit EventType = C.KATA_EVENT_CONTAINER_EXIT // ContainerID, ExitStatus
	EventOOM           EventType = C.KATA_EVENT_OOM            // ContainerID
)

// Event is something that happened.
type Event struct {
	Type        EventType
	State       State
	ExitStatus  int
	ContainerID string // "" = about the sandbox
}

// eventSource waits in Go's own poller for the library's descriptor: no thread is blocked.
type eventSource struct {
	turn   chan struct{} // whoever has put something in may wait
	mu     sync.Mutex
	file   *os.File // nil = nobody has asked yet
	closed bool
}

func (s *eventSource) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.file != nil {
		s.file.Close()
	}
}

func (s *eventSource) open(p *C.kata_sandbox) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.file == nil {
		fd := C.kata_sandbox_get_event_fd(p)
		if fd < 0 {
			return nil, result(fd, nil)
		}
		// The library's own descriptor goes with the sandbox's handle; this one is the file's.
		mine, _, failure := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
		if failure != 0 {
			return nil, &Error{Code: ErrIO, Message: "events: " + failure.Error()}
		}
		s.file = os.NewFile(mine, "kata-events")
	}
	return s.file, nil
}

// WatchEvents begins the watching; events before it are not kept. NextEvent does it too.
func (s *Sandbox) WatchEvents() error {
	p, e := s.take()
	if e != nil {
		return e
	}
	defer s.unref(p)
	_, e = s.events.open(p)
	return e
}

// NextEvent waits for the oldest event; each is given to one caller. ErrLimit: 1024 waited, and were dropped.
func (s *Sandbox) NextEvent(ctx context.Context) (Event, error) {
	p, e := s.take()
	if e != nil {
		return Event{}, e
	}
	defer s.unref(p)
	file, e := s.events.open(p)
	if e != nil {
		return Event{}, e
	}
	select {
	case s.events.turn <- struct{}{}:
		defer func() { <-s.events.turn }()
	case <-ctx.Done():
		return Event{}, ended(ctx)
	}
	return waitEvent(ctx, p, file)
}

func waitEvent(ctx context.Context, p *C.kata_sandbox, file *os.File) (Event, error) {
	conn, e := file.SyscallConn()
	if e != nil {
		return Event{}, ErrClosed
	}
	if ctx.Done() != nil {
		finished, gone := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(gone)
			select {
			case <-ctx.Done():
				file.SetReadDeadline(time.Unix(1, 0))
			case <-finished:
			}
		}()
		// The next caller starts without a deadline.
		defer func() {
			close(finished)
			<-gone
			file.SetReadDeadline(time.Time{})
		}()
	}
	found := C.kata_event{size: C.size_t(unsafe.Sizeof(C.kata_event{}))}
	var failure error
	e = conn.Read(func(uintptr) bool {
		var err *C.kata_error
		r := C.kata_sandbox_next_event(p, &found, 0, &err)
		failure = result(r, err)
		return r != 0
	})
	switch {
	case errors.Is(e, os.ErrDeadlineExceeded):
		return Event{}, ended(ctx)
	case e != nil:
		return Event{}, ErrClosed
	case failure != nil:
		return Event{}, failure
	}
	return Event{EventType(found._type), State(found.state), int(found.exit_status), C.GoString(&found.container_id[0])}, nil
}
