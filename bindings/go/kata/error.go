// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <kata/kata.h>
import "C"

import (
	"context"
	"errors"
)

// Code tells one failure from another: errors.Is(err, kata.ErrNotFound).
type Code int

// The library's codes; new ones may come.
const (
	ErrInvalid     Code = C.KATA_E_INVALID
	ErrConfig      Code = C.KATA_E_CONFIG
	ErrSpec        Code = C.KATA_E_SPEC
	ErrUnsupported Code = C.KATA_E_UNSUPPORTED
	ErrNotFound    Code = C.KATA_E_NOT_FOUND
	ErrExists      Code = C.KATA_E_EXISTS
	ErrState       Code = C.KATA_E_STATE
	ErrBusy        Code = C.KATA_E_BUSY
	ErrTimeout     Code = C.KATA_E_TIMEOUT
	ErrCancelled   Code = C.KATA_E_CANCELLED
	ErrNoMemory    Code = C.KATA_E_NO_MEMORY
	ErrLimit       Code = C.KATA_E_LIMIT
	ErrPermission  Code = C.KATA_E_PERMISSION
	ErrIO          Code = C.KATA_E_IO
	ErrHost        Code = C.KATA_E_HOST
	ErrVMM         Code = C.KATA_E_VMM
	ErrGuest       Code = C.KATA_E_GUEST
	ErrAgent       Code = C.KATA_E_AGENT
	ErrProtocol    Code = C.KATA_E_PROTOCOL
	ErrCorrupt     Code = C.KATA_E_CORRUPT
	ErrInternal    Code = C.KATA_E_INTERNAL
)

// ErrClosed is what calls on a closed handle return.
var ErrClosed = errors.New("kata: the handle is closed")

// Name is the code's stable name, for example "not-found".
func (c Code) Name() string { return C.GoString(C.kata_error_code_name(C.int(c))) }

// Error makes a Code a target for errors.Is.
func (c Code) Error() string { return "kata: " + c.Name() }

// Error is a failure of the library's; errors.As finds it.
type Error struct {
	Code    Code
	Message string // one line: what failed, on what, why, what to do
	Key     string // the configuration key, JSON path, file or id that it is about; "" = none
	Cause   *Error // the error below it; nil = none
	context error  // why the context ended, if that is what it was
}

func (e *Error) Error() string { return "kata: " + e.Message }

// Is knows the codes, and context.Canceled and context.DeadlineExceeded where the context ended the call.
func (e *Error) Is(target error) bool {
	return target == error(e.Code) || (e.context != nil && target == e.context)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error {
	if e.Cause == nil {
		return nil
	}
	return e.Cause
}

func copyError(err *C.kata_error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Code: Code(C.kata_error_get_code(err)), Message: C.GoString(C.kata_error_get_message(err))}
	if key := C.kata_error_get_key(err); key != nil {
		e.Key = C.GoString(key)
	}
	// The C library's chain is const; nothing here changes it.
	e.Cause = copyError((*C.kata_error)(C.kata_error_get_cause(err)))
	return e
}

// result turns what a function returned into an error, and releases err.
func result(r C.int, err *C.kata_error) error {
	if r >= 0 {
		return nil
	}
	if err == nil {
		return &Error{Code: Code(r), Message: Code(r).Name()}
	}
	defer C.kata_error_unref(err)
	return copyError(err)
}

// resultOf is result, for a call that ctx bounded.
func resultOf(ctx context.Context, r C.int, err *C.kata_error) error {
	failure := result(r, err)
	var e *Error
	if !errors.As(failure, &e) {
		return failure
	}
	// The library's clock and Go's need not agree to the millisecond on a deadline that is its time-out.
	if _, has := ctx.Deadline(); has && e.Code == ErrTimeout {
		e.context = context.DeadlineExceeded
	} else if e.Code == ErrCancelled {
		e.context = ctx.Err()
	}
	return failure
}

// ended is the error for a context that was over before the call.
func ended(ctx context.Context) error {
	switch why := ctx.Err(); why {
	case nil:
		return nil
	case context.DeadlineExceeded:
		return &Error{Code: ErrTimeout, Message: why.Error(), context: why}
	default:
		return &Error{Code: ErrCancelled, Message: why.Error(), context: why}
	}
}
