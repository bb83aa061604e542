/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: connects to the agent in the guest, retrying until it answers; the time that this takes is the kernel's boot. */
#include "sandbox/stage.h"

static int
enter (struct kata_operation *op, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  int r = kata_sandbox__link (&link, op->sandbox, op->deadline_us, err);
  if (r == 0)
    r = kata_operation__fault (op, "agent:check", err);
  return r != 0 ? r : kata_agent__check (kata_link__agent (link), kata_runtime__left_ms (op->deadline_us), err);
}

const struct kata_stage kata_stage__agent = { "agent", enter, NULL };
