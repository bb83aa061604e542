/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault: fills in the reason of a failed request; prints nothing. */
#include "fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
fault_set (struct fault *fault, int32_t code, const char *format, ...)
{
  va_list args;
  if (!fault)
    return -1;
  fault->code = code;
  va_start (args, format);
  vsnprintf (fault->text, sizeof fault->text, format, args);
  va_end (args);
  return -1;
}

int
fault_errno (struct fault *fault, const char *format, ...)
{
  int saved = errno;
  va_list args;
  if (!fault)
    return -1;
  fault->code = TTRPC_INTERNAL;
  va_start (args, format);
  vsnprintf (fault->text, sizeof fault->text, format, args);
  va_end (args);
  size_t used = strlen (fault->text);
  snprintf (fault->text + used, sizeof fault->text - used, ": %s", strerror (saved));
  errno = saved;
  return -1;
}
