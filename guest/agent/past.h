/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* past: how the last execs that are forgotten ended: the answer that told it may have been lost with its connection, and is asked for again. */
#ifndef AGENT_PAST_H
#define AGENT_PAST_H

#include <stdint.h>

struct agent;
struct container;
struct process;

#define PAST_MAX 32

struct past {
  char *container_id, *exec_id; /* NULL = free */
  int32_t status;
};

/* Each with agent.lock held. */
void past_add (struct agent *agent, const char *container_id, const char *exec_id, int32_t status);
/** @exec_id NULL: all of the container. */
void past_drop (struct agent *agent, const char *container_id, const char *exec_id);

/** 0 and the status, or -1. Takes the lock. */
int past_find (struct agent *agent, const char *container_id, const char *exec_id, int32_t *status);

#endif
