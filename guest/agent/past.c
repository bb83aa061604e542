/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* past: a ring of a few names and codes. */
#include "past.h"

#include <stdlib.h>

#include "agent.h"
#include "mem.h"
#include "service.h"

static void
clear (struct past *past)
{
  free (past->container_id);
  free (past->exec_id);
  *past = (struct past){ 0 };
}

static int
is (const struct past *past, const char *container_id, const char *exec_id)
{
  return past->container_id && text_is (past->container_id, container_id) &&
         (!exec_id || text_is (past->exec_id, exec_id));
}

void
past_add (struct agent *agent, const char *container_id, const char *exec_id, int32_t status)
{
  struct past *past = &agent->past[agent->next_past++ % PAST_MAX];
  clear (past);
  *past = (struct past){ mem_text (container_id), mem_text (exec_id), status };
}

void
past_drop (struct agent *agent, const char *container_id, const char *exec_id)
{
  for (unsigned i = 0; i < PAST_MAX; i++)
    if (is (&agent->past[i], container_id, exec_id))
      clear (&agent->past[i]);
}

int
past_find (struct agent *agent, const char *container_id, const char *exec_id, int32_t *status)
{
  int result = -1;
  if (!container_id || !exec_id || !*exec_id)
    return -1;
  pthread_mutex_lock (&agent->lock);
  for (unsigned i = 0; i < PAST_MAX && result < 0; i++)
    if (is (&agent->past[i], container_id, exec_id)) {
      *status = agent->past[i].status;
      result = 0;
    }
  pthread_mutex_unlock (&agent->lock);
  return result;
}
