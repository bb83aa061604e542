/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disks: the disks that the VM has from its start, and how the host reads them. */
#include <string.h>

#include "base/id.h"
#include "plan/build.h"
#include "plan/pack.h"

static int
check_disk (struct kata_plan_build *b, const kata_disk *const *disks, size_t i, kata_error **err)
{
  int rc = kata_id__check_disk ("disks", disks[i]->id, err);
  if (rc == 0)
    rc = kata_plan__check_path ("disks", disks[i]->path, KATA_E_INVALID, err);
  if (rc < 0)
    return rc;
  if ((disks[i]->flags & ~(uint32_t) KATA_DISK_READONLY) != 0)
    return kata_error__set (err, KATA_E_INVALID, "disks", "disks: %s: flags 0x%x has unknown bits", disks[i]->id,
                            disks[i]->flags);
  for (size_t j = 0; j < i; j++)
    if (strcmp (disks[j]->id, disks[i]->id) == 0)
      return kata_error__set (err, KATA_E_INVALID, "disks", "disks: the id %s is there twice", disks[i]->id);
  return 0;
}

static int
add_disks (struct kata_plan_build *b, const kata_disk *const *disks, size_t n, kata_error **err)
{
  if (n > 0 && !kata_plan__has (b, KATA_CAP_BLOCK))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "disks", "disks: %s cannot attach disks: %s", b->in->hypervisor,
                            kata_plan__reason (b, KATA_CAP_BLOCK));
  if (n > 0 && (b->plan->guest_features & KATA_GUEST_BLOCK) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "disks", "disks: the guest's kernel has no virtio-blk");
  kata_vm_disk *copies = kata_arena__new0 (b->arena, kata_vm_disk, n);
  const kata_vm_disk **list = kata_arena__new0 (b->arena, const kata_vm_disk *, n + 1);
  for (size_t i = 0; i < n; i++) {
    int rc = check_disk (b, disks, i, err);
    if (rc < 0)
      return rc;
    copies[i] = (kata_vm_disk){ .size = sizeof copies[i],
                                .id = kata_arena__strdup (b->arena, disks[i]->id),
                                .path = kata_arena__strdup (b->arena, disks[i]->path),
                                .readonly = (disks[i]->flags & KATA_DISK_READONLY) != 0 };
    list[i] = &copies[i];
  }
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
  if (vm->block_aio == 1 && !vm->block_cache_direct) {
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

int
kata_plan__disks (struct kata_plan_build *b, kata_error **err)
{
  size_t n = 0;
  for (const kata_disk *const *disk = b->in->options->disks; disk != NULL && *disk != NULL; disk++)
    if (++n > KATA_DISKS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, "disks", "disks: more than %u", KATA_DISKS_MAX);
  decide_limits (b);
  int rc = add_disks (b, b->in->options->disks, n, err);
  return rc == 0 ? decide_io (b, err) : rc;
}
