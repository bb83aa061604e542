/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create: plans a sandbox and records it; nothing runs yet. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/call.h"
#include "base/fd.h"
#include "base/id.h"
#include "config/config.h"
#include "host/image.h"
#include "host/tree.h"
#include "sandbox/block.h"
#include "sandbox/container.h"
#include "sandbox/dan.h"
#include "sandbox/directory.h"
#include "sandbox/host-device.h"
#include "sandbox/sandbox.h"
#include "sandbox/settings.h"
#include "sandbox/vhost-disk.h"

#define LOCK_WAIT_MS 10000

/* What is decided about a sandbox, with what it was decided from. */
struct decision {
  kata_arena *arena;
  struct kata_config *config; /* with the annotations */
  const kata_backend_entry *entry;
  kata_capabilities *caps;
  kata_plan *plan;
};

static void
decision_clear (struct decision *decision)
{
  kata_plan__unref (decision->plan);
  kata_settings__free (decision->config);
  kata_arena__free (decision->arena);
  g_free (decision->caps);
}

/*
 * Twice, if the first container brings block devices: only a plan tells which of what it names they are to it. A specification that cannot be read brings
 * none; its container's create says what is wrong with it.
 */
static int
make_plan (struct decision *d, struct kata_plan_input *input, const kata_container_options *first, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_container_plan) container = NULL;
  struct kata_container_facts facts = { 0 };
  int r = kata_plan__make (&d->plan, input, err);
  if (r != 0 || first == NULL)
    return r;
  if (kata_container__read_spec (&spec, first, NULL) != 0)
    return 0;
  kata_sandbox_block__look (&facts, d->arena, spec, first);
  if (facts.n_blocks == 0)
    return 0;
  r = kata_container_plan__make (&container, d->plan, spec, first, &facts, first->id != NULL ? first->id : "first",
                                 err);
  if (r != 0 || container->n_blocks == 0)
    return r;
  input->blocks = container->blocks;
  input->n_blocks = container->n_blocks;
  kata_plan__unref (d->plan);
  d->plan = NULL;
  return kata_plan__make (&d->plan, input, err);
}

static void
choose_network (struct decision *d, kata_runtime *runtime, kata_sandbox_options *options)
{
  g_autofree char *network =
      kata_dan__choose (kata_config__runtime (d->config)->dan_conf, options->id, options->network);
  if (network == NULL)
    return;
  kata_log__write (&runtime->log, KATA_LOG_INFO, "sandbox \"%s\": its network is %s, because of runtime.dan_conf",
                   options->id, network);
  options->network = kata_arena__strdup (d->arena, network);
}

static int
decide (struct decision *d, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err)
{
  kata_vm_plan probe = { .size = sizeof probe };
  d->arena = kata_arena__new ();
  d->caps = g_new0 (kata_capabilities, 1);
  d->caps->size = sizeof *d->caps;
  const char *name = options->hypervisor != NULL ? options->hypervisor : kata_settings__hypervisor (runtime);
  int r = kata_settings__annotate (&d->config, runtime, options->annotations, name, err);
  if (r == 0)
    r = kata_registry__find (&d->entry, runtime->registry, name, err);
  if (r == 0)
    r = kata_plan__probe (&probe, d->arena, d->config, name, &runtime->guest, err);
  if (r == 0)
    r = kata_backend__probe (d->entry, &probe, d->caps, err);
  if (r != 0)
    return r;
  kata_sandbox_options mine = *options;
  const int64_t *groups = NULL;
  r = kata_sandbox__host_devices (&mine.host_devices, &groups, d->arena, "", options->host_devices, err);
  if (r != 0)
    return r;
  const struct kata_hypervisor_config *hv = kata_config__hypervisor (d->config, name);
  r = kata_vhost_disk__resolve_all (&mine.disks, d->arena, options->disks,
                                    hv->enable_vhost_user_store ? hv->vhost_user_store_path : "", err);
  if (r != 0)
    return r;
  choose_network (d, runtime, &mine);
  struct kata_plan_input input = {
    .config = d->config,
    .hypervisor = name,
    .caps = d->caps,
    .options = &mine,
    .state_dir = runtime->state_dir,
    .host = runtime->host,
    .guest = runtime->guest,
    .groups = groups,
  };
  const char *image = hv->image[0] != '\0' ? hv->image : runtime->guest.image;
  if (image != NULL)
    kata_image__look (image, &input.image.size, &input.image.partitioned);
  return make_plan (d, &input, options->first_container, err);
}

