/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device: the words a device says to the debug log. */
#include "vmm/device.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MAX 200

void
vmm_env__log (const struct vmm_env *env, const char *device, const char *format, ...)
{
  if (env->log == NULL)
    return;
  char message[MESSAGE_MAX];
  va_list args;
  va_start (args, format);
  vsnprintf (message, sizeof message, format, args);
  va_end (args);
  env->log (env->ctx, device, message);
}
