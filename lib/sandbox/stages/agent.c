/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: connects to the agent in the guest, retrying until it answers; tells the kernel's time from the agent's. */
#include <string.h>

#include "proto/features.h"
#include "sandbox/stage.h"

/* What is not the agent's own time was the kernel's. Another agent does not say: then the stage's time is that of both. */
static void
note_kernel (struct kata_operation *op, kata_agent *agent)
{
  struct kata_agent_details details = { 0 };
  int64_t elapsed = g_get_monotonic_time () - op->step_us, own = -1;
  g_autoptr (kata_error) error = NULL;
  if (kata_agent__guest_details (agent, &details, kata_runtime__left_ms (op->deadline_us), &error) != 0)
    return; /* the next request says what is wrong */
  for (char **f = details.extra_features; *f != NULL; f++)
    if (g_str_has_prefix (*f, KATA_FEATURE_START_MS))
      own = (int64_t) MIN (g_ascii_strtoull (*f + strlen (KATA_FEATURE_START_MS), NULL, 10), 3600000) * 1000;
  kata_agent_details__clear (&details);
  if (own < 0 || own > elapsed)
    return;
  kata_state__add_timing (op->state, "kernel", elapsed - own);
  op->step_us += elapsed - own;
}

static int
enter (struct kata_operation *op, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  int r = kata_sandbox__link (&link, op->sandbox, op->deadline_us, err);
  if (r == 0)
    r = kata_operation__fault (op, "agent:check", err);
  if (r == 0)
    r = kata_agent__check (kata_link__agent (link), kata_runtime__left_ms (op->deadline_us), err);
  if (r == 0)
    note_kernel (op, kata_link__agent (link));
  return r;
}

const struct kata_stage kata_stage__agent = { "agent", enter, NULL };
