/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resize: first the machine, then the state on disk, then the guest; each step may be repeated after one that failed. */
#include "sandbox/stage.h"

#define STEP_MIB 128u

static int
check_capability (struct kata_operation *op, int capability, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  kata_capabilities caps;
  int r = kata_runtime__probe (&caps, op->sandbox->runtime, plan, err);
  if (r != 0)
    return r;
  if ((caps.have >> capability & 1) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, capability == KATA_CAP_CPU_RESIZE ? "vcpus" : "memory_mib",
                            "sandbox \"%s\": hypervisor %s cannot change the %s of a running guest: %s",
                            op->sandbox->id, plan->hypervisor, capability == KATA_CAP_CPU_RESIZE ? "vCPUs" : "memory",
                            caps.reason[capability]);
  return 0;
}

/* More than there is room for: because the hypervisor cannot, or because nothing said at the start that it should. */
static int
refuse (struct kata_operation *op, int capability, uint64_t wanted, uint64_t most, kata_error **err)
{
  bool cpus = capability == KATA_CAP_CPU_RESIZE;
  int r = check_capability (op, capability, err);
  if (r != 0)
    return r;
  const char *name = cpus ? "default_maxvcpus" : "default_maxmemory";
  g_autofree char *key = g_strdup_printf ("hypervisor.%s.%s", op->state->plan.hypervisor, name);
  return kata_error__set (
      err, KATA_E_LIMIT, key,
      "sandbox \"%s\": %" G_GUINT64_FORMAT " %s are asked for, and its start made room for %" G_GUINT64_FORMAT
      "; set %s for the next, runtime.static_sandbox_resource_mgmt = false, and %s"
      "confidential_guest",
      op->sandbox->id, wanted, cpus ? "vCPUs" : "MiB", most, key, cpus ? "no " : "neither enable_numa nor ");
}

static int
check (struct kata_operation *op, uint32_t vcpus, uint64_t memory_mib, kata_error **err)
{
  const kata_vm_plan *vm = &op->state->plan.vm;
  int r = 0;
  if (vcpus > vm->max_vcpus)
    return refuse (op, KATA_CAP_CPU_RESIZE, vcpus, vm->max_vcpus, err);
  if (memory_mib > vm->max_memory_mib)
    return refuse (op, KATA_CAP_MEMORY_RESIZE, memory_mib, vm->max_memory_mib, err);
  if (memory_mib != 0 && memory_mib < vm->memory_mib)
    return kata_error__set (err, KATA_E_INVALID, "memory_mib",
                            "sandbox \"%s\": %" G_GUINT64_FORMAT
                            " MiB are asked for; it started with %" G_GUINT64_FORMAT
                            ", which is the least that it can have",
                            op->sandbox->id, memory_mib, vm->memory_mib);
  /* As many as there are can be asked for of each. */
  if (vcpus != 0 && vcpus != kata_state__vcpus (op->state))
    r = check_capability (op, KATA_CAP_CPU_RESIZE, err);
  if (r == 0 && memory_mib != 0 && memory_mib != kata_state__memory_mib (op->state))
    r = check_capability (op, KATA_CAP_MEMORY_RESIZE, err);
  return r;
}

/* Before less is asked for it is written down: the guest may follow after the call has failed, or its process has died. */
static int
remember (struct kata_operation *op, uint32_t vcpus, uint64_t memory_mib, kata_error **err)
{
  kata_sandbox_state *state = op->state;
  bool fewer = vcpus != 0 && vcpus < kata_state__vcpus (state);
  bool less = memory_mib != 0 && memory_mib < kata_state__memory_mib (state);
  if (fewer)
    state->asked_vcpus = vcpus;
  if (less)
    state->asked_memory_mib = memory_mib;
  return fewer || less ? kata_operation__save (op, err) : 0;
}

/* A refusal leaves nothing under way. */
static bool
is_over (int r)
{
  return r == 0 || r == KATA_E_VMM || r == KATA_E_LIMIT || r == KATA_E_UNSUPPORTED;
}

