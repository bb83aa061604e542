/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error: how the library makes errors; include/kata/error.h is how callers read them. */
#ifndef KATA_BASE_ERROR_H
#define KATA_BASE_ERROR_H

#include <stdarg.h>

#include <glib.h>

#include <kata/error.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_error, kata_error_unref)

/**
 * Makes an error and returns @code, so that failing is one line: `return kata_error__set (err, KATA_E_LIMIT, "id", "…")`.
 * @err may be NULL (only the code travels then); *@err must be NULL. @key (nullable) names what the error is about; control
 * characters in the text become "\xNN", and it is cut at 4 KiB: parts of it may come from a guest.
 */
int kata_error__set (kata_error **err, int code, const char *key, const char *format, ...) G_GNUC_PRINTF (4, 5);
int
kata_error__setv (kata_error **err, int code, const char *key, const char *format, va_list args) G_GNUC_PRINTF (4, 0);

/** As kata_error__set(), with `: strerror (errnum)` at the end. @errnum is positive; ENOMEM, EACCES/EPERM, ENOENT keep @code. */
int kata_error__errno (kata_error **err, int code, const char *key, int errnum, const char *format, ...)
    G_GNUC_PRINTF (5, 6);

/** Puts a sentence in front of an error of the layer below: "start: qemu ended: …". Takes @cause; returns its code. */
int
kata_error__wrap (kata_error **err, kata_error *cause, const char *key, const char *format, ...) G_GNUC_PRINTF (4, 5);

/** Hands @cause up unchanged; returns its code. */
int kata_error__propagate (kata_error **err, kata_error *cause);

#endif
