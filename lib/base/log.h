/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log: hands lines to the program's log function; it prints nothing itself and keeps nothing. */
#ifndef KATA_BASE_LOG_H
#define KATA_BASE_LOG_H

#include <glib.h>

#include <kata/runtime.h>

/** Where lines go; part of a runtime, set before it is shared. */
struct kata_log {
  kata_log_fn fn; /* (nullable) */
  void *data;
  int level; /* the most detailed level wanted */
};

void kata_log__write (const struct kata_log *log, int level, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** The `log` of a kata_backend_env, with the struct kata_log as its data. */
void kata_log__line (void *log, int level, const char *message);

#endif
