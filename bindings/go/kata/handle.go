// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

import (
	"sync"
	"unsafe"
)

// handle is one reference to an object of the library's. Calls take one of their own while they last, so a Close elsewhere cannot pull it away.
type handle struct {
	mu      sync.Mutex
	pointer unsafe.Pointer // nil = closed
}

// take calls ref on the pointer, which is nil if the handle is closed.
func (h *handle) take(ref func(unsafe.Pointer)) (unsafe.Pointer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pointer == nil {
		return nil, ErrClosed
	}
	ref(h.pointer)
	return h.pointer, nil
}

// close gives the handle's own reference to unref, once. Returns whether it was open.
func (h *handle) close(unref func(unsafe.Pointer)) bool {
	h.mu.Lock()
	pointer := h.pointer
	h.pointer = nil
	h.mu.Unlock()
	if pointer != nil {
		unref(pointer)
	}
	return pointer != nil
}
