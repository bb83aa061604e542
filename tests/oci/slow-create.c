/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* slow-create: for LD_PRELOAD: a container whose id begins with "slow" is not made before the file $SLOW_CREATE is gone; "$SLOW_CREATE.met" says that it waits. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kata/kata.h>

typedef int (*create_fn) (kata_container **out, kata_sandbox *sandbox, const kata_container_options *options,
                          int64_t timeout_ms, kata_error **err);

static void
await (const char *path)
{
  char met[4096];
  snprintf (met, sizeof met, "%s.met", path);
  close (open (met, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  while (access (path, F_OK) == 0)
    usleep (10000);
}

int
kata_container_create (kata_container **out, kata_sandbox *sandbox, const kata_container_options *options,
                       int64_t timeout_ms, kata_error **err)
{
  const char *path = getenv ("SLOW_CREATE");
  create_fn real = (create_fn) dlsym (RTLD_NEXT, "kata_container_create");
  if (path && options && options->id && strncmp (options->id, "slow", 4) == 0)
    await (path);
  return real (out, sandbox, options, timeout_ms, err);
}
