/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* common: memory given to callers, and the version. */
#include <kata/common.h>

#include <glib.h>

void
kata_free (void *ptr)
{
  g_free (ptr);
}

void
kata_strv_free (char **strv)
{
  g_strfreev (strv);
}

const char *
kata_version (void)
{
  return KATA_VERSION;
}
