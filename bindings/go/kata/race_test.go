// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build race

package kata_test

// The race detector remembers accesses for every address used: its memory grows where the program's does not.
const raced = true
