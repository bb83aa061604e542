/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: the sandbox's place among the host's control groups; the VMM and its helpers enter it when they are recorded (kata_stage__env). */
#include <unistd.h>

#include "host/cgroup.h"
#include "sandbox/stage.h"

struct recorder {
  struct kata_operation *op;
  int above; /* directories made in this hierarchy, above the last */
};

/* The role tells undo.c what it may do: those above the sandbox's own stay as long as others use them. */
static int
record_directory (void *data, const char *dir, enum kata_cgroup_word word, kata_error **err)
{
  struct recorder *recorder = data;
  bool leaf = word == KATA_CGROUP_LEAF;
  g_autofree char *own = g_strdup_printf (KATA_JOURNAL_CGROUP_OWN "%d", recorder->above);
  if (word == KATA_CGROUP_TAKEN)
    return kata_journal__forget (&recorder->op->journal, KATA_JOURNAL_CGROUP, NULL, dir, err);
  recorder->above = leaf ? 0 : recorder->above + 1;
  return kata_journal__path (&recorder->op->journal, KATA_JOURNAL_CGROUP, leaf ? own : "cgroup-above", dir, err);
}

static int
enter (struct kata_operation *op, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  g_autoptr (kata_cgroups) cgroups = NULL;
  g_autoptr (kata_error) error = NULL;
  struct recorder recorder = { .op = op };
  if (plan->cgroup[0] == '\0')
    return 0;
  int r = kata_cgroups__find (&cgroups, err);
  if (r == 0)
    r = kata_cgroups__make (cgroups, plan->cgroup, record_directory, &recorder, err);
  if (r == 0 && plan->cgroup_cpu_milli > 0 &&
      kata_cgroups__limit_cpu (cgroups, plan->cgroup, plan->cgroup_cpu_milli, &error) != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "sandbox \"%s\": %s", op->sandbox->id,
                     kata_error_get_message (error));
  if (r == 0 && plan->cgroup_caller)
    r = kata_cgroups__enter (cgroups, plan->cgroup, getpid (), err);
  return r;
}

static int
place (struct kata_operation *op, int64_t pid, kata_error **err)
{
  g_autoptr (kata_cgroups) cgroups = NULL;
  if (op->state->plan.cgroup[0] == '\0' || pid == getpid ())
    return 0;
  int r = kata_cgroups__find (&cgroups, err);
  return r != 0 ? r : kata_cgroups__enter (cgroups, op->state->plan.cgroup, pid, err);
}

/* A process is recorded while it waits at its gate (host/child.h): nothing that it does is accounted elsewhere. */
static int
record_and_place (void *data, const kata_undo *undo, kata_error **err)
{
  struct kata_operation *op = data;
  int r = kata_journal__record (&op->journal, undo, err);
  return r == 0 && undo->kind == KATA_UNDO_PROCESS ? place (op, undo->pid, err) : r;
}

kata_backend_env
kata_stage__env (struct kata_operation *op)
{
  kata_backend_env env = kata_sandbox__env (op->sandbox, &op->journal, op->deadline_us);
  env.journal = op;
  env.record = record_and_place;
  return env;
}

const struct kata_stage kata_stage__cgroup = { "cgroup", enter, NULL };
