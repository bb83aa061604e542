/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread: starts a detached thread with the agent's small stack. */
#ifndef AGENT_THREAD_H
#define AGENT_THREAD_H

#define AGENT_STACK_SIZE (96u << 10)

/** 0 or -errno. */
int thread_start (void *(*run) (void *), void *data);

#endif
