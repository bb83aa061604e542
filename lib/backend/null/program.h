/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* program: the few programs that a null guest knows, run by a thread; not a shell, only enough of one for tests. */
#ifndef KATA_BACKEND_NULL_PROGRAM_H
#define KATA_BACKEND_NULL_PROGRAM_H

#include <glib.h>

/** What a program works with: ends of socket pairs, a descriptor that becomes readable when it is killed, and a brake. */
struct null_program {
  char **args;
  int in, out, err;
  int kill_fd;
  gint paused; /* atomic: while non-zero its input and output wait */
};

/** Does a null guest have this program? "true", "/bin/true", … */
gboolean kata_null_program__exists (const char *name);

/** Runs the program on the calling thread. Returns its exit code, or -1 when it was killed. */
int kata_null_program__run (struct null_program *program);

#endif
