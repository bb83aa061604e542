/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* group: the private directory of one pod's shim: its socket, its lock, and what `delete` must know after the shim was killed. */
#ifndef SHIM_GROUP_H
#define SHIM_GROUP_H

#include <glib.h>

#include "options.h"

/** Files of the directory. */
#define GROUP_SOCKET  "socket"
#define GROUP_SERVER  "server"             /* "PID START-TIME" of the server */
#define GROUP_CONFIG  "config"             /* path of the configuration file */
#define GROUP_BODY    "configuration.toml" /* one that came as text */
#define GROUP_SANDBOX "sandbox"            /* the sandbox's id */
#define GROUP_HOOKS   "hooks."             /* and a container's id: the bundle whose poststop hooks are due */
#define GROUP_ROOTFS  "rootfs."            /* and a container's id: the bundle whose rootfs is mounted */

typedef struct group {
  char *id;         /* of the pod */
  char *path;       /* of the directory */
  char *sandbox_id; /* of the library's sandbox */
  int fd;           /* of the directory; who serves the pod holds its flock */
} group;

/** Names only; opens nothing. */
void group_name (group *group, const options *options, const char *id);
/** Makes the directory, locked. -EEXIST: it is there already. 0 or -errno. */
int group_make (group *group);
/** Opens a directory that is there. 0 or -errno; -ENOENT if there is none. */
int group_open (group *group);
/** 0, or -EWOULDBLOCK when somebody else held the lock for @wait_ms. -ENOENT: it was removed meanwhile. */
int group_lock (group *group, int wait_ms);
/** Removes the directory and what is in it; the lock must be held. */
int group_remove (group *group);
void group_clear (group *group);

/** The whole file is there, or it is not. 0 or -errno. */
int group_write (group *group, const char *name, const char *text);
/** NULL if there is none. */
char *group_read (group *group, const char *name);
void group_forget (group *group, const char *name);
/** Names in the directory that begin with @prefix, NULL-terminated. */
char **group_list (group *group, const char *prefix);

/** "unix://…" of the socket. */
char *group_address (const group *group);
/** Whether a server answers on the socket. */
gboolean group_answers (const group *group);
/** A listening socket; -errno. */
int group_listen (group *group);

#endif
