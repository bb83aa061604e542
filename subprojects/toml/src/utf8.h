/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* utf8: checks and writes UTF-8; knows nothing of TOML. */
#ifndef TOML_UTF8_H
#define TOML_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length in bytes of the well-formed sequence at @at (RFC 3629: no overlong form, no surrogate, at most U+10FFFF),
 * or 0 when there is none. @at < @end. */
size_t toml__utf8_length (const unsigned char *at, const unsigned char *end);
/* Writes the scalar value @code and returns its length, or 0 when @code is no Unicode scalar value. */
size_t toml__utf8_encode (char out[4], uint32_t code);

#endif
