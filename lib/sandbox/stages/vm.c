/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: the hypervisor, started by its backend. */
#include "sandbox/block.h"
#include "sandbox/snapshot.h"
#include "sandbox/stage.h"

#define STOP_MS 10000

static int
enter (struct kata_operation *op, kata_error **err)
{
  kata_sandbox *sandbox = op->sandbox;
  const kata_backend_entry *entry = NULL;
  int r = kata_registry__find (&entry, sandbox->runtime->registry, op->state->plan.hypervisor, err);
  if (r == 0)
    r = kata_sandbox_block__check (op->state, err);
  if (r == 0)
    r = kata_operation__fault (op, "backend:launch", err);
  if (r != 0)
    return r;
  kata_vm *vm = NULL;
  kata_backend_env env = kata_stage__env (op);
  env.nic_fds = op->nic_fds;
  env.n_nic_fds = op->n_nic_fds;
  env.vhost_fds = op->vhost_fds;
  env.n_vhost_fds = op->n_vhost_fds;
  r = op->source != NULL ? kata_vm__restore (&vm, entry, &op->state->plan.vm, op->source->vm_dir, &env, err)
                         : kata_vm__launch (&vm, entry, &op->state->plan.vm, &env, err);
  /* The machine has its own of them: a tap shall end with it, not with us. */
  kata_operation__drop_nic_fds (op);
  if (r != 0)
    return r;
  g_mutex_lock (&sandbox->lock);
  kata_machine *old = sandbox->machine;
  sandbox->machine = kata_machine__new (vm);
  g_mutex_unlock (&sandbox->lock);
  kata_machine__unref (old);
  r = kata_operation__fault (op, "backend:save", err);
  char *saved = NULL;
  if (r == 0)
    r = kata_vm__save (vm, &saved, err);
  if (r != 0)
    return r;
  op->state->saved = kata_arena__strdup (op->state->arena, saved);
  kata_free (saved);
  return 0;
}

static void
leave (struct kata_operation *op)
{
  g_autoptr (kata_machine) machine = NULL;
  if (kata_sandbox__machine (&machine, op->sandbox, op->state, NULL) != 0)
    return;
  kata_backend_env env = kata_sandbox__env (op->sandbox, &op->journal, kata_deadline__within (INT64_MAX, STOP_MS));
  g_autoptr (kata_error) error = NULL;
  if (kata_vm__stop (kata_machine__vm (machine), 0, &env, &error) != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "sandbox \"%s\": %s", op->sandbox->id,
                     kata_error_get_message (error));
}

const struct kata_stage kata_stage__vm = { "vm", enter, leave };
