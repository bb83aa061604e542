/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disks: the disks that the VM has from its start, room for more, and how the host reads them. */
#include <string.h>

#include "base/id.h"
#include "plan/block.h"
#include "plan/build.h"
#include "plan/pack.h"

#define STRATOVIRT_PLACES 4u
#define IMAGE_ID          "kata-image" /* what each adapter calls it */

const kata_vm_disk *
kata_plan__disk_named (const kata_vm_disk *const *disks, const char *id)
{
  for (const kata_vm_disk *const *disk = disks; disk != NULL && *disk != NULL; disk++)
    if (strcmp ((*disk)->id, id) == 0)
      return *disk;
  return NULL;
}

int
kata_plan__disk (kata_vm_disk **out, kata_arena *arena, const kata_disk *disk, kata_error **err)
{
  int rc = kata_id__check_disk ("disks", disk->id, err);
  if (rc == 0)
    rc = kata_plan__check_path ("disks", disk->path, KATA_E_INVALID, err);
  if (rc < 0)
    return rc;
  if ((disk->flags & ~(uint32_t) (KATA_DISK_READONLY | KATA_DISK_VHOST_USER)) != 0)
    return kata_error__set (err, KATA_E_INVALID, "disks", "disks: %s: flags 0x%x has unknown bits", disk->id,
                            disk->flags);
  kata_vm_disk *made = kata_arena__new0 (arena, kata_vm_disk, 1);
  *made = (kata_vm_disk){ .size = sizeof *made,
                          .id = kata_arena__strdup (arena, disk->id),
                          .path = kata_arena__strdup (arena, disk->path),
                          .readonly = (disk->flags & KATA_DISK_READONLY) != 0,
                          .vhost_user = (disk->flags & KATA_DISK_VHOST_USER) != 0 };
  if (kata_plan__is_pack (made) || kata_plan__is_block (made))
    return kata_error__set (err, KATA_E_INVALID, "disks", "disks: %s: ids that begin like this are libkata's own",
                            disk->id);
  /* A guest looks for its disks by their ids, and would take the one for the other. */
  if (strcmp (made->id, IMAGE_ID) == 0)
    return kata_error__set (err, KATA_E_INVALID, "disks", "disks: %s: the guest's own root image is called so",
                            disk->id);
  *out = made;
  return 0;
}

static int
take_disk (const kata_vm_disk **list, size_t i, struct kata_plan_build *b, const kata_disk *disk, kata_error **err)
{
  kata_vm_disk *made = NULL;
  int rc = kata_plan__disk (&made, b->arena, disk, err);
  if (rc < 0)
    return rc;
  for (size_t j = 0; j < i; j++)
    if (strcmp (list[j]->id, made->id) == 0)
      return kata_error__set (err, KATA_E_INVALID, "disks", "disks: the id %s is there twice", made->id);
  list[i] = made;
  return 0;
}

static int
add_disks (struct kata_plan_build *b, const kata_disk *const *disks, size_t n, kata_error **err)
{
  size_t all = n + b->in->n_blocks;
  if (all > KATA_DISKS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "disks", "disks: more than %u", KATA_DISKS_MAX);
  if (all > 0 && !kata_plan__has (b, KATA_CAP_BLOCK))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "disks", "disks: %s cannot attach disks: %s", b->in->hypervisor,
                            kata_plan__reason (b, KATA_CAP_BLOCK));
  if (all > 0 && (b->plan->guest_features & KATA_GUEST_BLOCK) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "disks", "disks: the guest's kernel has no virtio-blk");
  const kata_vm_disk **list = kata_arena__new0 (b->arena, const kata_vm_disk *, all + 1);
  for (size_t i = 0; i < n; i++) {
    int rc = take_disk (list, i, b, disks[i], err);
    if (rc < 0)
      return rc;
  }
  for (size_t i = 0; i < b->in->n_blocks; i++)
    list[n + i] = kata_plan__block_disk (b->arena, &b->in->blocks[i]);
  b->plan->vm.disks = list;
  return 0;
}