static int
change (struct kata_operation *op, kata_vm *vm, uint32_t vcpus, uint64_t memory_mib, kata_error **err)
{
  kata_sandbox_state *state = op->state;
  const kata_vm_plan *plan = &state->plan.vm;
  kata_backend_env env = kata_stage__env (op);
  uint32_t cpus_now = 0, asked_vcpus = state->asked_vcpus;
  uint64_t mib_now = 0, asked_mib = state->asked_memory_mib;
  int r = 0;
  if (vcpus != 0 && plan->max_vcpus > 1) {
    r = kata_vm__resize_vcpus (vm, vcpus, plan->max_vcpus, &cpus_now, &env, err);
    state->vcpus = cpus_now != 0 ? cpus_now : state->vcpus;
    state->asked_vcpus = is_over (r) ? 0 : state->asked_vcpus;
  }
  if (r == 0 && memory_mib != 0 && plan->max_memory_mib > plan->memory_mib) {
    r = kata_vm__resize_memory (vm, memory_mib, plan->max_memory_mib, &mib_now, &env, err);
    state->memory_mib = mib_now != 0 ? MAX (mib_now, plan->memory_mib) : state->memory_mib;
    state->asked_memory_mib = is_over (r) ? 0 : state->asked_memory_mib;
  }
  /* What came before a failure is there. */
  bool changed =
      cpus_now != 0 || mib_now != 0 || asked_vcpus != state->asked_vcpus || asked_mib != state->asked_memory_mib;
  int saved = changed ? kata_operation__save (op, r == 0 ? err : NULL) : 0;
  return r != 0 ? r : saved;
}

/* One that never had room for more, and is asked for what it has, is not asked: its hypervisor may not know the question. */
static int
change_machine (struct kata_operation *op, uint32_t vcpus, uint64_t memory_mib, kata_error **err)
{
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r == 0)
    r = remember (op, vcpus, memory_mib, err);
  if (r == 0)
    r = kata_operation__fault (op, "backend:resize", err);
  return r == 0 ? change (op, kata_machine__vm (machine), vcpus, memory_mib, err) : r;
}

/* Whether the guest has followed an earlier call that failed. Memory comes and goes in steps. */
static int
look_again (struct kata_operation *op, kata_error **err)
{
  kata_sandbox_state *state = op->state;
  const kata_vm_plan *plan = &state->plan.vm;
  g_autoptr (kata_machine) machine = NULL;
  uint32_t vcpus = 0;
  uint64_t mib = 0;
  if (state->asked_vcpus == 0 && state->asked_memory_mib == 0)
    return 0;
  int r = kata_sandbox__machine (&machine, op->sandbox, state, err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_stage__env (op);
  r = kata_vm__tell_size (kata_machine__vm (machine), plan, &vcpus, &mib, &env, err);
  if (r != 0 || (vcpus == 0 && mib == 0))
    return r;
  if (vcpus != 0) {
    state->vcpus = vcpus;
    state->asked_vcpus = vcpus > state->asked_vcpus ? state->asked_vcpus : 0;
  }
  if (mib != 0) {
    state->memory_mib = MAX (mib, plan->memory_mib);
    state->asked_memory_mib = mib >= state->asked_memory_mib + STEP_MIB ? state->asked_memory_mib : 0;
  }
  return kata_operation__save (op, err);
}

/* What is there already is looked at again, so that a call after one that failed halfway goes on. The error may be the lost connection's. */
int
kata_sandbox__resize_machine (struct kata_operation *op, kata_link *link, uint32_t vcpus, uint64_t memory_mib,
                              kata_error **err)
{
  int r = vcpus != 0 || memory_mib != 0 ? check (op, vcpus, memory_mib, err) : 0;
  if (r != 0 || (vcpus == 0 && memory_mib == 0))
    return r;
  r = change_machine (op, vcpus, memory_mib, err);
  if (r == 0)
    r = kata_operation__fault (op, "agent:online", err);
  return r != 0 ? r
                : kata_agent__online_cpu_mem (kata_link__agent (link), vcpus != 0 ? kata_state__vcpus (op->state) : 0,
                                              memory_mib == 0, kata_runtime__left_ms (op->deadline_us), err);
}

int
kata_sandbox__resize (kata_sandbox *sandbox, kata_sandbox_size *size, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = "resize",
    .allowed = 1u << KATA_STATE_RUNNING,
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, request_timeout_ms),
  };
  struct kata_operation op;
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  int r = kata_operation__begin (&op, sandbox, &options, err);
  if (r != 0)
    return r;
  r = kata_sandbox__link (&link, sandbox, op.deadline_us, &error);
  if (r == 0)
    r = kata_sandbox__resize_machine (&op, link, size->vcpus, size->memory_mib, &error);
  if (r == 0)
    r = look_again (&op, &error);
  if (r == 0) {
    size->vcpus = kata_state__vcpus (op.state);
    size->max_vcpus = op.state->plan.vm.max_vcpus;
    size->memory_mib = kata_state__memory_mib (op.state);
    size->max_memory_mib = op.state->plan.vm.max_memory_mib;
  }
  kata_operation__end (&op);
  return r == 0 ? 0 : kata_sandbox__explain (sandbox, link, error, err);
}
