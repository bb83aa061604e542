/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* restore: makes a sandbox anew whose guest is that of a snapshot. What it is made by comes from the configuration and the caller, as ever; the snapshot
   only has to agree with it. */
#include <string.h>

#include "sandbox/events.h"
#include "sandbox/snapshot.h"
#include "sandbox/stage.h"
#include "sandbox/start.h"

static const struct kata_stage *const stages[] = {
  &kata_stage__cgroup,
  &kata_stage__shares,
  &kata_stage__contents,
  &kata_stage__vm,
};

static int
check_version (const struct kata_snapshot_source *source, struct kata_operation *op, kata_error **err)
{
  g_autofree char *version = NULL;
  const char *was = source->manifest.hypervisor_version;
  int r = kata_snapshot__version (&version, op->sandbox->runtime, &op->state->plan, err);
  if (r == 0 && strcmp (version, was) != 0)
    r = kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor_version",
                         "the snapshot was made by %s \"%.60s\", here is \"%s\"", source->manifest.hypervisor, was,
                         version);
  return r;
}

static int
check (const struct kata_snapshot_source *source, struct kata_operation *op, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  int r = kata_snapshot__check_plan (plan, err);
  if (r == 0)
    r = kata_snapshot__check_plan (&source->state->plan, err);
  if (r == 0)
    r = check_version (source, op, err);
  if (r != 0)
    return r;
  const char *other = kata_snapshot__difference (&source->state->plan, plan);
  if (other != NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, other,
                            "the snapshot's machine has another \"%s\" than the configuration and the options give; "
                            "they must be those that the sandbox was made with",
                            other);
  if (source->state->vcpus > plan->vm.max_vcpus || source->state->memory_mib > plan->vm.max_memory_mib)
    return kata_error__set (err, KATA_E_CORRUPT, "vcpus", "the snapshot's machine is larger than it can have become");
  return 0;
}

/* As they are in the guest, which also has the size that it was given. */
static void
take_containers (kata_sandbox_state *state, const kata_sandbox_state *from)
{
  state->vcpus = from->vcpus;
  state->memory_mib = from->memory_mib;
  for (size_t i = 0; i < from->n_containers; i++) {
    const struct kata_container_state *then = &from->containers[i];
    struct kata_container_state *now = kata_state__add_container (state, then->id);
    const char *id = now->id;
    *now = *then;
    now->id = id;
  }
}

static int
restore (kata_sandbox *sandbox, struct kata_snapshot_source *source, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = "restore",
    .allowed = 1u << KATA_STATE_CREATED,
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, start_timeout_ms),
  };
  struct kata_operation op;
  int r = kata_operation__begin (&op, sandbox, &options, err);
  if (r != 0)
    return r;
  r = check (source, &op, err);
  if (r == 0) {
    op.source = source;
    op.state->restored = true;
    take_containers (op.state, source->state);
    r = kata_start__run (&op, stages, G_N_ELEMENTS (stages), KATA_STATE_PAUSED, err);
  }
  kata_operation__end (&op);
  return r;
}

/* The caller's, with the snapshot's id and hypervisor. */
static int
complete (kata_sandbox_options *out, const struct kata_snapshot_source *source, const kata_sandbox_options *options,
          kata_error **err)
{
  static const kata_sandbox_options none = KATA_SANDBOX_OPTIONS_INIT;
  const struct kata_snapshot_manifest *m = &source->manifest;
  *out = options != NULL ? *options : none;
  if (out->id != NULL && strcmp (out->id, m->id) != 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "id",
                            "restore: the snapshot is of sandbox \"%s\", whose id is in the paths that its machine "
                            "knows; it cannot have another",
                            m->id);
  if (out->hypervisor != NULL && strcmp (out->hypervisor, m->hypervisor) != 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor",
                            "restore: the snapshot was made by hypervisor %.60s, not by %s", m->hypervisor,
                            out->hypervisor);
  out->id = m->id;
  out->hypervisor = m->hypervisor;
  return 0;
}

static int
make (kata_sandbox **out, kata_runtime *runtime, struct kata_snapshot_source *source,
      const kata_sandbox_options *options, int64_t timeout_ms, kata_error **err)
{
  kata_sandbox_options mine;
  kata_sandbox *sandbox = NULL;
  int r = complete (&mine, source, options, err);
  if (r == 0)
    r = kata_sandbox__create (&sandbox, runtime, &mine, err);
  if (r != 0)
    return r;
  kata_error *error = NULL;
  r = restore (sandbox, source, timeout_ms, &error);
  if (r != 0) {
    kata_sandbox__delete (sandbox, KATA_DELETE_FORCE, NULL); /* the id shall be free again */
    kata_sandbox_unref (sandbox);
    return kata_error__wrap (err, error, NULL, "restore sandbox \"%s\"", source->manifest.id);
  }
  kata_events__state (sandbox, KATA_STATE_PAUSED);
  *out = sandbox;
  return 0;
}

int
kata_sandbox__restore (kata_sandbox **out, kata_runtime *runtime, const char *dir, const kata_sandbox_options *options,
                       int64_t timeout_ms, kata_error **err)
{
  struct kata_snapshot_source source;
  int r = kata_snapshot_source__open (&source, dir, err);
  if (r == 0)
    r = make (out, runtime, &source, options, timeout_ms, err);
  kata_snapshot_source__clear (&source);
  return r;
}