/* The options with an id: the caller's or a random one. */
static int
complete_options (kata_sandbox_options *out, char id[KATA_ID_RANDOM_LEN + 1], const kata_sandbox_options *options,
                  kata_error **err)
{
  static const kata_sandbox_options none = KATA_SANDBOX_OPTIONS_INIT;
  *out = options != NULL ? *options : none;
  if (out->id != NULL)
    return kata_id__check ("id", out->id, err);
  int r = kata_id__random (id, err);
  out->id = id;
  return r;
}

int
kata_sandbox__make_plan (kata_plan **out, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err)
{
  struct decision decision = { 0 };
  int r = decide (&decision, runtime, options, err);
  if (r == 0)
    *out = g_steal_pointer (&decision.plan);
  decision_clear (&decision);
  return r;
}

int
kata_sandbox__plan_json (char **json, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err)
{
  char id[KATA_ID_RANDOM_LEN + 1];
  kata_sandbox_options complete;
  struct decision decision = { 0 };
  int r = complete_options (&complete, id, options, err);
  if (r == 0)
    r = decide (&decision, runtime, &complete, err);
  g_autofree char *words = NULL;
  if (r == 0)
    r = kata_backend__translate (decision.entry, &decision.plan->vm, &words, err);
  if (r == 0) {
    g_autofree char *plan = kata_plan__to_json (decision.plan);
    *json = g_strdup_printf ("{\"plan\":%s,\"backend\":%s}", g_strchomp (plan), g_strchomp (words));
  }
  decision_clear (&decision);
  return r;
}

/* The first state.json. The plan is copied by value: it outlives the call. */
static int
write_state (kata_runtime *runtime, const kata_plan *plan, int dirfd, int64_t plan_us, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = kata_state__new ();
  g_autofree char *boot = kata_state__boot_id ();
  state->id = plan->id;
  state->boot = boot;
  state->state = KATA_STATE_CREATED;
  state->created_ms = g_get_real_time () / 1000;
  state->plan = *plan;
  kata_state__add_timing (state, "plan", plan_us);
  int r = kata_fault__point (&runtime->fault, "create:directory", err);
  if (r == 0)
    r = kata_state__save (state, dirfd, err);
  return r != 0 ? r : kata_fault__point (&runtime->fault, "create:state", err);
}

int
kata_sandbox__create (kata_sandbox **out, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err)
{
  char id[KATA_ID_RANDOM_LEN + 1];
  kata_sandbox_options complete;
  g_autoptr (kata_plan) plan = NULL;
  kata_auto_fd int dirfd = -1;
  int64_t begin = g_get_monotonic_time ();
  int r = complete_options (&complete, id, options, err);
  if (r == 0)
    r = kata_sandbox__make_plan (&plan, runtime, &complete, err);
  if (r == 0)
    r = kata_fault__point (&runtime->fault, "create:plan", err);
  int64_t plan_us = g_get_monotonic_time () - begin;
  if (r == 0)
    r = kata_directory__make (&dirfd, runtime->state_fd, complete.id,
                              kata_runtime__deadline (LOCK_WAIT_MS, LOCK_WAIT_MS), err);
  if (r != 0)
    return r;
  for (char **warning = plan->warnings; warning != NULL && *warning != NULL; warning++)
    kata_log__write (&runtime->log, KATA_LOG_WARNING, "%s", *warning);
  r = write_state (runtime, plan, dirfd, plan_us, err);
  if (r != 0) {
    kata_tree__remove (runtime->state_fd, complete.id, NULL);
    return r;
  }
  kata_directory__unlock (dirfd);
  *out = kata_sandbox__new (runtime, complete.id, kata_fd__steal (&dirfd));
  return 0;
}
