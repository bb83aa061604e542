// SPDX-License-Identifier: LGPL-2.1-or-later

// Package kata runs containers in lightweight virtual machines: libkata for Go, through cgo and pkg-config (libkata).
//
// Contexts: a deadline is the time-out of the call; without one the configuration's holds (for waits: none). A cancellation ends Wait, reads,
// writes and NextEvent at once. Other calls cannot be cut short in the middle: they are completed, within their deadline or the configuration's
// time-out, and say what came of them. No call goes on after its function has returned, and none leaves a goroutine.
//
// Objects may be used from any goroutine. Close lets go of the handle, once or often; later calls fail with ErrClosed. Nothing is released behind
// the program's back: there are no finalizers. A sandbox goes on when its handle is closed (but for the hypervisor "null").
package kata

/*
#cgo pkg-config: libkata
#include <stdlib.h>
#include <kata/kata.h>
*/
import "C"

import (
	"context"
	"strings"
	"time"
	"unsafe"
)

// Version is the version of the library in use.
func Version() string { return C.GoString(C.kata_version()) }

// arena is the C memory of one call's arguments.
type arena struct {
	blocks []unsafe.Pointer
	err    error
}

func (a *arena) free() {
	for _, block := range a.blocks {
		C.free(block)
	}
	a.blocks = nil
}

// str is NULL for "": the library's "not said".
func (a *arena) str(value string) *C.char {
	if value == "" {
		return nil
	}
	return a.text(value)
}

func (a *arena) text(value string) *C.char {
	if strings.IndexByte(value, 0) >= 0 {
		a.err = &Error{Code: ErrInvalid, Message: "a string with a NUL in it: the rest would be lost"}
		return nil
	}
	s := C.CString(value)
	a.blocks = append(a.blocks, unsafe.Pointer(s))
	return s
}

// alloc is zeroed memory for n pointers.
func (a *arena) alloc(n int) []unsafe.Pointer {
	block := C.calloc(C.size_t(n), C.size_t(unsafe.Sizeof(uintptr(0))))
	a.blocks = append(a.blocks, block)
	return unsafe.Slice((*unsafe.Pointer)(block), n)
}

// strv is NULL for nil.
func (a *arena) strv(values []string) **C.char {
	if values == nil {
		return nil
	}
	array := a.alloc(len(values) + 1)
	for i, value := range values {
		array[i] = unsafe.Pointer(a.text(value))
	}
	return (**C.char)(unsafe.Pointer(&array[0]))
}

// timeout is a context's deadline as the library takes it; a part of a millisecond counts as one.
func timeout(ctx context.Context) C.int64_t {
	deadline, ok := ctx.Deadline()
	if !ok {
		return C.KATA_TIMEOUT_DEFAULT
	}
	left := time.Until(deadline)
	if left <= 0 {
		return 0
	}
	return C.int64_t((left + time.Millisecond - 1) / time.Millisecond)
}

func takeText(text *C.char) string {
	defer C.kata_free(unsafe.Pointer(text))
	return C.GoString(text)
}

func takeList(list **C.char) []string {
	defer C.kata_strv_free(list)
	found := []string{}
	for p := list; *p != nil; p = (**C.char)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) {
		found = append(found, C.GoString(*p))
	}
	return found
}

// block is zeroed memory for a struct.
func (a *arena) block(size uintptr) unsafe.Pointer {
	block := C.calloc(1, C.size_t(size))
	a.blocks = append(a.blocks, block)
	return block
}
