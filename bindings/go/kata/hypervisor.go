// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <kata/kata.h>
import "C"

import (
	"encoding/json"
	"unsafe"
)

// Hypervisor is a backend as seen on this host.
type Hypervisor struct{ held handle }

// OpenHypervisor probes one backend.
func (r *Runtime) OpenHypervisor(name string) (*Hypervisor, error) {
	p, e := r.take()
	if e != nil {
		return nil, e
	}
	defer r.unref(p)
	var a arena
	defer a.free()
	text := a.text(name)
	if a.err != nil {
		return nil, a.err
	}
	var out *C.kata_hypervisor
	var err *C.kata_error
	if code := C.kata_hypervisor_open(&out, p, text, &err); code < 0 {
		return nil, result(code, err)
	}
	return &Hypervisor{held: handle{pointer: unsafe.Pointer(out)}}, nil
}

// Close lets go of the handle.
func (h *Hypervisor) Close() error {
	h.held.close(func(p unsafe.Pointer) { C.kata_hypervisor_unref((*C.kata_hypervisor)(p)) })
	return nil
}

func (h *Hypervisor) take() (*C.kata_hypervisor, error) {
	p, e := h.held.take(func(p unsafe.Pointer) { C.kata_hypervisor_ref((*C.kata_hypervisor)(p)) })
	return (*C.kata_hypervisor)(p), e
}

func (h *Hypervisor) unref(p *C.kata_hypervisor) { C.kata_hypervisor_unref(p) }

// Name is the backend's name; "" once the handle is closed.
func (h *Hypervisor) Name() string {
	p, e := h.take()
	if e != nil {
		return ""
	}
	defer h.unref(p)
	return C.GoString(C.kata_hypervisor_get_name(p))
}

// Has says whether it has a capability here, for example "pause", and why not.
func (h *Hypervisor) Has(capability string) (has bool, reason string, e error) {
	p, e := h.take()
	if e != nil {
		return false, "", e
	}
	defer h.unref(p)
	var a arena
	defer a.free()
	text := a.text(capability)
	if a.err != nil {
		return false, "", a.err
	}
	var why *C.char
	r := C.kata_hypervisor_has(p, text, &why)
	if r < 0 {
		return false, "", &Error{Code: Code(r), Message: "no capability \"" + capability + "\"", Key: capability}
	}
	return r > 0, C.GoString(why), nil
}

// Describe is JSON: {"name","version","path","limits","capabilities"}.
func (h *Hypervisor) Describe() (json.RawMessage, error) {
	p, e := h.take()
	if e != nil {
		return nil, e
	}
	defer h.unref(p)
	var text *C.char
	var err *C.kata_error
	if code := C.kata_hypervisor_describe(&text, p, &err); code < 0 {
		return nil, result(code, err)
	}
	return json.RawMessage(takeText(text)), nil
}

// Recommendation is what a backend is worth for given requirements.
type Recommendation struct {
	Name    string
	Fits    bool
	Score   int
	Reasons []string
}

// Recommend orders the backends, the best first; require may be nil.
func (r *Runtime) Recommend(require []string) ([]Recommendation, error) {
	var a arena
	defer a.free()
	list := a.strv(require)
	if a.err != nil {
		return nil, a.err
	}
	var found []Recommendation
	e := r.report(&found, func(text **C.char, p *C.kata_runtime, err **C.kata_error) C.int {
		return C.kata_hypervisor_recommend(text, p, list, err)
	})
	return found, e
}
