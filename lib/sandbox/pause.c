/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pause: stops and continues the virtual machine's CPUs. */
#include "sandbox/events.h"
#include "sandbox/stage.h"

static int
change (struct kata_operation *op, bool pause, kata_error **err)
{
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r == 0)
    r = kata_operation__fault (op, pause ? "backend:pause" : "backend:resume", err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_sandbox__env (op->sandbox, &op->journal, op->deadline_us);
  kata_vm *vm = kata_machine__vm (machine);
  r = pause ? kata_vm__pause (vm, &env, err) : kata_vm__resume (vm, &env, err);
  if (r != 0)
    return r;
  op->state->state = pause ? KATA_STATE_PAUSED : KATA_STATE_RUNNING;
  op->state->resumes += pause ? 0 : 1;
  /* A guest from a snapshot thinks that it is then, and that nobody else has its random numbers. */
  if (op->state->restored)
    r = kata_stage__refresh_guest (op, err);
  op->state->restored = false;
  if (r == 0)
    r = kata_operation__save (op, err);
  /* Not written down: then it must not be so either. */
  if (r != 0) {
    env.deadline_us = kata_runtime__deadline (5000, 5000);
    (pause ? kata_vm__resume : kata_vm__pause) (vm, &env, NULL);
  }
  return r;
}

int
kata_sandbox__pause (kata_sandbox *sandbox, bool pause, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = pause ? "pause" : "resume",
    .allowed = 1u << (pause ? KATA_STATE_RUNNING : KATA_STATE_PAUSED),
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, request_timeout_ms),
  };
  struct kata_operation op;
  int r = kata_operation__begin (&op, sandbox, &options, err);
  if (r != 0)
    return r;
  r = change (&op, pause, err);
  int state = op.state->state;
  kata_operation__end (&op);
  if (r == 0)
    kata_events__state (sandbox, state);
  return r;
}
