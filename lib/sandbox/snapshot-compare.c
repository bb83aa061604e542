/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot-compare: what of a plan is in the guest's memory, and so must be the same when it is restored. */
#include <string.h>

#include "sandbox/snapshot.h"
#include "sandbox/state-table.h"

/* Of the machine: what the guest does not see, or what restore.c has looked at already. Programs are those of the configuration, never of a snapshot. */
static const char *const may_differ[] = { "hypervisor_path",
                                          "seccomp_sandbox",
                                          "debug",
                                          "virtiofsd_path",
                                          "virtiofs_cache",
                                          "virtiofs_queue_size",
                                          "virtiofs_cache_mib",
                                          "virtiofsd_args",
                                          "msize_9p",
                                          "prealloc",
                                          "netns",
                                          "nics",
                                          "jailer_path",
                                          "jailer_uid",
                                          "jailer_gid",
                                          "null_fail_at",
                                          "isolation",
                                          "confine_waive",
                                          NULL };
/* Of the rest: what the guest was told, and where its disks are. */
static const char *const must_agree[] = { "hypervisor", "hostname", "pack_dir", "disks_by_order", NULL };

static const struct kata_field *
field_of (const struct kata_record *record, const char *name)
{
  const struct kata_field *field = record->fields;
  while (field->name != NULL && strcmp (field->name, name) != 0)
    field++;
  return field;
}

static bool
same (const struct kata_field *field, const void *a, const void *b)
{
  const struct kata_field fields[] = { *field, { 0 } };
  const struct kata_record one = { .fields = fields };
  const void *const both[] = { a, b };
  char *text[2] = { NULL, NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (both); i++) {
    struct kata_json_writer w;
    kata_json_write__init (&w, false);
    kata_record__write (&w, NULL, &one, both[i]);
    text[i] = kata_json_write__finish (&w);
  }
  bool equal = strcmp (text[0], text[1]) == 0;
  g_free (text[0]);
  g_free (text[1]);
  return equal;
}

const char *
kata_snapshot__difference (const kata_plan *then, const kata_plan *now)
{
  const struct kata_record *plan = field_of (&kata_state__record, "plan")->of;
  const struct kata_record *vm = field_of (plan, "vm")->of;
  for (const struct kata_field *field = vm->fields; field->name != NULL; field++)
    if (!g_strv_contains (may_differ, field->name) && !same (field, &then->vm, &now->vm))
      return field->name;
  for (const char *const *name = must_agree; *name != NULL; name++)
    if (!same (field_of (plan, *name), then, now))
      return *name;
  return NULL;
}

int
kata_snapshot__check_plan (const kata_plan *plan, kata_error **err)
{
  const kata_vm_plan *vm = &plan->vm;
  if (vm->share_kind != KATA_SHARE_NONE)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "shared_fs",
                            "snapshot: a directory is shared with the guest, and what virtiofsd or 9p have open of it "
                            "cannot be kept; set shared_fs to \"none\" in the hypervisor's table");
  if (plan->network.mode != KATA_NETWORK_NONE || (vm->nics != NULL && vm->nics[0] != NULL))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "network",
                            "snapshot: the guest has a network, whose taps cannot be kept; use a sandbox without one");
  if (vm->host_devices != NULL && vm->host_devices[0] != NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, vm->host_devices[0]->id,
                            "snapshot: host device %s is in the guest, and what is in a device cannot be kept",
                            vm->host_devices[0]->address);
  for (size_t i = 0; vm->disks != NULL && vm->disks[i] != NULL; i++)
    if (vm->disks[i]->vhost_user != 0)
      return kata_error__set (err, KATA_E_UNSUPPORTED, vm->disks[i]->id,
                              "snapshot: what the vhost-user server of disk \"%s\" has under way cannot be kept",
                              vm->disks[i]->id);
    else if (vm->disks[i]->port != 0)
      return kata_error__set (err, KATA_E_UNSUPPORTED, vm->disks[i]->id,
                              "snapshot: disk \"%s\" came while the guest ran; remove it first", vm->disks[i]->id);
  return 0;
}

int
kata_snapshot__version (char **version, kata_runtime *runtime, const kata_plan *plan, kata_error **err)
{
  g_autofree kata_capabilities *caps = g_new0 (kata_capabilities, 1);
  int r = kata_runtime__probe (caps, runtime, plan, err);
  if (r == 0 && (caps->have & UINT64_C (1) << KATA_CAP_SNAPSHOT) == 0)
    r = kata_error__set (err, KATA_E_UNSUPPORTED, "snapshot", "snapshot: %s", caps->reason[KATA_CAP_SNAPSHOT]);
  if (r == 0)
    *version = g_strndup (caps->version, sizeof caps->version);
  return r;
}
