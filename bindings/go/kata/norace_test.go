// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !race

package kata_test

const raced = false
