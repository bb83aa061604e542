/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* raise: how every layer makes an error; no GLib, so that the microVMM can. Code that may use GLib includes base/error.h. */
#ifndef KATA_BASE_RAISE_H
#define KATA_BASE_RAISE_H

#include <stdarg.h>

#include <kata/error.h>

/**
 * Makes an error and returns @code, so that failing is one line: `return kata_error__set (err, KATA_E_LIMIT, "id", "…")`.
 * @err may be NULL (only the code travels then); *@err must be NULL. @key (nullable) names what the error is about; control
 * characters in the text become "\xNN", and it is cut at 4 KiB: parts of it may come from a guest.
 */
int kata_error__set (kata_error **err, int code, const char *key, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));
int kata_error__setv (kata_error **err, int code, const char *key, const char *format, va_list args)
    __attribute__ ((format (printf, 4, 0)));

/** As kata_error__set(), with `: strerror (errnum)` at the end. @errnum is positive; ENOMEM becomes KATA_E_NO_MEMORY. */
int kata_error__errno (kata_error **err, int code, const char *key, int errnum, const char *format, ...)
    __attribute__ ((format (printf, 5, 6)));

/** Puts a sentence in front of an error of the layer below: "start: qemu ended: …". Takes @cause; returns its code. */
int kata_error__wrap (kata_error **err, kata_error *cause, const char *key, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

/** Hands @cause up unchanged; returns its code. */
int kata_error__propagate (kata_error **err, kata_error *cause);

/** `kata_auto_error kata_error *error = NULL;` drops the reference at the end of the scope. */
#define kata_auto_error __attribute__ ((cleanup (kata_error_unrefp)))

#endif
