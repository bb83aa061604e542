/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics: what the guest's agent tells of the guest as a whole, and its VMM of itself; a call that changes nothing, and so waits for nobody. */
#include <string.h>

#include "sandbox/counters.h"
#include "sandbox/sandbox.h"

#define COUNTERS_MS 500

#define ANSWERED "kata_hypervisor_counters_answered"

/* A VMM that does not answer takes nothing from what the guest told; that it did not is told, too. */
static void
append_counters (GString *text, kata_sandbox *sandbox, const kata_sandbox_state *state, int64_t deadline_us)
{
  g_autoptr (kata_machine) machine = NULL;
  g_autoptr (kata_error) error = NULL;
  g_autofree char *lines = NULL;
  char *json = NULL;
  if (kata_sandbox__machine (&machine, sandbox, state, NULL) != 0)
    return;
  kata_backend_env env = kata_sandbox__env (sandbox, NULL, kata_deadline__within (deadline_us, COUNTERS_MS));
  int r = kata_vm__counters (kata_machine__vm (machine), &json, &env, &error);
  if (r == KATA_E_UNSUPPORTED)
    return;
  if (r == 0)
    r = kata_counters__text (&lines, json, strlen (json), &error);
  kata_free (json);
  if (r != 0)
    kata_log__write (&sandbox->runtime->log, KATA_LOG_DEBUG, "sandbox \"%s\": %s", sandbox->id,
                     kata_error_get_message (error));
  g_string_append_printf (text,
                          "# HELP " ANSWERED " Whether the hypervisor told its counters in time.\n# TYPE " ANSWERED
                          " gauge\n" ANSWERED " %d\n%s",
                          r == 0, lines != NULL ? lines : "");
}

int
kata_sandbox__metrics (char **text, kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  char *told = NULL;
  int r = kata_sandbox__load (&state, sandbox, err);
  if (r != 0)
    return r;
  int real = kata_sandbox__real_state (sandbox, state);
  r = kata_sandbox__allow_guest (sandbox, state, "metrics", real, 1u << KATA_STATE_RUNNING, err);
  if (r != 0)
    return r;
  int64_t deadline_us = kata_runtime__deadline (timeout_ms, state->plan.request_timeout_ms);
  r = kata_sandbox__link (&link, sandbox, deadline_us, err);
  if (r != 0)
    return r;
  r = kata_agent__metrics (kata_link__agent (link), &told, kata_runtime__left_ms (deadline_us), &error);
  if (r != 0)
    return kata_sandbox__explain (sandbox, link, error, err);
  g_autofree char *own = kata_counters__without (told);
  kata_free (told);
  GString *all = g_string_new (own);
  append_counters (all, sandbox, state, deadline_us);
  *text = g_string_free (all, FALSE);
  return 0;
}
