/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread: a machine that runs in threads of this process (isolation = "thread"); it ends with the process. */
#ifndef KATA_BACKEND_BUILTIN_THREAD_H
#define KATA_BACKEND_BUILTIN_THREAD_H

#include <kata/error.h>

#include "vmm/describe.h"

struct kata_builtin_thread;

/** Builds and starts the machine. On success the description's descriptors are its own, on failure they stay the caller's. */
int kata_builtin_thread__start (struct kata_builtin_thread **out, const struct vmm_description *description,
                                kata_error **err);
struct kata_builtin_thread *kata_builtin_thread__ref (struct kata_builtin_thread *thread);
/** NULL-safe. The machine goes on. */
void kata_builtin_thread__unref (struct kata_builtin_thread *thread);
/** At once; returns before it has ended. */
void kata_builtin_thread__stop (struct kata_builtin_thread *thread);
/** Readable once it has ended; owned by the thread. */
int kata_builtin_thread__exit_fd (struct kata_builtin_thread *thread);
/** After that: "ended: the guest powered off"; g_free(). */
char *kata_builtin_thread__how (struct kata_builtin_thread *thread);

#endif
