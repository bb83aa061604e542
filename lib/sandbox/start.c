/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* start: runs the stages; a failure leaves them in reverse and replays the journal, so that nothing stays. */
#include "sandbox/start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/beneath.h"
#include "sandbox/events.h"
#include "sandbox/undo.h"

#define UNDO_MS 15000

/* Order matters: what a stage needs is made by those before it. */
static const struct kata_stage *const starting[] = {
  &kata_stage__host_devices, &kata_stage__cgroup, &kata_stage__shares,     &kata_stage__network,
  &kata_stage__vm,           &kata_stage__agent,  &kata_stage__interfaces, &kata_stage__guest,
};

const char *
kata_stage__relative (struct kata_operation *op, const char *path)
{
  size_t prefix = strlen (op->sandbox->dir);
  return strncmp (path, op->sandbox->dir, prefix) == 0 && path[prefix] == '/' ? path + prefix + 1 : path;
}

int
kata_stage__make (struct kata_operation *op, const char *role, const char *path, bool directory, kata_error **err)
{
  int r = kata_journal__path (&op->journal, directory ? KATA_UNDO_DIR : KATA_UNDO_FILE, role, path, err);
  if (r != 0)
    return r;
  const char *name;
  kata_auto_fd int parent = kata_beneath__parent (op->sandbox->dirfd, path, &name);
  int made = parent;
  if (parent >= 0 && directory)
    made = mkdirat (parent, name, 0755) == 0 ? 0 : -errno;
  else if (parent >= 0)
    made = kata_beneath__open (parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644, true);
  if (made < 0)
    return kata_error__errno (err, KATA_E_IO, path, -made, "make \"%s\" in \"%s\"", path, op->sandbox->dir);
  if (!directory)
    kata_fd__close (made);
  return 0;
}

/* @n: how many stages were entered. */
static void
leave (struct kata_operation *op, const struct kata_stage *const *stages, size_t n)
{
  for (; n > 0; n--)
    if (stages[n - 1]->leave != NULL)
      stages[n - 1]->leave (op);
  kata_sandbox__disconnect (op->sandbox, true);
  g_autoptr (kata_error) error = NULL;
  if (kata_undo__replay (op->sandbox->dirfd, NULL, kata_deadline__within (INT64_MAX, UNDO_MS), NULL, &error) != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_ERROR, "sandbox \"%s\": after the failed start: %s",
                     op->sandbox->id, kata_error_get_message (error));
}

static int
enter (struct kata_operation *op, const struct kata_stage *const *stages, size_t count, size_t *n, const char **name,
       kata_error **err)
{
  *n = 0;
  *name = "what an earlier start left";
  int left = kata_undo__replay (op->sandbox->dirfd, NULL, op->deadline_us, NULL, err);
  if (left != 0)
    return left;
  while (*n < count) {
    const struct kata_stage *stage = stages[*n];
    g_autofree char *before = g_strdup_printf ("stage:%s:enter", stage->name);
    g_autofree char *after = g_strdup_printf ("stage:%s:done", stage->name);
    *name = stage->name;
    op->step_us = g_get_monotonic_time ();
    ++*n; /* a stage that fails half-way is left too */
    int r = kata_operation__fault (op, before, err);
    if (r == 0)
      r = stage->enter (op, err);
    if (r == 0)
      r = kata_operation__fault (op, after, err);
    if (r != 0)
      return r;
    kata_operation__timing (op, stage->name);
  }
  *name = "state";
  return 0;
}

/* A guest that died looks like a broken connection or a time-out first: say what it was. */
static int
explain (struct kata_operation *op, kata_error *error, const char *stage, kata_error **err)
{
  kata_sandbox *sandbox = op->sandbox;
  g_mutex_lock (&sandbox->lock);
  g_autoptr (kata_link) link = sandbox->link != NULL ? kata_link__ref (sandbox->link) : NULL;
  g_mutex_unlock (&sandbox->lock);
  kata_error *cause = NULL;
  kata_sandbox__explain (sandbox, link, error, &cause);
  return kata_error__wrap (err, cause, NULL, "start sandbox \"%s\" (%s)", sandbox->id, stage);
}

/* It may have been written down already that it runs. */
static void
forget_start (struct kata_operation *op)
{
  op->state->plan.vm.nics = NULL;
  op->state->network = (struct kata_net){ 0 };
  if (op->state->state == KATA_STATE_CREATED)
    return;
  op->state->state = KATA_STATE_CREATED;
  op->state->saved = NULL;
  kata_state__save (op->state, op->sandbox->dirfd, NULL);
}

int
kata_start__run (struct kata_operation *op, const struct kata_stage *const *stages, size_t n, int state,
                 kata_error **err)
{
  size_t entered = 0;
  const char *name = "";
  kata_error *error = NULL;
  int r = enter (op, stages, n, &entered, &name, &error);
  if (r == 0) {
    op->state->state = state;
    r = kata_operation__save (op, &error);
  }
  if (r == 0)
    return 0;
  kata_error *explained = NULL;
  r = explain (op, error, name, &explained);
  leave (op, stages, entered);
  forget_start (op);
  kata_error__propagate (err, explained);
  return r;
}

int
kata_sandbox__start (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  static const struct kata_operation_options options = {
    .what = "start",
    .allowed = 1u << KATA_STATE_CREATED,
    .default_offset = offsetof (kata_plan, start_timeout_ms),
  };
  struct kata_operation_options mine = options;
  mine.timeout_ms = timeout_ms;
  struct kata_operation op;
  int r = kata_operation__begin (&op, sandbox, &mine, err);
  if (r != 0)
    return r;
  r = kata_start__run (&op, starting, G_N_ELEMENTS (starting), KATA_STATE_RUNNING, err);
  kata_operation__end (&op);
  if (r != 0)
    return r;
  kata_events__state (sandbox, KATA_STATE_RUNNING);
  return 0;
}
