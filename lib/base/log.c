/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log: level check, formatting, one line each. */
#include "base/log.h"

void
kata_log__line (void *data, int level, const char *message)
{
  const struct kata_log *log = data;
  if (log->fn == NULL || level > log->level)
    return;
  g_autofree char *line = g_strdelimit (g_strdup (message), "\r\n", ' ');
  log->fn (log->data, level, line);
}

void
kata_log__write (const struct kata_log *log, int level, const char *format, ...)
{
  if (log->fn == NULL || level > log->level)
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  kata_log__line ((void *) log, level, message);
}
