/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create: makes a container that waits for `start`; what `create` and `run` share. */
#ifndef KATACTL_VERBS_CREATE_H
#define KATACTL_VERBS_CREATE_H

#include "verbs/entry.h"
#include "verbs/launch.h"

typedef struct create {
  const char *id, *bundle, *pid_file, *console_socket, *preserve_fds;
  int detached; /* nobody of ours watches the terminal */
  /* Set by create_container(). */
  entry entry;
  launch launch;
  int master; /* the terminal's outer end, if no console socket took it; else -1 */
} create;

/** 0, or @exit_code after an error was written and everything was undone. create_clear() in both cases. */
int create_container (oci *oci, int exit_code, create *create);
void create_clear (create *create);

/** Start it, with the hooks for that. 0, or @exit_code after an error was written. */
int create_start (oci *oci, int exit_code, entry *entry);
/** Remove a container in any state, and its pod's machine if it was the last. 0, or @exit_code after an error was written. */
int create_remove (oci *oci, int exit_code, entry *entry, int force);

#endif
