/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics: what the guest's agent tells of the guest as a whole; a call that changes nothing, and so waits for nobody. */
#include "sandbox/sandbox.h"

int
kata_sandbox__metrics (char **text, kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  int r = kata_sandbox__load (&state, sandbox, err);
  if (r != 0)
    return r;
  int real = kata_sandbox__real_state (sandbox, state);
  r = kata_sandbox__allow ("metrics", sandbox->id, real, 1u << KATA_STATE_RUNNING, err);
  if (r != 0)
    return r;
  int64_t deadline_us = kata_runtime__deadline (timeout_ms, state->plan.request_timeout_ms);
  r = kata_sandbox__link (&link, sandbox, deadline_us, err);
  if (r != 0)
    return r;
  r = kata_agent__metrics (kata_link__agent (link), text, kata_runtime__left_ms (deadline_us), &error);
  return r != 0 ? kata_sandbox__explain (sandbox, link, error, err) : 0;
}
