/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socket: the unix socket in a private directory that a sandbox is asked through: made, found, connected to. */
#ifndef METRICS_SOCKET_H
#define METRICS_SOCKET_H

#include <glib.h>

/** Its name in the directory of the process that serves a sandbox; Kata's own. */
#define METRICS_SOCKET "shim-monitor.sock"

/** A listening socket of mode 0600 in @directory_fd, in the place of what a dead process left there; -1 with errno. Does not block. */
int metrics_socket_listen (int directory_fd);
/** Connects to the one in @directory_fd, and only if it is a socket itself, served by root or this user; -1 with errno. Does not block. */
int metrics_socket_connect (int directory_fd);
/** Is the other end root, or this process's own user? */
gboolean metrics_socket_is_ours (int fd);
/** Opens the folder @name in @directory_fd, if it is one that only its owner may enter, root or this user; -1 with errno. */
int metrics_socket_folder (int directory_fd, const char *name);

#endif
