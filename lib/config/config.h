/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config: the configuration as structs, immutable and reference-counted; the fields are those of the keys that libkata acts on. */
#ifndef KATA_CONFIG_CONFIG_H
#define KATA_CONFIG_CONFIG_H

#include <stdint.h>

/* Field names are key names; keys.h documents them. Strings are never NULL ("" = not set), nor are lists. */
struct kata_hypervisor_config {
  char *name;
  /* program */
  char *path;
  char **valid_hypervisor_paths;
  char *accel; /* auto, kvm, tcg: ours */
  char *machine_type, *machine_accelerators, *cpu_features;
  char *seccomp_sandbox;
  char *ctlpath;
  char **valid_ctlpaths;
  char *jailer_path;
  char **valid_jailer_paths;
  int64_t jailer_uid, jailer_gid;
  int32_t disable_seccomp, confidential_guest;
  int32_t enable_debug;
  /* boot */
  char *kernel, *initrd, *image, *rootfs_type, *firmware, *kernel_params;
  /* size */
  double default_vcpus, overhead_vcpus;
  int64_t default_maxvcpus, default_memory, default_maxmemory, overhead_memory;
  int64_t memory_slots;
  int32_t enable_hugepages, enable_mem_prealloc, enable_virtio_mem, reclaim_guest_freed_memory;
  /* sharing */
  char *shared_fs;
  char *virtio_fs_daemon;
  char **valid_virtio_fs_daemon_paths;
  char **virtio_fs_extra_args;
  char *virtio_fs_cache;
  int64_t virtio_fs_cache_size, virtio_fs_queue_size;
  int64_t msize_9p;
  int64_t packed_containers, disk_ports; /* ours */
  /* disks */
  char *block_device_aio;
  int32_t block_device_cache_set, block_device_cache_direct;
  int64_t queue_size, num_queues, network_queues;
  int32_t disable_vhost_net;
  int64_t disk_rate_limiter_bw_max_rate, disk_rate_limiter_bw_one_time_burst;
  int64_t disk_rate_limiter_ops_max_rate, disk_rate_limiter_ops_one_time_burst;
  int64_t rx_rate_limiter_max_rate, tx_rate_limiter_max_rate;
  int64_t net_rate_limiter_bw_max_rate, net_rate_limiter_bw_one_time_burst;
  int64_t net_rate_limiter_ops_max_rate, net_rate_limiter_ops_one_time_burst;
  /* the rest */
  char *entropy_source;
  char **valid_entropy_sources;
  /* QEMU's */
  char *firmware_volume, **pflashes;
  int32_t enable_iommu, enable_iommu_platform, enable_iothreads, disable_nested_virtualization;
  int32_t block_device_cache_noflush;
  int64_t block_device_logical_sector_size, block_device_physical_sector_size;
  int32_t sev_snp_guest, disable_image_nvdimm, disable_block_device_use;
  char *vm_rootfs_driver, *block_device_driver;
  int32_t enable_numa;
  char **numa_mapping;
  int32_t enable_vhost_user_store;
  char *vhost_user_store_path, **valid_vhost_user_store_paths;
  int64_t vhost_user_reconnect_timeout_sec;
  char *snp_id_block, *snp_id_auth;
  int64_t snp_guest_policy, tdx_quote_generation_service_socket_port;
  char *cold_plug_vfio, *hot_plug_vfio;
  int64_t pcie_switch_port, pcie_root_port;
  char *guest_hook_path;
  char **enable_annotations;
  int64_t fail_at; /* null backend: ours */
  char *isolation; /* built-in: ours */
  char **confine_waive;
};

struct kata_agent_config {
  int32_t enable_debug, debug_console_enabled;
  char **kernel_modules;
  int64_t dial_timeout;             /* seconds to wait for the guest's agent */
  int64_t container_pipe_size;      /* bytes, 0 = the guest kernel's */
  int64_t create_container_timeout; /* seconds, 0 = see the runtime's */
};

struct kata_runtime_config {
  char *hypervisor_name; /* "" = the only hypervisor table, else the library's choice */
  int32_t disable_guest_seccomp, sandbox_cgroup_only, static_sandbox_resource_mgmt;
  char *internetworking_model, *vfio_mode, *dan_conf;
  int64_t create_container_timeout; /* seconds */
};

typedef struct kata_config kata_config;

kata_config *kata_config__ref (kata_config *config);
void kata_config__unref (kata_config *config); /* NULL is fine */

/** The file it was read from, "" = built-in defaults. */
const char *kata_config__path (const kata_config *config);
/** The files that were merged into it, in order, NULL-terminated: the base file, then the drop-ins. */
const char *const *kata_config__files (const kata_config *config);
/** Which hypervisor the configuration asks for, "" = none in particular. */
const char *kata_config__hypervisor_name (const kata_config *config);
/** The table of one hypervisor; NULL when the files have none for it. */
const struct kata_hypervisor_config *kata_config__find_hypervisor (const kata_config *config, const char *name);
/** The same, with the defaults where the files have none; never NULL. */
const struct kata_hypervisor_config *kata_config__hypervisor (const kata_config *config, const char *name);
const struct kata_agent_config *kata_config__agent (const kata_config *config);
const struct kata_runtime_config *kata_config__runtime (const kata_config *config);

#endif
