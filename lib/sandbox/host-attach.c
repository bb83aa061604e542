/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-attach: devices of the host for containers; counts by what the containers in the state name. */
#include <string.h>

#include "sandbox/host-late.h"
#include "sandbox/runtime.h"

#define COLLECT_MS 30000

static bool
is_used (const kata_sandbox_state *state, const char *id, const struct kata_container_state *but)
{
  for (size_t i = 0; i < state->n_containers; i++)
    if (&state->containers[i] != but && state->containers[i].host_devices != NULL &&
        g_strv_contains ((const char *const *) state->containers[i].host_devices, id))
      return true;
  return false;
}

int
kata_sandbox_host__attach (struct kata_operation *op, kata_container_plan *plan, kata_error **err)
{
  int r = plan->host_groups != NULL ? kata_operation__fault (op, "container:attach-host", err) : 0;
  for (char **file = plan->host_groups; r == 0 && file != NULL && *file != NULL; file++) {
    const kata_host_device group = { sizeof group, NULL, *file, 0 };
    kata_error *cause = NULL;
    r = kata_sandbox_host__give (op, &group, true, &plan->host_devices, &cause);
    if (r != 0)
      kata_error__wrap (err, cause, *file, "\"%s\" cannot be given to sandbox \"%s\"", *file, op->sandbox->id);
  }
  return r;
}

/* What somebody else than a container has asked for stays. */
static int
take_out (struct kata_operation *op, const char *id, kata_error **err)
{
  const kata_vm_host_device *device = kata_sandbox_host__find (op->state, false, id);
  if (device == NULL)
    device = kata_sandbox_host__find (op->state, true, id);
  return device != NULL && kata_plan__is_container_host (device) ? kata_sandbox_host__unplug (op, device, err) : 0;
}

int
kata_sandbox_host__detach (struct kata_operation *op, const struct kata_container_state *container, bool force,
                           kata_error **err)
{
  if (op->state->state != KATA_STATE_RUNNING)
    return 0;
  for (char **id = container->host_devices; id != NULL && *id != NULL; id++) {
    kata_error *error = NULL;
    int r = is_used (op->state, *id, container) ? 0 : take_out (op, *id, &error);
    if (r != 0 && !force)
      return kata_error__propagate (err, error);
    if (r != 0)
      kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "container \"%s\": a device of the host stays: %s",
                       container->id, kata_error_get_message (error));
    kata_error_unref (error);
  }
  return 0;
}

void
kata_sandbox_host__collect (struct kata_operation *op)
{
  kata_host_list all = op->state->plan.vm.host_devices; /* a removal makes a new list */
  int64_t deadline_us = op->deadline_us;
  op->deadline_us = kata_deadline__within (INT64_MAX, COLLECT_MS);
  for (size_t i = 0; all != NULL && all[i] != NULL; i++) {
    g_autoptr (kata_error) error = NULL;
    if (all[i]->port == 0 || !kata_plan__is_container_host (all[i]) || is_used (op->state, all[i]->id, NULL))
      continue;
    if (take_out (op, all[i]->id, &error) != 0)
      kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                       "sandbox \"%s\": a device of the host that nobody uses stays: %s", op->sandbox->id,
                       kata_error_get_message (error));
  }
  op->deadline_us = deadline_us;
}
