/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block: a device of the host becomes a disk of the machine, and that a storage or a device of the container. */
#include "plan/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plan/build.h"
#include "plan/edit.h"
#include "plan/pack.h"

/* With the number behind it: at most the 20 bytes that a disk's serial number has. */
#define BLOCK_ID "kata-b-"

bool
kata_plan__is_block (const kata_vm_disk *disk)
{
  return g_str_has_prefix (disk->id, BLOCK_ID);
}

kata_vm_disk *
kata_plan__block_disk (kata_arena *arena, const struct kata_block *block)
{
  kata_vm_disk *disk = kata_arena__new0 (arena, kata_vm_disk, 1);
  *disk = (kata_vm_disk){ .size = sizeof *disk,
                          .id = kata_arena__strdup (arena, block->id),
                          .path = kata_arena__strdup (arena, block->node),
                          .readonly = block->readonly };
  return disk;
}

bool
kata_plan__block_number (const kata_vm_disk *disk, uint32_t *major, uint32_t *minor)
{
  return sscanf (disk->id, BLOCK_ID "%" SCNu32 "-%" SCNu32, major, minor) == 2;
}

const struct kata_block_fact *
kata_plan__block_at (const struct kata_plan_edit *e, const char *path)
{
  for (size_t i = 0; e->facts != NULL && i < e->facts->n_blocks; i++)
    if (g_strcmp0 (e->facts->blocks[i].source, path) == 0)
      return &e->facts->blocks[i];
  return NULL;
}

const struct kata_block_fact *
kata_plan__block_of (const struct kata_plan_edit *e, int64_t major, int64_t minor)
{
  for (size_t i = 0; e->facts != NULL && i < e->facts->n_blocks; i++)
    if (e->facts->blocks[i].major == major && e->facts->blocks[i].minor == minor)
      return &e->facts->blocks[i];
  return NULL;
}

static int
check (struct kata_plan_edit *e, const struct kata_block_fact *fact, const char *key, kata_error **err)
{
  if (fact->node == NULL)
    return kata_error__set (err, KATA_E_HOST, key,
                            "%s: block device %u:%u: /dev has no node of it that a hypervisor could open", key,
                            fact->major, fact->minor);
  if (!e->plan->disks_by_order && (e->plan->guest_features & KATA_GUEST_BY_KATA) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                            "%s: \"%s\" is a block device, and this guest's agent does not find disks by their id", key,
                            fact->node);
  if (e->out->n_blocks >= KATA_DISKS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, key, "%s: more than %u block devices", key, KATA_DISKS_MAX);
  return kata_plan__check_path (key, fact->node, KATA_E_INVALID, err);
}

int
kata_plan__take_block (struct kata_block **out, struct kata_plan_edit *e, const struct kata_block_fact *fact,
                       bool readonly, const char *key, kata_error **err)
{
  kata_container_plan *plan = e->out;
  for (size_t i = 0; i < plan->n_blocks; i++)
    if (plan->blocks[i].major == fact->major && plan->blocks[i].minor == fact->minor) {
      *out = &plan->blocks[i];
      (*out)->readonly = (*out)->readonly && (readonly || fact->readonly);
      return 0;
    }
  int rc = check (e, fact, key, err);
  if (rc < 0)
    return rc;
  *out = &plan->blocks[plan->n_blocks++];
  **out = (struct kata_block){ .id = kata_arena__printf (e->arena, BLOCK_ID "%u-%u", fact->major, fact->minor),
                               .node = kata_arena__strdup (e->arena, fact->node),
                               .major = fact->major,
                               .minor = fact->minor,
                               .readonly = readonly || fact->readonly };
  return 0;
}

int
kata_plan__mount_block (struct kata_plan_edit *e, const struct kata_block_fact *fact, const struct kata_storage *how,
                        const char *key, kata_error **err)
{
  struct kata_block *block = NULL;
  if (e->plan->no_block_devices)
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, key,
        "%s: is a block device (%u:%u), and disable_block_device_use in the hypervisor's table says "
        "that guests get none as root or volume",
        key, fact->major, fact->minor);
  bool readonly = how->options != NULL && g_strv_contains ((const char *const *) how->options, "ro");
  int rc = kata_plan__take_block (&block, e, fact, readonly, key, err);
  if (rc < 0)
    return rc;
  struct kata_storage *storage = &e->out->storages[e->out->n_storages++];
  *storage = *how;
  storage->disk = block->id;
  return 0;
}

/* A kernel has one file system on a disk, and where somebody may write to it, no "ro" one beside: then only what the container sees of it is read-only. */
static void
mount_as_others (struct kata_storage *storage, kata_arena *arena)
{
  char **kept = NULL;
  if (strcmp (storage->fstype, "bind") == 0)
    return;
  for (char **option = storage->options; option != NULL && *option != NULL; option++)
    if (strcmp (*option, "ro") != 0)
      kept = kata_arena__strv_add (arena, kept, *option);
  storage->options = kept;
}

static int
locate (struct kata_storage *out, kata_arena *arena, const kata_plan *sandbox, const char *id, kata_error **err)
{
  const kata_vm_disk *disk = kata_plan__disk_named (sandbox->vm.disks, id);
  if (disk == NULL)
    return kata_error__set (err, KATA_E_INTERNAL, id, "disk \"%s\" is not among the sandbox's", id);
  kata_plan__find_disk (out, arena, sandbox, disk);
  if (!disk->readonly && out->fstype != NULL)
    mount_as_others (out, arena);
  return 0;
}

int
kata_container_plan__locate (kata_container_plan *container, const kata_plan *sandbox, kata_error **err)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < container->n_storages; i++)
    if (container->storages[i].disk != NULL)
      rc = locate (&container->storages[i], container->arena, sandbox, container->storages[i].disk, err);
  for (size_t i = 0; rc == 0 && i < container->n_devices; i++) {
    struct kata_storage at = { 0 };
    rc = locate (&at, container->arena, sandbox, container->devices[i].disk, err);
    container->devices[i].type = at.driver;
    container->devices[i].address = at.source;
  }
  return rc;
}
