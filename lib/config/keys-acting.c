/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keys-acting: which hypervisors do nothing with a key of [hypervisor.NAME] that others act on. One that refuses a key with an error acts on it. */
#include <stddef.h>
#include <string.h>

#include "config/keys.h"

enum { QEMU = 1, CLH = 2, FC = 4, STRATOVIRT = 8, ACRN = 16, BUILTIN = 32, NULL_VM = 64 };

static const struct hypervisor {
  const char *name;
  uint32_t bit;
} hypervisors[] = { { "builtin", BUILTIN },       { "qemu", QEMU }, { "clh", CLH }, { "fc", FC },
                    { "stratovirt", STRATOVIRT }, { "acrn", ACRN }, { NULL, 0 } };

/* clang-format off: a row is a line; a key that is not here is acted on by all */
static const struct acting {
  const char *key;
  uint32_t by; /* the others pass it over */
} acting[] = {
  { "accel", QEMU | BUILTIN | STRATOVIRT },
  { "enable_mem_prealloc", QEMU | CLH | FC | STRATOVIRT | BUILTIN },
  { "memory_slots", QEMU },
  { "enable_virtio_mem", QEMU | CLH },
  { "msize_9p", QEMU },
  { "firmware_volume", QEMU },
  { "pflashes", QEMU },
  { "enable_iommu", QEMU },
  { "cold_plug_vfio", QEMU | CLH },
  { "hot_plug_vfio", QEMU | CLH },
  { "pcie_root_port", QEMU | CLH },
  { "pcie_switch_port", QEMU },
  { "enable_iommu_platform", QEMU },
  { "enable_iothreads", QEMU },
  { "vm_rootfs_driver", QEMU },
  { "disable_image_nvdimm", QEMU },
  { "block_device_driver", QEMU },
  { "enable_numa", QEMU },
  { "numa_mapping", QEMU },
  { "snp_id_block", QEMU },
  { "snp_id_auth", QEMU },
  { "snp_guest_policy", QEMU },
  { "tdx_quote_generation_service_socket_port", QEMU },
  { "disable_nested_virtualization", QEMU },
  { "block_device_cache_noflush", QEMU },
  { "block_device_logical_sector_size", QEMU },
  { "block_device_physical_sector_size", QEMU },
  { "seccomp_sandbox", QEMU },
  { "disable_seccomp", QEMU | CLH | FC | STRATOVIRT },
  { "block_device_aio", QEMU | FC | STRATOVIRT | BUILTIN },
  { "block_device_cache_set", QEMU | CLH | FC | STRATOVIRT },
  { "block_device_cache_direct", QEMU | CLH | FC | STRATOVIRT },
  { "disk_rate_limiter_bw_max_rate", ACRN | CLH | FC | STRATOVIRT | BUILTIN },
  { "disk_rate_limiter_bw_one_time_burst", CLH | FC | STRATOVIRT | BUILTIN },
  { "disk_rate_limiter_ops_max_rate", ACRN | CLH | FC | STRATOVIRT | BUILTIN },
  { "disk_rate_limiter_ops_one_time_burst", CLH | FC | STRATOVIRT | BUILTIN },
  { "disable_vhost_net", QEMU | STRATOVIRT | ACRN },
  { "network_queues", QEMU | CLH | STRATOVIRT | BUILTIN },
  { "virtio_fs_daemon", QEMU | CLH | STRATOVIRT | BUILTIN },
  { "virtio_fs_extra_args", QEMU | CLH | STRATOVIRT | BUILTIN },
  { "virtio_fs_cache", QEMU | CLH | STRATOVIRT | BUILTIN },
  { "virtio_fs_cache_size", QEMU | CLH | STRATOVIRT },
  { "virtio_fs_queue_size", QEMU | CLH | STRATOVIRT | BUILTIN },
  { "disk_ports", QEMU | CLH | FC | STRATOVIRT | ACRN },
  { "ctlpath", ACRN },
  { "valid_ctlpaths", ACRN },
  { "jailer_path", FC },
  { "valid_jailer_paths", FC },
  { "jailer_uid", FC },
  { "jailer_gid", FC },
  { "net_rate_limiter_bw_max_rate", CLH },
  { "net_rate_limiter_bw_one_time_burst", CLH },
  { "net_rate_limiter_ops_max_rate", CLH },
  { "net_rate_limiter_ops_one_time_burst", CLH },
  { "enable_vhost_user_store", QEMU | CLH },
  { "vhost_user_store_path", QEMU | CLH },
  { "valid_vhost_user_store_paths", QEMU | CLH },
  { "vhost_user_reconnect_timeout_sec", QEMU },
  { "isolation", BUILTIN },
  { "confine_waive", BUILTIN | CLH },
  { "fail_at", NULL_VM },
  { NULL, 0 },
};
/* clang-format on */

static uint32_t
acting_on (const char *key)
{
  for (const struct acting *row = acting; row->key != NULL; row++)
    if (strcmp (row->key, key) == 0)
      return row->by;
  return UINT32_MAX;
}

int
kata_keys__acts (const char *hypervisor, const struct kata_key *key)
{
  for (const struct hypervisor *row = hypervisors; row->name != NULL; row++)
    if (strcmp (row->name, hypervisor) == 0)
      return (acting_on (key->name) & row->bit) != 0;
  return 1;
}

const char *
kata_keys__acting (const struct kata_key *key, size_t n)
{
  uint32_t by = acting_on (key->name);
  if (by == UINT32_MAX)
    return n == 0 ? "all" : NULL;
  if (by == NULL_VM)
    return n == 0 ? "null" : NULL;
  for (const struct hypervisor *row = hypervisors; row->name != NULL; row++)
    if ((by & row->bit) != 0 && n-- == 0)
      return row->name;
  return NULL;
}
