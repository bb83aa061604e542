/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verbs: what the program does: `start`, `delete`, -info, and serving; and what both ends share: removing what a dead server left. */
#ifndef SHIM_VERBS_H
#define SHIM_VERBS_H

#include "group.h"
#include "options.h"

/** Descriptors that `start` leaves to the server. */
enum { SERVER_SOCKET_FD = 3, SERVER_GROUP_FD = 4, SERVER_READY_FD = 5 };

/** Exit codes. */
int verb_start (options *options);
int verb_delete (options *options);
int verb_info (options *options);
int verb_serve (options *options);

/** Removes the sandbox, the mounts and the directory of a group whose lock is held and whose server is gone. */
gboolean cleanup_group (group *group, const options *options, char **error);
/** Removes the sandbox of a group that has no directory. */
gboolean cleanup_sandbox (group *group, const options *options, char **error);
/** Runs the poststop hooks of containers whose server was killed. */
void hooks_cleanup (group *group);
/** Kills a server that holds its lock and does not end. */
void cleanup_kill_server (group *group);
/** What the server notes of itself, for the call above: "PID START-TIME". */
char *cleanup_process_name (int pid);

#endif
