// SPDX-License-Identifier: LGPL-2.1-or-later

package kata

// #include <stdint.h>
import "C"

import (
	"runtime/cgo"
)

// LogLevel is how detailed a line is.
type LogLevel int

// From the least detailed.
const (
	LogError LogLevel = iota
	LogWarning
	LogInfo
	LogDebug
)

//export libkataGoLog
func libkataGoLog(data C.uintptr_t, level C.int, message *C.char) {
	cgo.Handle(data).Value().(func(LogLevel, string))(LogLevel(level), C.GoString(message))
}

//export libkataGoLogFree
func libkataGoLogFree(data C.uintptr_t) { cgo.Handle(data).Delete() }
