/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container-change: start, freeze, update, delete: what changes the state that is written down. */
#include <signal.h>
#include <string.h>

#include "agent/spec.h"
#include "sandbox/block.h"
#include "sandbox/container.h"
#include "sandbox/events.h"
#include "sandbox/grow.h"
#include "sandbox/host-late.h"
#include "sandbox/host-limit.h"
#include "sandbox/undo.h"

#define UNDO_MS     10000
#define REMOVE_S    10
#define KILL_MS     5000
#define UNFREEZE_MS 5000

#define STATE(s) (1u << KATA_STATE_##s)

/* A change of one container: the sandbox's locks, the container's place in the state, the connection. */
struct change {
  struct kata_operation op;
  struct kata_container_state *found;
  kata_link *link;
};

static void
change_end (struct change *change)
{
  kata_operation__end (&change->op);
  kata_link__unref (change->link);
}

static int
look (struct change *change, kata_container *container, const char *what, unsigned allowed, kata_error **err)
{
  change->found = kata_state__container (change->op.state, container->id);
  if (change->found == NULL || g_atomic_int_get (&container->deleted) != 0)
    return kata_error__set (err, KATA_E_NOT_FOUND, container->id, "no container \"%s\" in sandbox \"%s\"",
                            container->id, container->sandbox->id);
  /* Asking a guest takes time: only where the answer decides. An agent refuses by itself what needs a living process. */
  if (allowed == 0 || allowed == (STATE (CREATED) | STATE (RUNNING) | STATE (PAUSED)))
    return kata_sandbox__allow (what, container->id, change->found->state, allowed == 0 ? ~0u : allowed, err);
  int real = kata_container__real_state (container, change->op.state, change->found);
  return kata_sandbox__allow (what, container->id, real, allowed, err);
}

static int
change_begin (struct change *change, kata_container *container, const char *what, unsigned allowed, int64_t timeout_ms,
              kata_error **err)
{
  const struct kata_operation_options options = {
    .what = what,
    .allowed = STATE (RUNNING),
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, request_timeout_ms),
  };
  *change = (struct change){ 0 };
  int r = kata_operation__begin (&change->op, container->sandbox, &options, err);
  if (r != 0)
    return r;
  r = look (change, container, what, allowed, err);
  if (r == 0)
    r = kata_sandbox__link (&change->link, container->sandbox, change->op.deadline_us, err);
  if (r != 0)
    change_end (change);
  return r;
}

int
kata_container__start (kata_container *container, int64_t timeout_ms, kata_error **err)
{
  struct change change;
  kata_error *error = NULL;
  int r = change_begin (&change, container, "start the container", STATE (CREATED), timeout_ms, err);
  if (r != 0)
    return r;
  kata_agent *agent = kata_link__agent (change.link);
  r = kata_operation__fault (&change.op, "agent:start-container", &error);
  if (r == 0)
    r = kata_agent__start_container (agent, container->id, kata_runtime__left_ms (change.op.deadline_us), &error);
  if (r == 0) {
    kata_events__container (container->sandbox, change.link, container->id);
    change.found->state = KATA_STATE_RUNNING;
    kata_operation__timing (&change.op, "container-start");
    r = kata_operation__save (&change.op, &error);
    /* Not written down: then it must not run either. */
    if (r != 0)
      kata_agent__signal (agent, container->id, "", SIGKILL, KILL_MS, NULL);
  }
  if (r != 0)
    r = kata_sandbox__explain (container->sandbox, change.link, error, err);
  change_end (&change);
  if (r == 0)
    kata_events__look (container->sandbox);
  return r;
}

static int
tell_to_freeze (struct change *change, const char *id, bool freeze, int64_t left_ms, kata_error **err)
{
  kata_agent *agent = kata_link__agent (change->link);
  return freeze ? kata_agent__pause_container (agent, id, left_ms, err)
                : kata_agent__resume_container (agent, id, left_ms, err);
}

int
kata_container__freeze (kata_container *container, bool freeze, int64_t timeout_ms, kata_error **err)
{
  struct change change;
  kata_error *error = NULL;
  int r = change_begin (&change, container, freeze ? "pause the container" : "resume the container",
                        freeze ? STATE (RUNNING) : STATE (PAUSED), timeout_ms, err);
  if (r != 0)
    return r;
  r = kata_operation__fault (&change.op, freeze ? "agent:pause-container" : "agent:resume-container", &error);
  if (r == 0)
    r = tell_to_freeze (&change, container->id, freeze, kata_runtime__left_ms (change.op.deadline_us), &error);
  if (r == 0) {
    change.found->state = freeze ? KATA_STATE_PAUSED : KATA_STATE_RUNNING;
    r = kata_operation__save (&change.op, &error);
    /* Not written down: then it must not be so either, or nobody could resume it. */
    if (r != 0)
      tell_to_freeze (&change, container->id, !freeze, UNFREEZE_MS, NULL);
  }
  if (r != 0)
    r = kata_sandbox__explain (container->sandbox, change.link, error, err);
  change_end (&change);
  return r;
}

