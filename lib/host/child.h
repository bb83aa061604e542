/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* child: starts a program. All code of libkata that runs between fork and exec is here; it does not wait for the program's end. */
#ifndef KATA_HOST_CHILD_H
#define KATA_HOST_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "host/pidfd.h"

/** A descriptor of ours that the program finds at number @target (>= 3). */
typedef struct kata_child_fd {
  int fd;
  int target;
} kata_child_fd;

typedef struct kata_child_rlimit {
  int resource; /* RLIMIT_… */
  struct rlimit limit;
} kata_child_rlimit;

/** A user namespace of its own, in which the program has all capabilities and outside none. */
typedef struct kata_child_userns {
  /* What uid and gid 0 in there are on our side. Others than our own take privileges; supplementary groups are dropped then. */
  uint32_t uid, gid;
  /* Our own uid as 1 in there, if it is another: so that the program can tell our connections (SO_PEERCRED) from strangers'. */
  bool map_caller;
} kata_child_userns;

typedef struct kata_child_options {
  const char *program;     /* absolute path */
  const char *const *argv; /* NULL-terminated, argv[0] included */
  const char *const *envp; /* NULL = only PATH, so that nothing of the embedder's environment leaks */
  /* Descriptors for 0, 1, 2; -1 = /dev/null. Everything not named here or in @fds is closed in the child. */
  int stdin_fd, stdout_fd, stderr_fd;
  const kata_child_fd *fds; /* at most KATA_CHILD_FDS_MAX */
  size_t n_fds;
  const kata_child_rlimit *rlimits;
  size_t n_rlimits;
  const char *cwd; /* NULL = "/" */
  int ignored_signal; /* one that the program finds ignored, for example SIGXFSZ; 0 = none. All others have their defaults. */
  const kata_child_userns *userns; /* NULL = ours */
  bool new_pidns;   /* it is pid 1 of a PID namespace of its own; @out and the record still hold its number in ours */
  bool new_session; /* setsid: a Ctrl-C on the caller's terminal does not reach it */
  /**
   * The gate: the child exists but has not run the program yet, and ends by itself if we die now. Write the undo record here; when it fails,
   * the child is killed and the error handed up. May be NULL.
   */
  int (*record) (void *record_data, const kata_pid_identity *identity, kata_error **err);
  void *record_data;
} kata_child_options;

#define KATA_CHILD_FDS_MAX 200
/** With all fields at their rest value. */
#define KATA_CHILD_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
    .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .new_session = true                                              \
  }

typedef struct kata_child {
  kata_pid_identity identity;
  int pidfd; /* the caller closes it; reap with kata_pidfd__reap() */
} kata_child;

/**
 * Starts a program; returns once it has been exec'd. It is a child of the calling process: its end raises SIGCHLD there, and an embedder that
 * waits for any child can take its exit status (kata_pidfd__reap() then knows none; nothing else depends on it).
 * KATA_E_HOST when the program cannot be executed (message: which step, errno) or a namespace is refused, KATA_E_IO when the process cannot be made. No child is left on failure.
 * It outlives us: no parent-death signal. @out is untouched on failure.
 */
int kata_child__spawn (kata_child *out, const kata_child_options *options, kata_error **err);

/** Kill (if it runs), reap, close. For cleanup paths; at most 5 s. */
void kata_child__discard (kata_child *child);

#endif
