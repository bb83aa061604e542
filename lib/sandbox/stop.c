/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stop: the end of a sandbox: containers, guest, host, in this order; and its removal. */
#include "sandbox/stop.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "host/tree.h"
#include "sandbox/again.h"
#include "sandbox/directory.h"
#include "sandbox/events.h"
#include "sandbox/undo.h"

#define FORCE_MS 10000 /* for what must end by force */
#define ALL      0u
/* An agent that does not answer leaves this part of the grace to the backend: the power button is the guest's second chance. */
#define BUTTON_PART 4

/* True: once more, over another connection. Twice told to end is no harm. */
static bool
lost (struct kata_again *again, kata_link **link, int r, kata_error **error)
{
  r = kata_again__call (again, link, r, error);
  g_clear_pointer (error, kata_error_unref);
  return r == 1;
}

/* Asks the containers' first processes to end and notes how they did. */
static void
end_containers (struct kata_operation *op, kata_link **link, int64_t deadline_us)
{
  const struct kata_track_patience patience = { .deadline_us = deadline_us };
  struct kata_again again = { .sandbox = op->sandbox, .patience = &patience };
  kata_error *error = NULL;
  for (size_t i = 0; i < op->state->n_containers; i++)
    if (op->state->containers[i].state == KATA_STATE_RUNNING)
      while (lost (&again, link,
                   kata_agent__signal (kata_link__agent (*link), op->state->containers[i].id, "", SIGTERM,
                                       kata_runtime__left_ms (deadline_us), &error),
                   &error))
        ;
  for (size_t i = 0; i < op->state->n_containers; i++) {
    struct kata_container_state *container = &op->state->containers[i];
    if (container->state != KATA_STATE_RUNNING)
      continue;
    g_autoptr (kata_track) track = kata_sandbox__track (op->sandbox, container->id, "");
    int status = 0, r = 0;
    while (lost (&again, link, r = kata_track__wait (track, *link, &status, &patience, &error), &error))
      ;
    if (r != 0)
      continue;
    container->state = KATA_STATE_STOPPED;
    container->exit_status = status;
  }
}

/* Everything here is a courtesy to the guest: failures do not matter, force follows. */
static void
ask_guest (struct kata_operation *op, int64_t deadline_us)
{
  g_autoptr (kata_link) link = NULL;
  if (kata_sandbox__link (&link, op->sandbox, deadline_us, NULL) != 0)
    return;
  int64_t half = (deadline_us - kata_deadline__now ()) / 2;
  end_containers (op, &link, kata_deadline__now () + MAX (half, 0));
  /* Not asked again: a guest that hangs up over this is about to end. */
  kata_agent__destroy_sandbox (kata_link__agent (link), kata_runtime__left_ms (deadline_us), NULL);
}

static int
warn (struct kata_operation *op, const kata_error *error)
{
  kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "sandbox \"%s\": %s; ending it by force",
                   op->sandbox->id, kata_error_get_message (error));
  return kata_error_get_code (error);
}

static int
end_machine (struct kata_operation *op, int64_t grace_ms)
{
  g_autoptr (kata_error) error = NULL;
  g_autoptr (kata_machine) machine = NULL;
  if (op->state->saved == NULL)
    return 0;
  int64_t deadline_us = kata_deadline__within (INT64_MAX, grace_ms);
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, &error);
  if (r != 0)
    return warn (op, error);
  if (grace_ms > 0 && op->state->state == KATA_STATE_RUNNING && !kata_machine__ended (machine, 0))
    ask_guest (op, kata_deadline__within (deadline_us, grace_ms - grace_ms / BUTTON_PART));
  kata_sandbox__disconnect (op->sandbox, false);
  int64_t left_ms = MAX ((deadline_us - kata_deadline__now ()) / 1000, 0);
  kata_backend_env env =
      kata_sandbox__env (op->sandbox, &op->journal, kata_deadline__within (INT64_MAX, left_ms + FORCE_MS));
  r = kata_operation__fault (op, "backend:stop", &error);
  if (r == 0)
    r = kata_vm__stop (kata_machine__vm (machine), left_ms, &env, &error);
  if (r == 0)
    return 0;
  warn (op, error);
  /* The backend is asked once more: for a guest that is no process of its own nothing else can end it. */
  env.deadline_us = kata_deadline__within (INT64_MAX, FORCE_MS);
  return kata_vm__stop (kata_machine__vm (machine), 0, &env, NULL);
}

