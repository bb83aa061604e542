/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log: formats one line and writes it in one go, control characters made harmless. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
log_write (const struct log *log, enum log_level level, const char *format, ...)
{
  static const char *const names[] = { "error", "warn", "info", "debug" };
  char line[1024];
  va_list args;
  if (level > log->level)
    return;
  int used = snprintf (line, sizeof line, "kata-agent: %s: ", names[level]);
  va_start (args, format);
  int more = vsnprintf (line + used, sizeof line - (size_t) used - 1, format, args);
  va_end (args);
  if (more < 0)
    return;
  size_t len = strlen (line);
  /* Names in messages come from the host and from containers: no escape sequence may reach a terminal. */
  for (size_t i = 0; i < len; i++)
    if ((unsigned char) line[i] < 0x20 || line[i] == 0x7f)
      line[i] = ' ';
  line[len++] = '\n';
  if (write (STDOUT_FILENO, line, len) < 0)
    return; /* nobody to tell */
}
