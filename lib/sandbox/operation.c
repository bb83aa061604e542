/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* operation: begin and end. */
#include "sandbox/operation.h"

#include <string.h>

#include "base/fd.h"
#include "sandbox/directory.h"

#define LOCK_WAIT_MS 60000

static void
mark_ended (kata_sandbox *sandbox, kata_sandbox_state *state)
{
  g_autofree char *why = kata_sandbox__why_ended (sandbox, state);
  state->ended = kata_arena__strdup (state->arena, why);
  state->state = KATA_STATE_STOPPED;
  for (size_t i = 0; i < state->n_containers; i++)
    state->containers[i].state = KATA_STATE_STOPPED;
}

static int
look (struct kata_operation *op, const struct kata_operation_options *options, kata_error **err)
{
  kata_sandbox *sandbox = op->sandbox;
  g_autoptr (kata_sandbox_state) state = NULL;
  g_autoptr (kata_error) error = NULL;
  int r = kata_sandbox__load (&state, sandbox, &error);
  if ((r == KATA_E_NOT_FOUND || r == KATA_E_CORRUPT) && options->any)
    return 0;
  if (r != 0)
    return kata_error__propagate (err, g_steal_pointer (&error));
  op->state = g_steal_pointer (&state);
  int real = kata_sandbox__real_state (sandbox, op->state);
  if (real == KATA_STATE_STOPPED && op->state->state != KATA_STATE_STOPPED) {
    mark_ended (sandbox, op->state);
    kata_state__save (op->state, sandbox->dirfd, NULL);
  }
  if (options->timeout_ms == KATA_TIMEOUT_DEFAULT)
    op->deadline_us = kata_runtime__deadline (KATA_TIMEOUT_DEFAULT,
                                              *(int64_t *) ((char *) &op->state->plan + options->default_offset));
  if (options->allowed != 0)
    return kata_sandbox__allow_guest (sandbox, op->state, options->what, op->state->state, options->allowed, err);
  return 0;
}

int
kata_operation__begin (struct kata_operation *op, kata_sandbox *sandbox, const struct kata_operation_options *options,
                       kata_error **err)
{
  *op = (struct kata_operation){ .sandbox = sandbox };
  op->deadline_us = kata_runtime__deadline (options->timeout_ms, LOCK_WAIT_MS);
  if (!options->yielding)
    g_mutex_lock (&sandbox->op);
  else if (!g_mutex_trylock (&sandbox->op))
    return kata_error__set (err, KATA_E_BUSY, sandbox->id, "\"%s\" is in use by another operation", sandbox->id);
  int r = 0;
  if (sandbox->deleted)
    r = kata_error__set (err, KATA_E_NOT_FOUND, sandbox->id, "no sandbox \"%s\": it was deleted", sandbox->id);
  if (r == 0)
    r = kata_directory__lock (sandbox->dirfd, sandbox->id, kata_deadline__within (op->deadline_us, LOCK_WAIT_MS), err);
  if (r != 0) {
    g_mutex_unlock (&sandbox->op);
    return r;
  }
  op->journal = (struct kata_journal){ sandbox->dirfd, sandbox->dir, "", &sandbox->runtime->fault };
  op->step_us = g_get_monotonic_time ();
  r = look (op, options, err);
  if (r != 0)
    kata_operation__end (op);
  return r;
}

void
kata_operation__add_nic_fd (struct kata_operation *op, bool vhost, int fd)
{
  int **fds = vhost ? &op->vhost_fds : &op->nic_fds;
  size_t *n = vhost ? &op->n_vhost_fds : &op->n_nic_fds;
  *fds = g_renew (int, *fds, *n + 1);
  (*fds)[(*n)++] = fd;
}

static void
drop (int **fds, size_t *n)
{
  for (; *n > 0; --*n)
    kata_fd__close ((*fds)[*n - 1]);
  g_clear_pointer (fds, g_free);
}

void
kata_operation__drop_nic_fds (struct kata_operation *op)
{
  drop (&op->nic_fds, &op->n_nic_fds);
  drop (&op->vhost_fds, &op->n_vhost_fds);
}

void
kata_operation__end (struct kata_operation *op)
{
  kata_operation__drop_nic_fds (op);
  kata_directory__unlock (op->sandbox->dirfd);
  g_mutex_unlock (&op->sandbox->op);
  kata_state__free (op->state);
  op->state = NULL;
}

int
kata_operation__save (struct kata_operation *op, kata_error **err)
{
  int r = kata_operation__fault (op, "state:before", err);
  if (r == 0)
    r = kata_state__save (op->state, op->sandbox->dirfd, err);
  return r != 0 ? r : kata_operation__fault (op, "state:after", err);
}

void
kata_operation__timing (struct kata_operation *op, const char *name)
{
  int64_t now = g_get_monotonic_time ();
  kata_state__add_timing (op->state, name, now - op->step_us);
  op->step_us = now;
}

void
kata_operation__scope (struct kata_operation *op, const char *scope)
{
  op->journal.scope = scope;
}

int
kata_operation__fault (struct kata_operation *op, const char *name, kata_error **err)
{
  return kata_fault__point (&op->sandbox->runtime->fault, name, err);
}
