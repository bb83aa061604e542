/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: starts the proxy process in its namespaces, and makes the host's end of a terminal. */
#ifndef KATACTL_VERBS_LAUNCH_H
#define KATACTL_VERBS_LAUNCH_H

#include <sys/types.h>
#include "verbs/oci.h"

typedef struct launch {
  const char *network_namespace; /* (nullable): path to enter */
  int new_network;               /* a network namespace of its own */
  const char *rootfs;            /* (nullable): where @rootfs_fd was found */
  int rootfs_fd, tty_fd;         /* -1 = none */
  /* Set by launch_proxy(). */
  pid_t pid;
  int control_fd; /* the keeper's end of the socket pair */
} launch;

/** Start it. 0, or @exit_code after an error was written. */
int launch_proxy (oci *oci, int exit_code, launch *launch);
/** Kill a proxy that nobody shall see, and reap it. */
void launch_undo (launch *launch);

/** A raw terminal: @master is for whoever watches, @slave stands for the process. 0 or -1 with errno. */
int launch_terminal (int *master, int *slave);
/** Send @master to the engine's socket, as runc does. 0 or -1 with errno. */
int launch_send_console (const char *socket_path, int master);
/** Write "PID" so that nobody sees half of it. 0 or -1 with errno. */
int launch_write_pid (const char *path, pid_t pid);

#endif
