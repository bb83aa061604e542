/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error: the error object; it formats, escapes and bounds text, and decides nothing. */
#include "base/error.h"

#include <errno.h>
#include <stdatomic.h>
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

/* Text from a guest or a file may hold escape sequences or broken UTF-8: what reaches a terminal is neither. */
static char *
clean_text (const char *text)
{
  GString *out = g_string_sized_new (strlen (text));
  for (const char *p = text; *p != '\0' && out->len < MESSAGE_MAX;) {
    gunichar c = g_utf8_get_char_validated (p, -1);
    if (c == (gunichar) -1 || c == (gunichar) -2) {
      g_string_append_printf (out, "\\x%02x", (unsigned) (guchar) *p++);
      continue;
    }
    if (c == '\n' || c == '\t')
      g_string_append_c (out, ' ');
    else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
      g_string_append_printf (out, "\\x%02x", (unsigned) c);
    else
      g_string_append_unichar (out, c);
    p = g_utf8_next_char (p);
  }
  return g_string_free (out, FALSE);
}

static int
set_text (kata_error **err, int code, const char *key, const char *text, kata_error *cause)
{
  if (err == NULL) {
    kata_error_unref (cause);
    return code;
  }
  kata_error *error = g_new0 (kata_error, 1);
  atomic_init (&error->refs, 1);
  error->code = code;
  error->message = clean_text (text);
  error->key = key != NULL ? clean_text (key) : NULL;
  error->cause = cause;
  g_assert (*err == NULL);
  *err = error;
  return code;
}

int
kata_error__setv (kata_error **err, int code, const char *key, const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);
  return set_text (err, code, key, text, NULL);
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

int
kata_error__errno (kata_error **err, int code, const char *key, int errnum, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  return kata_error__set (err, errnum == ENOMEM ? KATA_E_NO_MEMORY : code, key, "%s: %s", text, g_strerror (errnum));
}

int
kata_error__wrap (kata_error **err, kata_error *cause, const char *key, const char *format, ...)
{
  int code = kata_error_get_code (cause);
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *whole = g_strdup_printf ("%s: %s", text, kata_error_get_message (cause));
  const char *about = key != NULL ? key : kata_error_get_key (cause);
  return set_text (err, code, about, whole, cause);
}

int
kata_error__propagate (kata_error **err, kata_error *cause)
{
  int code = kata_error_get_code (cause);
  if (err != NULL) {
    g_assert (*err == NULL);
    *err = cause;
  } else {
    kata_error_unref (cause);
  }
  return code;
}

kata_error *
kata_error_ref (kata_error *error)
{
  if (error != NULL)
    atomic_fetch_add_explicit (&error->refs, 1, memory_order_relaxed);
  return error;
}

kata_error *
kata_error_unref (kata_error *error)
{
  if (error == NULL || atomic_fetch_sub_explicit (&error->refs, 1, memory_order_acq_rel) != 1)
    return NULL;
  kata_error_unref (error->cause);
  g_free (error->message);
  g_free (error->key);
  g_free (error);
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
  if (code > 0 || (size_t) -code >= G_N_ELEMENTS (code_names))
    return "unknown";
  return code_names[-code];
}
