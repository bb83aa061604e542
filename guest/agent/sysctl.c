/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sysctl: writes the namespaced parameters that a pod may have; others are refused. */
#include "sysctl.h"

#include <string.h>

#include "file.h"
#include "mem.h"

static int
is_allowed (const char *key)
{
  static const char *const prefixes[] = { "net.", "fs.mqueue.", "kernel.shm", "kernel.msg" };
  if (strpbrk (key, "/ \n") || strstr (key, "..") || strlen (key) > 200)
    return 0;
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
    if (text_starts (key, prefixes[i]))
      return 1;
  return text_is (key, "kernel.sem") || text_is (key, "kernel.hostname") || text_is (key, "kernel.domainname");
}

int
sysctl_apply (const Grpc__Linux *linux_, struct fault *fault)
{
  char path[256];
  for (size_t i = 0; linux_ && i < linux_->n_sysctl; i++) {
    const char *key = text_of (linux_->sysctl[i]->key);
    if (!is_allowed (key))
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "linux.sysctl \"%.200s\": not a parameter a container may set",
                        key);
    snprintf (path, sizeof path, "/proc/sys/%s", key);
    for (char *at = path + 10; *at; at++)
      if (*at == '.')
        *at = '/';
    if (file_write (path, text_of (linux_->sysctl[i]->value)) < 0)
      return fault_errno (fault, "linux.sysctl %s", key);
  }
  return 0;
}