static int
decide_io (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  const char *aio = b->hv->block_device_aio;
  vm->block_aio = strcmp (aio, "io_uring") == 0 ? 2 : strcmp (aio, "native") == 0 ? 1 : 0;
  vm->block_cache_direct = b->hv->block_device_cache_set && b->hv->block_device_cache_direct;
  if (vm->block_aio == 1 && !vm->block_cache_direct && kata_plan__acts (b, "block_device_aio")) {
    const char *key = kata_plan__key (b, "block_device_aio");
    return kata_error__set (err, KATA_E_CONFIG, key,
                            "%s: \"native\" works only past the host's page cache; set block_device_cache_set and "
                            "block_device_cache_direct, or choose \"threads\" or \"io_uring\"",
                            key);
  }
  return 0;
}

static void
decide_limits (struct kata_plan_build *b)
{
  kata_vm_plan *vm = &b->plan->vm;
  const struct kata_hypervisor_config *hv = b->hv;
  vm->block_queues = (uint32_t) hv->num_queues;
  vm->block_queue_size = (uint32_t) hv->queue_size;
  vm->disk_bytes = kata_plan__bytes_of (hv->disk_rate_limiter_bw_max_rate);
  vm->disk_ops = (uint64_t) hv->disk_rate_limiter_ops_max_rate;
  vm->disk_bytes_once = kata_plan__bytes_of (hv->disk_rate_limiter_bw_one_time_burst);
  vm->disk_ops_once = (uint64_t) hv->disk_rate_limiter_ops_one_time_burst;
  if (vm->disk_bytes == 0 && vm->disk_bytes_once != 0)
    kata_plan__warn (b, "%s: does nothing without disk_rate_limiter_bw_max_rate",
                     kata_plan__key (b, "disk_rate_limiter_bw_one_time_burst"));
  if (vm->disk_ops == 0 && vm->disk_ops_once != 0)
    kata_plan__warn (b, "%s: does nothing without disk_rate_limiter_ops_max_rate",
                     kata_plan__key (b, "disk_rate_limiter_ops_one_time_burst"));
  /* Others may be third parties' that do. */
  if ((vm->disk_bytes != 0 || vm->disk_ops != 0) && strcmp (b->in->hypervisor, "qemu") == 0)
    kata_plan__warn (
        b, "%s: QEMU is not told to limit disks; the key has no effect",
        kata_plan__key (b, vm->disk_bytes != 0 ? "disk_rate_limiter_bw_max_rate" : "disk_rate_limiter_ops_max_rate"));
}

/* StratoVirt's microvm has a fixed number of places, which the disks of the start have too. */
static uint32_t
places_left (const struct kata_plan_build *b)
{
  const kata_vm_plan *vm = &b->plan->vm;
  uint32_t n = vm->initrd[0] == '\0' && vm->image[0] != '\0' ? 1 : 0;
  if (strcmp (b->in->hypervisor, "stratovirt") != 0)
    return UINT32_MAX;
  for (const kata_vm_disk *const *disk = vm->disks; disk != NULL && *disk != NULL; disk++)
    n++;
  return STRATOVIRT_PLACES - MIN (n, STRATOVIRT_PLACES);
}

/* For disks that come later; once all are known that are there from the start. Where each takes one kind only, there are as many for either. */
int
kata_plan__ports (struct kata_plan_build *b, kata_error **err)
{
  uint32_t ports = (uint32_t) b->hv->disk_ports;
  if (!kata_plan__has (b, KATA_CAP_BLOCK_HOTPLUG) || (b->plan->guest_features & KATA_GUEST_BLOCK) == 0)
    ports = 0;
  b->plan->ports_by_mode = ports != 0 && kata_plan__has (b, KATA_CAP_BLOCK_PORT_MODES);
  if (b->plan->ports_by_mode)
    ports *= 2;
  b->plan->vm.disk_ports = MIN (ports, places_left (b));
  return 0;
}

int
kata_plan__disks (struct kata_plan_build *b, kata_error **err)
{
  size_t n = 0;
  for (const kata_disk *const *disk = b->in->options->disks; disk != NULL && *disk != NULL; disk++)
    n++;
  b->plan->no_block_devices = b->hv->disable_block_device_use;
  decide_limits (b);
  int rc = add_disks (b, b->in->options->disks, n, err);
  return rc == 0 ? decide_io (b, err) : rc;
}
