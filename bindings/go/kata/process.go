// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <kata/kata.h>
import "C"

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Process is a process of a container.
type Process struct {
	held   handle
	closed chan struct{}
	turn   chan struct{} // of the one who writes: an interrupted write is nobody else's
	enders atomic.Int64  // those that are ending a call now, whose context was over
	ended  atomic.Int64  // how many have done so; counted before they leave the former
	once   sync.Once
}

func newProcess(p *C.kata_process) *Process {
	return &Process{held: handle{pointer: unsafe.Pointer(p)}, closed: make(chan struct{}), turn: make(chan struct{}, 1)}
}

// Close lets go of the handle; the process goes on. Reads, writes and waits under way end with ErrClosed.
func (p *Process) Close() error {
	p.once.Do(func() { close(p.closed) })
	p.held.close(func(p unsafe.Pointer) { C.kata_process_unref((*C.kata_process)(p)) })
	return nil
}

func (p *Process) take() (*C.kata_process, error) {
	c, e := p.held.take(func(p unsafe.Pointer) { C.kata_process_ref((*C.kata_process)(p)) })
	return (*C.kata_process)(c), e
}

func (p *Process) do(ctx context.Context, call func(*C.kata_process, C.int64_t, **C.kata_error) C.int) error {
	c, e := p.take()
	if e != nil {
		return e
	}
	defer C.kata_process_unref(c)
	if e := ended(ctx); e != nil {
		return e
	}
	var err *C.kata_error
	r := call(c, timeout(ctx), &err)
	return resultOf(ctx, r, err)
}

// How often a call is interrupted that ought to be over: one that was just about to begin is not met by the first.
const again = 2 * time.Millisecond

// wait makes a call that may last, and ends it when ctx is cancelled or the handle closed. The deadline is the library's own affair.
func (p *Process) wait(ctx context.Context, calls C.uint32_t, call func(*C.kata_process, C.int64_t, **C.kata_error) C.int) error {
	for {
		before := p.ended.Load()
		e := p.do(ctx, func(c *C.kata_process, ms C.int64_t, err **C.kata_error) C.int {
			finished, gone := make(chan struct{}), make(chan struct{})
			go p.guard(ctx, c, calls, finished, gone)
			r := call(c, ms, err)
			close(finished)
			<-gone
			return r
		})
		if !errors.Is(e, ErrCancelled) {
			return e
		}
		if e := ended(ctx); e != nil {
			return e
		}
		select {
		case <-p.closed:
			return ErrClosed
		default:
		}
		// Another one's context has ended: reads and waits have lost nothing. Writes take turns, so theirs is never another's; and where nobody's
		// context has, it is the guest's own answer.
		if calls == C.KATA_CALL_WRITE || (p.enders.Load() == 0 && p.ended.Load() == before) {
			return e
		}
	}
}

func (p *Process) guard(ctx context.Context, c *C.kata_process, calls C.uint32_t, finished, gone chan struct{}) {
	defer close(gone)
	select {
	case <-ctx.Done():
	case <-p.closed:
	case <-finished:
		return
	}
	p.enders.Add(1)
	defer func() {
		p.ended.Add(1)
		p.enders.Add(-1)
	}()
	ticker := time.NewTicker(again)
	defer ticker.Stop()
	for {
		C.kata_process_interrupt(c, calls, nil)
		select {
		case <-finished:
			return
		case <-ticker.C:
		}
	}
}

// ID is the exec id; "" for a container's first process, and when the handle is closed.
func (p *Process) ID() string {
	c, e := p.take()
	if e != nil {
		return ""
	}
	defer C.kata_process_unref(c)
	return C.GoString(C.kata_process_get_id(c))
}

// Wait waits for the end of the process: its exit status, 128 + number for a signal.
func (p *Process) Wait(ctx context.Context) (int, error) {
	var status C.int
	e := p.wait(ctx, C.KATA_CALL_WAIT, func(c *C.kata_process, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_process_wait(c, &status, ms, err)
	})
	return int(status), e
}

// Signal sends a signal to this process. ErrNotFound: it has ended.
func (p *Process) Signal(ctx context.Context, signal syscall.Signal) error {
	return p.do(ctx, func(c *C.kata_process, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_process_signal(c, C.int(signal), ms, err)
	})
}

// Resize changes the size of its terminal.
func (p *Process) Resize(ctx context.Context, rows, columns uint32) error {
	return p.do(ctx, func(c *C.kata_process, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_process_resize(c, C.uint32_t(rows), C.uint32_t(columns), ms, err)
	})
}

// Output is what a process writes: an io.Reader, with a context where one is wanted. Each byte is given to one reader only.
type Output struct {
	process *Process
	stream  C.int
}

// Stdout is standard output; with a terminal, everything.
func (p *Process) Stdout() *Output { return &Output{p, C.KATA_STDOUT} }

// Stderr is standard error.
func (p *Process) Stderr() *Output { return &Output{p, C.KATA_STDERR} }

// Read waits for bytes; io.EOF is the end.
func (o *Output) Read(buffer []byte) (int, error) { return o.ReadContext(context.Background(), buffer) }

// ReadContext is Read until ctx ends; then nothing is lost.
func (o *Output) ReadContext(ctx context.Context, buffer []byte) (int, error) {
	if len(buffer) == 0 {
		return 0, nil
	}
	var n C.size_t
	e := o.process.wait(ctx, C.KATA_CALL_READ, func(c *C.kata_process, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_process_read(c, o.stream, unsafe.Pointer(&buffer[0]), C.size_t(len(buffer)), &n, ms, err)
	})
	if e == nil && n == 0 {
		return 0, io.EOF
	}
	return int(n), e
}

// Input is a process's standard input: an io.WriteCloser.
type Input struct{ process *Process }

// Stdin is standard input, or what is typed at the terminal.
func (p *Process) Stdin() *Input { return &Input{p} }

// Write writes all of data; it waits while the process does not read.
func (i *Input) Write(data []byte) (int, error) { return i.WriteContext(context.Background(), data) }

// WriteContext is Write until ctx ends; then it is not known how much of the last piece was taken.
func (i *Input) WriteContext(ctx context.Context, data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	select {
	case i.process.turn <- struct{}{}:
		defer func() { <-i.process.turn }()
	case <-ctx.Done():
		return 0, ended(ctx)
	case <-i.process.closed:
		return 0, ErrClosed
	}
	var n C.size_t
	e := i.process.wait(ctx, C.KATA_CALL_WRITE, func(c *C.kata_process, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_process_write(c, unsafe.Pointer(&data[0]), C.size_t(len(data)), &n, ms, err)
	})
	return int(n), e
}

// Close is the end of the process's input. One that has ended is no error.
func (i *Input) Close() error {
	e := i.process.do(context.Background(), func(c *C.kata_process, ms C.int64_t, err **C.kata_error) C.int {
		return C.kata_process_close_stdin(c, ms, err)
	})
	if errors.Is(e, ErrNotFound) || errors.Is(e, ErrState) {
		return nil
	}
	return e
}
