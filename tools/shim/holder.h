/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* holder: a process that stands in a pod's network namespace: its number is what hooks are told of, and it keeps a namespace without a path. */
#ifndef SHIM_HOLDER_H
#define SHIM_HOLDER_H

#include <glib.h>
#include <sys/types.h>

typedef struct holder {
  pid_t pid; /* 0 = there is none */
  int fd;    /* it ends when this is closed: with the shim, at the latest */
} holder;

/** In the namespace at @path, or in a new one (NULL). 0 or -errno. */
int holder_start (holder *holder, const char *path);
/** Fine when there is none. */
void holder_end (holder *holder);
/** The namespace, as others can open it as long as it lives (g_free()). */
char *holder_path (const holder *holder);

#endif
