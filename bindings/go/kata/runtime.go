// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

/*
#include <kata/kata.h>

extern void libkataGoLog (uintptr_t data, int level, char *message);
extern void libkataGoLogFree (uintptr_t data);

static void
go_log (void *data, int level, const char *message)
{
  libkataGoLog ((uintptr_t) data, level, (char *) message);
}

static void
go_log_free (void *data)
{
  libkataGoLogFree ((uintptr_t) data);
}

// The number of a Go function, where the library keeps a pointer.
static void
set_log (kata_runtime_options *options, uintptr_t data)
{
  options->log = go_log;
  options->log_data = (void *) data;
  options->log_data_free = go_log_free;
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"runtime/cgo"
	"unsafe"
)

// RuntimeOptions says how to make a runtime; the zero value is the defaults.
type RuntimeOptions struct {
	ConfigPath string                 // "" = the search path, then built-in defaults
	StateDir   string                 // absolute; "" = /run/libkata, or the user's
	Hypervisor string                 // "" = the configuration's
	Log        func(LogLevel, string) // called from any thread; nil = say nothing
	LogLevel   LogLevel               // the most detailed one wanted
}

// Runtime is the library's context; any number in one process.
type Runtime struct{ held handle }

// NewRuntime reads the configuration and makes a context; options may be nil.
func NewRuntime(options *RuntimeOptions) (*Runtime, error) {
	var a arena
	defer a.free()
	if options == nil {
		options = &RuntimeOptions{LogLevel: LogWarning}
	}
	o := C.kata_runtime_options{
		size: C.size_t(unsafe.Sizeof(C.kata_runtime_options{})), config_path: a.str(options.ConfigPath), state_dir: a.str(options.StateDir),
		hypervisor: a.str(options.Hypervisor), log_level: C.int32_t(options.LogLevel),
	}
	if a.err != nil {
		return nil, a.err
	}
	var log cgo.Handle
	if options.Log != nil {
		log = cgo.NewHandle(options.Log)
		C.set_log(&o, C.uintptr_t(log))
	}
	var out *C.kata_runtime
	var err *C.kata_error
	if r := C.kata_runtime_new(&out, &o, &err); r < 0 {
		if options.Log != nil {
			log.Delete()
		}
		return nil, result(r, err)
	}
	return &Runtime{held: handle{pointer: unsafe.Pointer(out)}}, nil
}

// Close lets go of the handle; what uses the runtime keeps it.
func (r *Runtime) Close() error {
	r.held.close(func(p unsafe.Pointer) { C.kata_runtime_unref((*C.kata_runtime)(p)) })
	return nil
}

func (r *Runtime) take() (*C.kata_runtime, error) {
	p, e := r.held.take(func(p unsafe.Pointer) { C.kata_runtime_ref((*C.kata_runtime)(p)) })
	return (*C.kata_runtime)(p), e
}

func (r *Runtime) unref(p *C.kata_runtime) { C.kata_runtime_unref(p) }

// report is for functions that give JSON.
func (r *Runtime) report(v any, function func(**C.char, *C.kata_runtime, **C.kata_error) C.int) error {
	p, e := r.take()
	if e != nil {
		return e
	}
	defer r.unref(p)
	var text *C.char
	var err *C.kata_error
	if code := function(&text, p, &err); code < 0 {
		return result(code, err)
	}
	return json.Unmarshal([]byte(takeText(text)), v)
}

// StateDir is the directory that holds the sandboxes' state.
func (r *Runtime) StateDir() (string, error) {
	p, e := r.take()
	if e != nil {
		return "", e
	}
	defer r.unref(p)
	return C.GoString(C.kata_runtime_get_state_dir(p)), nil
}

// Hypervisor is that of a sandbox that names none; why says why the built-in one cannot run here, where the library had to choose.
func (r *Runtime) Hypervisor() (name, why string, e error) {
	p, e := r.take()
	if e != nil {
		return "", "", e
	}
	defer r.unref(p)
	var reason *C.char
	name = C.GoString(C.kata_runtime_get_hypervisor(p, &reason))
	return name, C.GoString(reason), nil
}

// Sandboxes are the ids of all sandboxes in the state directory.
func (r *Runtime) Sandboxes() ([]string, error) {
	p, e := r.take()
	if e != nil {
		return nil, e
	}
	defer r.unref(p)
	var list **C.char
	var err *C.kata_error
	if code := C.kata_runtime_list(&list, p, &err); code < 0 {
		return nil, result(code, err)
	}
	return takeList(list), nil
}

// Recover undoes what killed processes have left; all: removes running sandboxes too. Returns how many were removed.
func (r *Runtime) Recover(ctx context.Context, all bool) (int, error) {
	p, e := r.take()
	if e != nil {
		return 0, e
	}
	defer r.unref(p)
	if e := ended(ctx); e != nil {
		return 0, e
	}
	var flags, n C.uint32_t
	if all {
		flags = C.KATA_RECOVER_ALL
	}
	var err *C.kata_error
	code := C.kata_runtime_recover(p, flags, &n, timeout(ctx), &err)
	return int(n), resultOf(ctx, code, err)
}

// RecoverSandbox is the same for one sandbox.
func (r *Runtime) RecoverSandbox(ctx context.Context, id string) error {
	p, e := r.take()
	if e != nil {
		return e
	}
	defer r.unref(p)
	var a arena
	defer a.free()
	name := a.text(id)
	if a.err != nil {
		return a.err
	}
	if e := ended(ctx); e != nil {
		return e
	}
	var err *C.kata_error
	code := C.kata_runtime_recover_sandbox(p, name, timeout(ctx), &err)
	return resultOf(ctx, code, err)
}

// Requirement is a row of Check.
type Requirement struct {
	Name, Detail, Remedy string
	OK, Required         bool
}

// Check says whether this host can run containers in virtual machines.
func (r *Runtime) Check() (rows []Requirement, e error) {
	e = r.report(&rows, func(text **C.char, p *C.kata_runtime, err **C.kata_error) C.int {
		return C.kata_runtime_check(text, p, err)
	})
	return
}

// Describe is JSON: the settings in force, where they came from, versions, host, hypervisor, kernel and image.
func (r *Runtime) Describe() (text json.RawMessage, e error) {
	e = r.report(&text, func(text **C.char, p *C.kata_runtime, err **C.kata_error) C.int {
		return C.kata_runtime_describe(text, p, err)
	})
	return
}

// LoadBackend adds a hypervisor from a .so, before the runtime's first sandbox. It gets all rights of this process: the path is absolute, without
// symbolic links, and the file is writable by nobody but root and the program's user.
func (r *Runtime) LoadBackend(path string) error {
	p, e := r.take()
	if e != nil {
		return e
	}
	defer r.unref(p)
	var a arena
	defer a.free()
	text := a.text(path)
	if a.err != nil {
		return a.err
	}
	var err *C.kata_error
	return result(C.kata_runtime_load_backend(p, text, &err), err)
}

// Hypervisors are the backends' names, in order of preference.
func (r *Runtime) Hypervisors() ([]string, error) {
	p, e := r.take()
	if e != nil {
		return nil, e
	}
	defer r.unref(p)
	var list **C.char
	var err *C.kata_error
	if code := C.kata_runtime_list_hypervisors(&list, p, &err); code < 0 {
		return nil, result(code, err)
	}
	return takeList(list), nil
}
