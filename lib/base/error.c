/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error: the error object; it formats, escapes and bounds text, and decides nothing. */
#include "base/raise.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 4096

struct kata_error {
  atomic_int refs;
  int code;
  char *message;
  char *key;
  kata_error *cause;
};

static const char *const code_names[] = {
  "ok",   "invalid", "config",    "spec",      "unsupported", "not-found",  "exists", "state",
  "busy", "timeout", "cancelled", "no-memory", "limit",       "permission", "io",     "host",
  "vmm",  "guest",   "agent",     "protocol",  "corrupt",     "internal",
};

/* What a caller gets when there is no memory for the error itself. It is never written to: references to it are not counted. */
static const kata_error no_memory = { .code = KATA_E_NO_MEMORY, .message = (char *) "no memory left on the host" };

/* Length of the well-formed UTF-8 sequence at @p (RFC 3629: shortest form, no surrogates), 0 when there is none. */
static size_t
utf8_length (const unsigned char *p, unsigned *character)
{
  size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
  static const unsigned char first_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
  static const unsigned smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
  unsigned c = p[0] & first_mask[len];
  for (size_t i = 1; i < len; i++) {
    if ((p[i] & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (p[i] & 0x3fu);
  }
  if (len > 1 && (c < smallest[len] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff))
    return 0;
  *character = c;
  return len;
}

/* Text from a guest or a file may hold escape sequences or broken UTF-8: what reaches a terminal is neither. NULL without memory. */
static char *
clean_text (const char *text)
{
  size_t room = strlen (text) * 4 < MESSAGE_MAX ? strlen (text) * 4 : MESSAGE_MAX;
  char *out = malloc (room + 5);
  size_t n = 0;
  for (const unsigned char *p = (const unsigned char *) text; out != NULL && *p != '\0' && n < MESSAGE_MAX;) {
    unsigned c = 0;
    size_t len = utf8_length (p, &c);
    if (c == '\n' || c == '\t')
      out[n++] = ' ';
    else if (len == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
      n += (size_t) sprintf (out + n, "\\x%02x", len == 0 ? *p : c);
    else
      n = (size_t) ((char *) mempcpy (out + n, p, len) - out);
    p += len == 0 ? 1 : len;
  }
  if (out != NULL)
    out[n] = '\0';
  return out;
}

/* Takes @text and @cause. */
static int
set_text (kata_error **err, int code, const char *key, char *text, kata_error *cause)
{
  kata_error *error = err != NULL ? calloc (1, sizeof *error) : NULL;
  char *message = error != NULL && text != NULL ? clean_text (text) : NULL;
  free (text);
  if (message == NULL) {
    free (error);
    kata_error_unref (cause);
    if (err != NULL)
      *err = (kata_error *) &no_memory;
    return code;
  }
  atomic_init (&error->refs, 1);
  error->code = code;
  error->message = message;
  error->key = key != NULL ? clean_text (key) : NULL;
  error->cause = cause;
  assert (*err == NULL);
  *err = error;
  return code;
}

/* NULL without memory. */
static char *vformat (const char *format, va_list args) __attribute__ ((format (printf, 1, 0)));

static char *
vformat (const char *format, va_list args)
{
  char *text = NULL;
  return vasprintf (&text, format, args) >= 0 ? text : NULL;
}

int
kata_error__setv (kata_error **err, int code, const char *key, const char *format, va_list args)
{
  return set_text (err, code, key, vformat (format, args), NULL);
}

int
kata_error__set (kata_error **err, int code, const char *key, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  kata_error__setv (err, code, key, format, args);
  va_end (args);
  return code;
}

/* "@text: @rest", both may be NULL; takes @text. */
static char *
join (char *text, const char *rest)
{
  char *whole = NULL;
  if (text == NULL || asprintf (&whole, "%s: %s", text, rest) < 0)
    whole = NULL;
  free (text);
  return whole;
}

int
kata_error__errno (kata_error **err, int code, const char *key, int errnum, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  char *text = vformat (format, args);
  va_end (args);
  char buffer[128];
  return set_text (err, errnum == ENOMEM ? KATA_E_NO_MEMORY : code, key,
                   join (text, strerror_r (errnum, buffer, sizeof buffer)), NULL);
}

int
kata_error__wrap (kata_error **err, kata_error *cause, const char *key, const char *format, ...)
{
  int code = kata_error_get_code (cause);
  va_list args;
  va_start (args, format);
  char *text = vformat (format, args);
  va_end (args);
  const char *about = key != NULL ? key : kata_error_get_key (cause);
  return set_text (err, code, about, join (text, kata_error_get_message (cause)), cause);
}

int
kata_error__propagate (kata_error **err, kata_error *cause)
{
  int code = kata_error_get_code (cause);
  if (err != NULL) {
    assert (*err == NULL);
    *err = cause;
  } else {
    kata_error_unref (cause);
  }
  return code;
}

kata_error *
kata_error_ref (kata_error *error)
{
  if (error != NULL && error != &no_memory)
    atomic_fetch_add_explicit (&error->refs, 1, memory_order_relaxed);
  return error;
}

kata_error *
kata_error_unref (kata_error *error)
{
  if (error == NULL || error == &no_memory || atomic_fetch_sub_explicit (&error->refs, 1, memory_order_acq_rel) != 1)
    return NULL;
  kata_error_unref (error->cause);
  free (error->message);
  free (error->key);
  free (error);
  return NULL;
}

void
kata_error_unrefp (kata_error **error)
{
  if (error != NULL)
    *error = kata_error_unref (*error);
}

int
kata_error_get_code (const kata_error *error)
{
  return error != NULL ? error->code : KATA_OK;
}

const char *
kata_error_get_message (const kata_error *error)
{
  return error != NULL ? error->message : "no error";
}

const char *
kata_error_get_key (const kata_error *error)
{
  return error != NULL ? error->key : NULL;
}

const kata_error *
kata_error_get_cause (const kata_error *error)
{
  return error != NULL ? error->cause : NULL;
}

const char *
kata_error_code_name (int code)
{
  if (code > 0 || (size_t) -code >= sizeof code_names / sizeof code_names[0])
    return "unknown";
  return code_names[-code];
}
