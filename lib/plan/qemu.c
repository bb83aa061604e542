/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qemu: keys that QEMU alone acts on; for other hypervisors the configuration warns about them. */
#include "plan/build.h"

#define SECTOR_MIN  512
#define SECTOR_MAX  65536
#define FLASHES_MAX 2u

static int
check_sector (struct kata_plan_build *b, const char *name, int64_t size, kata_error **err)
{
  const char *key = kata_plan__key (b, name);
  if (size == 0 || (size >= SECTOR_MIN && size <= SECTOR_MAX && (size & (size - 1)) == 0))
    return 0;
  return kata_error__set (err, KATA_E_CONFIG, key, "%s: %" G_GINT64_FORMAT " is no power of two from %d to %d", key,
                          size, SECTOR_MIN, SECTOR_MAX);
}

static int
decide_sectors (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  int64_t logical = b->hv->block_device_logical_sector_size, physical = b->hv->block_device_physical_sector_size;
  int rc = check_sector (b, "block_device_logical_sector_size", logical, err);
  if (rc == 0)
    rc = check_sector (b, "block_device_physical_sector_size", physical, err);
  if (rc == 0 && physical != 0 && MAX (logical, SECTOR_MIN) > physical) {
    const char *key = kata_plan__key (b, "block_device_logical_sector_size");
    rc = kata_error__set (err, KATA_E_CONFIG, key, "%s: is more than block_device_physical_sector_size", key);
  }
  vm->block_logical_size = (uint32_t) logical;
  vm->block_physical_size = (uint32_t) physical;
  return rc;
}

static int
decide_flashes (struct kata_plan_build *b, kata_error **err)
{
  char **flashes = b->hv->pflashes;
  guint n = flashes != NULL ? g_strv_length (flashes) : 0;
  const char *key = kata_plan__key (b, "pflashes"), *volume_key = kata_plan__key (b, "firmware_volume");
  if (n > FLASHES_MAX)
    return kata_error__set (err, KATA_E_CONFIG, key, "%s: %u images; QEMU's machines have %u", key, n, FLASHES_MAX);
  if (n > 0 && (b->hv->firmware[0] != '\0' || b->hv->firmware_volume[0] != '\0'))
    return kata_error__set (err, KATA_E_CONFIG, key, "%s: firmware or firmware_volume is set as well; choose one", key);
  if (b->hv->firmware_volume[0] != '\0' && b->hv->firmware[0] == '\0')
    return kata_error__set (err, KATA_E_CONFIG, volume_key, "%s: is set without firmware, to which it belongs",
                            volume_key);
  for (guint i = 0; i < n; i++) {
    int rc = kata_plan__check_path (key, flashes[i], KATA_E_CONFIG, err);
    if (rc < 0)
      return rc;
  }
  b->plan->vm.flashes = (const char *const *) kata_arena__strv (b->arena, (const char *const *) flashes);
  b->plan->vm.firmware_volume = kata_plan__text (b, b->hv->firmware_volume);
  return kata_plan__check_path (volume_key, b->hv->firmware_volume, KATA_E_CONFIG, err);
}

int
kata_plan__qemu (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  int rc = kata_plan__confidential (b, err);
  if (rc == 0)
    rc = kata_plan__numa (b, err);
  if (rc == 0)
    rc = decide_sectors (b, err);
  if (rc == 0)
    rc = decide_flashes (b, err);
  if (rc < 0)
    return rc;
  vm->iommu = b->hv->enable_iommu;
  vm->iommu_platform = b->hv->enable_iommu_platform;
  vm->io_threads = b->hv->enable_iothreads;
  vm->no_nesting = b->hv->disable_nested_virtualization;
  vm->block_no_flush = b->hv->block_device_cache_set && b->hv->block_device_cache_noflush;
  return 0;
}