/* All but writing it down. */
static int
end (struct kata_operation *op, int64_t grace_ms, kata_error **err)
{
  kata_sandbox *sandbox = op->sandbox;
  end_machine (op, grace_ms); /* the journal's replay kills what did not end */
  kata_sandbox__disconnect (sandbox, false);
  op->state->state = KATA_STATE_STOPPED;
  for (size_t i = 0; i < op->state->n_containers; i++)
    op->state->containers[i].state = KATA_STATE_STOPPED;
  return kata_undo__replay (sandbox->dirfd, NULL, kata_deadline__within (INT64_MAX, FORCE_MS), &sandbox->runtime->fault,
                            err);
}

int
kata_stop__run (struct kata_operation *op, int64_t grace_ms, kata_error **err)
{
  kata_sandbox *sandbox = op->sandbox;
  g_autoptr (kata_error) first = NULL;
  bool was_running = op->state->state != KATA_STATE_STOPPED;
  end (op, grace_ms, &first);
  g_autoptr (kata_error) failure = NULL;
  if (kata_operation__save (op, &failure) != 0 && first == NULL)
    first = g_steal_pointer (&failure);
  if (first != NULL)
    return kata_error__wrap (err, g_steal_pointer (&first), NULL, "stop sandbox \"%s\"", sandbox->id);
  if (was_running)
    kata_events__state (sandbox, KATA_STATE_STOPPED);
  return 0;
}

int
kata_stop__remove (struct kata_operation *op, kata_error **err)
{
  kata_sandbox *sandbox = op->sandbox;
  kata_error *error = NULL;
  int r = 0;
  if (op->state != NULL && op->state->state != KATA_STATE_STOPPED) {
    r = end (op, 0, &error);
    kata_operation__save (op, NULL); /* in case that we die here; a full disk must not keep the sandbox */
    kata_events__state (sandbox, KATA_STATE_STOPPED);
  } else {
    r = kata_undo__replay (sandbox->dirfd, NULL, kata_deadline__within (INT64_MAX, FORCE_MS), &sandbox->runtime->fault,
                           &error);
  }
  if (r == 0)
    r = kata_operation__fault (op, "delete:state", &error);
  /* The state goes last but for the directory: as long as something cannot be removed it is a sandbox that can be deleted again. */
  if (r == 0)
    r = kata_tree__empty (sandbox->dirfd, KATA_STATE_FILE, &error);
  if (r == 0)
    r = kata_operation__fault (op, "delete:directory", &error);
  if (r == 0)
    r = kata_tree__remove (sandbox->runtime->state_fd, sandbox->id, &error);
  if (r != 0)
    return kata_error__wrap (err, error, NULL, "delete sandbox \"%s\"", sandbox->id);
  sandbox->deleted = true;
  kata_sandbox__disconnect (sandbox, true);
  return 0;
}

/* An operation of this handle may wait for a guest that never answers; whoever stops does not wait for it. */
static void
make_way (kata_sandbox *sandbox)
{
  if (g_mutex_trylock (&sandbox->op))
    g_mutex_unlock (&sandbox->op);
  else
    kata_sandbox__interrupt (sandbox);
}

int
kata_sandbox__stop (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = "stop",
    .allowed = ALL,
    .timeout_ms = KATA_TIMEOUT_DEFAULT,
    .default_offset = offsetof (kata_plan, stop_timeout_ms),
  };
  struct kata_operation op;
  make_way (sandbox);
  int r = kata_operation__begin (&op, sandbox, &options, err);
  if (r != 0)
    return r;
  int64_t grace = timeout_ms == KATA_TIMEOUT_DEFAULT ? op.state->plan.stop_timeout_ms : timeout_ms;
  r = kata_stop__run (&op, MIN (grace, INT32_MAX), err);
  kata_operation__end (&op);
  return r;
}

int
kata_sandbox__delete (kata_sandbox *sandbox, uint32_t flags, kata_error **err)
{
  const bool force = (flags & KATA_DELETE_FORCE) != 0;
  const struct kata_operation_options options = {
    .what = "delete",
    .allowed = force ? ALL : 1u << KATA_STATE_CREATED | 1u << KATA_STATE_STOPPED,
    .timeout_ms = KATA_TIMEOUT_DEFAULT,
    .default_offset = offsetof (kata_plan, stop_timeout_ms),
    .any = force,
  };
  struct kata_operation op;
  if (force)
    make_way (sandbox);
  int r = kata_operation__begin (&op, sandbox, &options, err);
  if (r != 0)
    return r;
  r = kata_stop__remove (&op, err);
  kata_operation__end (&op);
  return r;
}
