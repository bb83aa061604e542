/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest: makes the agent's sandbox: host name, DNS, the shared directory's mount, the clock, fresh random numbers. */
#include <sys/random.h>

#include "agent/spec.h"
#include "sandbox/stage.h"

#define SEED_LEN 64

static int
create_sandbox (struct kata_operation *op, kata_agent *agent, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
  request.hostname = (char *) plan->hostname;
  request.sandbox_id = (char *) plan->id;
  request.guest_hook_path = (char *) plan->guest_hook_path;
  request.dns = plan->dns;
  request.n_dns = plan->dns != NULL ? g_strv_length (plan->dns) : 0;
  request.storages = kata_agent_spec__storages (arena, plan->storages, plan->n_storages);
  request.n_storages = plan->n_storages;
  request.kernel_modules = kata_agent_spec__modules (arena, plan->kernel_modules, &request.n_kernel_modules);
  return kata_agent__create_sandbox (agent, &request, kata_runtime__left_ms (op->deadline_us), err);
}

/* Comforts: a guest whose agent lacks them still runs containers. */
static int
refresh (struct kata_operation *op, kata_agent *agent, kata_error **err)
{
  uint8_t seed[SEED_LEN];
  int64_t now = g_get_real_time ();
  g_autoptr (kata_error) error = NULL;
  int r = kata_agent__set_datetime (agent, now / G_USEC_PER_SEC, now % G_USEC_PER_SEC,
                                    kata_runtime__left_ms (op->deadline_us), &error);
  if (r == 0 && getrandom (seed, sizeof seed, 0) == (ssize_t) sizeof seed)
    r = kata_agent__reseed (agent, seed, sizeof seed, kata_runtime__left_ms (op->deadline_us), &error);
  explicit_bzero (seed, sizeof seed);
  if (r == 0 || r == KATA_E_TIMEOUT || kata_agent__is_lost (agent, NULL))
    return r == 0 ? 0 : kata_error__propagate (err, g_steal_pointer (&error));
  kata_log__write (&op->sandbox->runtime->log, KATA_LOG_INFO, "sandbox \"%s\": %s", op->sandbox->id,
                   kata_error_get_message (error));
  return 0;
}

int
kata_stage__refresh_guest (struct kata_operation *op, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  int r = kata_sandbox__link (&link, op->sandbox, op->deadline_us, err);
  return r != 0 ? r : refresh (op, kata_link__agent (link), err);
}

static int
enter (struct kata_operation *op, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  int r = kata_sandbox__link (&link, op->sandbox, op->deadline_us, err);
  if (r == 0)
    r = kata_operation__fault (op, "agent:create-sandbox", err);
  if (r == 0)
    r = create_sandbox (op, kata_link__agent (link), err);
  return r != 0 ? r : refresh (op, kata_link__agent (link), err);
}

const struct kata_stage kata_stage__guest = { "guest", enter, NULL };