/* What means the host's processors or disks is left out, as at creation. */
static int
read_resources (kata_oci_resources **out, kata_container *container, const char *json, kata_error **err)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  int r = kata_oci_resources__parse (out, json, strlen (json), err);
  if (r != 0)
    return r;
  kata_plan__edit_resources (*out, NULL, warnings);
  for (guint i = 0; i < warnings->len; i++)
    kata_log__write (&container->sandbox->runtime->log, KATA_LOG_WARNING, "container %s: %s", container->id,
                     (const char *) warnings->pdata[i]);
  return 0;
}

/* The guest holds the new limits; the machine is to be as large as they say. */
static int
follow (struct change *change, const kata_oci_resources *limits, kata_error **err)
{
  kata_error *error = NULL;
  uint64_t before = change->found->memory_bytes;
  kata_sandbox__limit (change->found, limits);
  int r = change->found->memory_bytes != before ? kata_operation__save (&change->op, &error) : 0;
  if (r == 0)
    r = kata_sandbox__grow (&change->op, change->link, NULL, &error);
  return r == 0 ? 0 : kata_sandbox__explain (change->op.sandbox, change->link, error, err);
}

int
kata_container__update (kata_container *container, const char *resources_json, int64_t timeout_ms, kata_error **err)
{
  struct change change;
  kata_error *error = NULL;
  g_autoptr (kata_oci_resources) limits = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  int r = read_resources (&limits, container, resources_json, err);
  if (r == 0)
    r = change_begin (&change, container, "update the container", STATE (CREATED) | STATE (RUNNING) | STATE (PAUSED),
                      timeout_ms, err);
  if (r != 0)
    return r;
  const Grpc__LinuxResources *resources = kata_agent_spec__resources (arena, limits);
  r = kata_agent__update_container (kata_link__agent (change.link), container->id, resources,
                                    kata_runtime__left_ms (change.op.deadline_us), &error);
  if (r != 0)
    r = kata_sandbox__explain (container->sandbox, change.link, error, err);
  else
    r = kata_host_limit__follow (&change.op, change.found, &limits->cpu, err);
  if (r == 0)
    r = follow (&change, limits, err);
  change_end (&change);
  return r;
}

/* In the guest. A guest that is gone, or does not know the container, has nothing to remove. */
static int
remove_in_guest (struct change *change, kata_container *container, bool force, kata_error **err)
{
  g_autoptr (kata_error) error = NULL;
  if (change->op.state->state == KATA_STATE_STOPPED || change->found->gone)
    return 0;
  int r = kata_sandbox__link (&change->link, container->sandbox, change->op.deadline_us, &error);
  if (r != 0)
    return kata_error__propagate (err, g_steal_pointer (&error));
  kata_agent *agent = kata_link__agent (change->link);
  if (force && change->found->state != KATA_STATE_STOPPED)
    kata_agent__signal (agent, container->id, "", SIGKILL, kata_runtime__left_ms (change->op.deadline_us), NULL);
  r = kata_operation__fault (&change->op, "agent:remove-container", &error);
  if (r == 0)
    r = kata_agent__remove_container (agent, container->id, REMOVE_S, kata_runtime__left_ms (change->op.deadline_us),
                                      &error);
  if (r == 0 || r == KATA_E_NOT_FOUND)
    return 0;
  return kata_sandbox__explain (container->sandbox, change->link, g_steal_pointer (&error), err);
}

static int
remove_on_host (struct change *change, kata_container *container, kata_error **err)
{
  kata_sandbox *sandbox = container->sandbox;
  kata_sandbox__drop_tracks (sandbox, container->id);
  int r = kata_undo__replay (sandbox->dirfd, container->id, kata_deadline__within (INT64_MAX, UNDO_MS),
                             &sandbox->runtime->fault, err);
  if (r != 0)
    return r;
  kata_state__drop_container (change->op.state, container->id);
  return kata_operation__save (&change->op, err);
}

/* What fails here is done by the next delete, which must not ask the guest again: some agents fail for a container that they do not know. */
static int
remove_after_guest (struct change *change, kata_container *container, bool force, kata_error **err)
{
  change->found->gone = true;
  int r = kata_sandbox_block__detach (&change->op, change->found, force, err);
  if (r == 0)
    r = kata_sandbox_host__detach (&change->op, change->found, force, err);
  if (r == 0)
    r = remove_on_host (change, container, err);
  if (r != 0)
    kata_state__save (change->op.state, container->sandbox->dirfd, NULL);
  return r;
}

int
kata_container__delete (kata_container *container, uint32_t flags, int64_t timeout_ms, kata_error **err)
{
  const bool force = (flags & KATA_DELETE_FORCE) != 0;
  const struct kata_operation_options options = {
    .what = "delete the container",
    .allowed = STATE (RUNNING) | STATE (STOPPED),
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, request_timeout_ms),
  };
  struct change change = { 0 };
  int r = kata_operation__begin (&change.op, container->sandbox, &options, err);
  if (r != 0)
    return r;
  r = look (&change, container, "delete the container", force ? 0 : STATE (CREATED) | STATE (STOPPED), err);
  if (r == 0)
    r = remove_in_guest (&change, container, force, err);
  if (r == 0)
    r = remove_after_guest (&change, container, force, err);
  if (r == 0)
    g_atomic_int_set (&container->deleted, 1);
  change_end (&change);
  return r;
}
