/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state-table: which fields of a sandbox's state, its plan among them, are in state.json. */
#include "sandbox/state-table.h"

#include "sandbox/state.h"

static void
prepare_disk (void *data)
{
  ((kata_vm_disk *) data)->size = sizeof (kata_vm_disk);
}

static void
prepare_vm (void *data)
{
  ((kata_vm_plan *) data)->size = sizeof (kata_vm_plan);
}

static const struct kata_field disk_fields[] = {
  KATA_FIELD (STRING, kata_vm_disk, id),      KATA_FIELD (STRING, kata_vm_disk, path),
  KATA_FIELD (I32, kata_vm_disk, readonly),   KATA_FIELD (U64, kata_vm_disk, port),
  KATA_FIELD (U64, kata_vm_disk, vhost_user), { 0 }
};
static const struct kata_record disk_record = { sizeof (kata_vm_disk), disk_fields, prepare_disk };

static void
prepare_host_device (void *data)
{
  ((kata_vm_host_device *) data)->size = sizeof (kata_vm_host_device);
}

static const struct kata_field host_device_fields[] = { KATA_FIELD (STRING, kata_vm_host_device, id),
                                                        KATA_FIELD (STRING, kata_vm_host_device, address),
                                                        KATA_FIELD (I64, kata_vm_host_device, group),
                                                        KATA_FIELD (U64, kata_vm_host_device, port),
                                                        { 0 } };
static const struct kata_record host_device_record = { sizeof (kata_vm_host_device), host_device_fields,
                                                       prepare_host_device };

static const struct kata_field vm_fields[] = {
  KATA_FIELD (STRING, kata_vm_plan, id),
  KATA_FIELD (STRING, kata_vm_plan, dir),
  KATA_FIELD (STRING, kata_vm_plan, hypervisor_path),
  KATA_FIELD (STRING, kata_vm_plan, machine_type),
  KATA_FIELD (STRING, kata_vm_plan, machine_accelerators),
  KATA_FIELD (STRING, kata_vm_plan, cpu_features),
  KATA_FIELD (STRING, kata_vm_plan, seccomp_sandbox),
  KATA_FIELD (I32, kata_vm_plan, accel),
  KATA_FIELD (I32, kata_vm_plan, debug),
  KATA_FIELD (U32, kata_vm_plan, vcpus),
  KATA_FIELD (U32, kata_vm_plan, max_vcpus),
  KATA_FIELD (U64, kata_vm_plan, memory_mib),
  KATA_FIELD (U64, kata_vm_plan, max_memory_mib),
  KATA_FIELD (I32, kata_vm_plan, hugepages),
  KATA_FIELD (I32, kata_vm_plan, prealloc),
  KATA_FIELD (STRING, kata_vm_plan, kernel),
  KATA_FIELD (STRING, kata_vm_plan, initrd),
  KATA_FIELD (STRING, kata_vm_plan, image),
  KATA_FIELD (STRING, kata_vm_plan, firmware),
  KATA_FIELD (STRING, kata_vm_plan, image_fstype),
  KATA_FIELD (STRING, kata_vm_plan, cmdline),
  KATA_FIELD (I32, kata_vm_plan, share_kind),
  KATA_FIELD (STRING, kata_vm_plan, share_dir),
  KATA_FIELD (STRING, kata_vm_plan, share_tag),
  KATA_FIELD (STRING, kata_vm_plan, virtiofsd_path),
  KATA_FIELD (STRING, kata_vm_plan, virtiofs_cache),
  KATA_FIELD (U32, kata_vm_plan, virtiofs_queue_size),
  KATA_FIELD (U32, kata_vm_plan, virtiofs_cache_mib),
  KATA_FIELD (STRV, kata_vm_plan, virtiofsd_args),
  KATA_FIELD (U32, kata_vm_plan, msize_9p),
  { .name = "disks", .type = KATA_FIELD_POINTERS, .offset = offsetof (kata_vm_plan, disks), .of = &disk_record },
  KATA_FIELD (I32, kata_vm_plan, block_aio),
  KATA_FIELD (I32, kata_vm_plan, block_cache_direct),
  KATA_FIELD (I32, kata_vm_plan, agent_kind),
  KATA_FIELD (U32, kata_vm_plan, agent_cid),
  KATA_FIELD (U32, kata_vm_plan, agent_port),
  KATA_FIELD (U32, kata_vm_plan, agent_serial_ports),
  KATA_FIELD (STRING, kata_vm_plan, entropy_source),
  KATA_FIELD (I32, kata_vm_plan, memory_reporting),
  KATA_FIELD (U32, kata_vm_plan, nic_ports),
  KATA_FIELD (STRING, kata_vm_plan, netns),
  KATA_FIELD (U64, kata_vm_plan, nic_rx_bytes),
  KATA_FIELD (U64, kata_vm_plan, nic_tx_bytes),
  KATA_FIELD (U64, kata_vm_plan, nic_bytes),
  KATA_FIELD (U64, kata_vm_plan, nic_bytes_once),
  KATA_FIELD (U64, kata_vm_plan, nic_ops),
  KATA_FIELD (U64, kata_vm_plan, nic_ops_once),
  KATA_FIELD (STRING, kata_vm_plan, control_path),
  KATA_FIELD (U64, kata_vm_plan, memory_shared),
  KATA_FIELD (U64, kata_vm_plan, vhost_user_reconnect),
  KATA_FIELD (STRING, kata_vm_plan, jailer_path),
  KATA_FIELD (U32, kata_vm_plan, jailer_uid),
  KATA_FIELD (U32, kata_vm_plan, jailer_gid),
  KATA_FIELD (STRING, kata_vm_plan, firmware_volume),
  KATA_FIELD (STRV, kata_vm_plan, flashes),
  KATA_FIELD (I32, kata_vm_plan, iommu),
  KATA_FIELD (I32, kata_vm_plan, iommu_platform),
  KATA_FIELD (I32, kata_vm_plan, io_threads),
  KATA_FIELD (I32, kata_vm_plan, no_nesting),
  KATA_FIELD (I32, kata_vm_plan, block_no_flush),
  KATA_FIELD (U32, kata_vm_plan, block_logical_size),
  KATA_FIELD (U32, kata_vm_plan, block_physical_size),
  KATA_FIELD (STRING, kata_vm_plan, arch),
  KATA_FIELD (U32, kata_vm_plan, disk_ports),
  KATA_FIELD (U32, kata_vm_plan, image_partition),
  KATA_FIELD (U64, kata_vm_plan, image_size),
  KATA_FIELD (I32, kata_vm_plan, image_driver),
  KATA_FIELD (I32, kata_vm_plan, block_driver),
  KATA_FIELD (U64, kata_vm_plan, memory_slots),
  KATA_FIELD (I32, kata_vm_plan, virtio_mem),
  KATA_FIELD (STRV, kata_vm_plan, numa),
  KATA_FIELD (I32, kata_vm_plan, confidential),
  KATA_FIELD (U32, kata_vm_plan, tdx_quote_port),
  KATA_FIELD (U64, kata_vm_plan, snp_policy),
  KATA_FIELD (STRING, kata_vm_plan, snp_id_block),
  KATA_FIELD (STRING, kata_vm_plan, snp_id_auth),
  KATA_FIELD (U32, kata_vm_plan, null_fail_at),
  KATA_FIELD (I32, kata_vm_plan, isolation),
  KATA_FIELD (STRV, kata_vm_plan, confine_waive),
  KATA_FIELD (U32, kata_vm_plan, block_queues),
  KATA_FIELD (U32, kata_vm_plan, block_queue_size),
  KATA_FIELD (U64, kata_vm_plan, disk_bytes),
  KATA_FIELD (U64, kata_vm_plan, disk_bytes_once),
  KATA_FIELD (U64, kata_vm_plan, disk_ops),
  KATA_FIELD (U64, kata_vm_plan, disk_ops_once),
  { .name = "nics",
    .type = KATA_FIELD_POINTERS,
    .offset = offsetof (kata_vm_plan, nics),
    .of = &kata_state__nic_record },
  { .name = "host_devices",
    .type = KATA_FIELD_POINTERS,
    .offset = offsetof (kata_vm_plan, host_devices),
    .of = &host_device_record },
  KATA_FIELD (U32, kata_vm_plan, host_bus),
  KATA_FIELD (U32, kata_vm_plan, host_switch_ports),
  KATA_FIELD (U64, kata_vm_plan, host_ports),
  KATA_FIELD (U64, kata_vm_plan, host_late_bus),
  { 0 }
};
static const struct kata_record vm_record = { sizeof (kata_vm_plan), vm_fields, prepare_vm };

static const struct kata_field storage_fields[] = {
  KATA_FIELD (STRING, struct kata_storage, driver), KATA_FIELD (STRING, struct kata_storage, source),
  KATA_FIELD (STRING, struct kata_storage, fstype), KATA_FIELD (STRING, struct kata_storage, mount_point),
  KATA_FIELD (STRV, struct kata_storage, options),  KATA_FIELD (STRV, struct kata_storage, driver_options),
  KATA_FIELD (BOOL, struct kata_storage, shared),   { 0 }
};
static const struct kata_record storage_record = { sizeof (struct kata_storage), storage_fields, NULL };

static const struct kata_field plan_fields[] = {
  KATA_FIELD (STRING, kata_plan, id),
  KATA_FIELD (STRING, kata_plan, hypervisor),
  { .name = "vm", .type = KATA_FIELD_STRUCT, .offset = offsetof (kata_plan, vm), .of = &vm_record },
  { .name = "network",
    .type = KATA_FIELD_STRUCT,
    .offset = offsetof (kata_plan, network),
    .of = &kata_state__network_plan_record },
  KATA_FIELD (STRING, kata_plan, share_dir),
  KATA_FIELD (STRING, kata_plan, hostname),
  KATA_FIELD (STRV, kata_plan, dns),
  KATA_FIELD (STRING, kata_plan, guest_hook_path),
  KATA_FIELD (STRV, kata_plan, kernel_modules),
  { .name = "storages",
    .type = KATA_FIELD_STRUCTS,
    .offset = offsetof (kata_plan, storages),
    .count = offsetof (kata_plan, n_storages),
    .of = &storage_record },
  KATA_FIELD (BOOL, kata_plan, guest_seccomp),
  KATA_FIELD (U64, kata_plan, guest_features),
  KATA_FIELD (I64, kata_plan, start_timeout_ms),
  KATA_FIELD (I64, kata_plan, request_timeout_ms),
  KATA_FIELD (I64, kata_plan, create_container_timeout_ms),
  KATA_FIELD (I64, kata_plan, stop_timeout_ms),
  KATA_FIELD (STRING, kata_plan, cgroup),
  KATA_FIELD (BOOL, kata_plan, cgroup_caller),
  KATA_FIELD (U32, kata_plan, cgroup_cpu_milli),
  KATA_FIELD (STRING, kata_plan, pack_dir),
  KATA_FIELD (BOOL, kata_plan, disks_by_order),
  KATA_FIELD (BOOL, kata_plan, no_block_devices),
  KATA_FIELD (U32, kata_plan, grow_cpu_milli),
  KATA_FIELD (U64, kata_plan, grow_memory_mib),
  KATA_FIELD (BOOL, kata_plan, ports_by_mode),
  KATA_FIELD (STRING, kata_plan, vhost_store),
  KATA_FIELD (U32, kata_plan, cgroup_overhead_milli),
  KATA_FIELD (STRING, kata_plan, share_reason), /* "" when something is shared: a container's error repeats it */
  { 0 },
};
static const struct kata_record plan_record = { sizeof (kata_plan), plan_fields, NULL };

static const struct kata_field container_fields[] = { KATA_FIELD (STRING, struct kata_container_state, id),
                                                      KATA_FIELD (I32, struct kata_container_state, state),
                                                      KATA_FIELD (I32, struct kata_container_state, exit_status),
                                                      KATA_FIELD (I64, struct kata_container_state, created_ms),
                                                      KATA_FIELD (BOOL, struct kata_container_state, terminal),
                                                      KATA_FIELD (U32, struct kata_container_state, pack),
                                                      KATA_FIELD (U32, struct kata_container_state, cpu_milli),
                                                      KATA_FIELD (STRING, struct kata_container_state, disk),
                                                      KATA_FIELD (STRV, struct kata_container_state, blocks),
                                                      KATA_FIELD (STRV, struct kata_container_state, host_devices),
                                                      KATA_FIELD (BOOL, struct kata_container_state, gone),
                                                      KATA_FIELD (U64, struct kata_container_state, memory_bytes),
                                                      { 0 } };
static const struct kata_record container_record = { sizeof (struct kata_container_state), container_fields, NULL };

static const struct kata_field timing_fields[] = { KATA_FIELD (STRING, struct kata_timing, name),
                                                   KATA_FIELD (I64, struct kata_timing, us),
                                                   { 0 } };
static const struct kata_record timing_record = { sizeof (struct kata_timing), timing_fields, NULL };

static const struct kata_field state_fields[] = {
  KATA_FIELD (U32, struct kata_sandbox_state, version),
  KATA_FIELD (U64, struct kata_sandbox_state, generation),
  KATA_FIELD (STRING, struct kata_sandbox_state, id),
  KATA_FIELD (STRING, struct kata_sandbox_state, boot),
  KATA_FIELD (I32, struct kata_sandbox_state, state),
  KATA_FIELD (I64, struct kata_sandbox_state, created_ms),
  KATA_FIELD (TEXT, struct kata_sandbox_state, saved),
  KATA_FIELD (U32, struct kata_sandbox_state, vcpus),
  KATA_FIELD (U64, struct kata_sandbox_state, memory_mib),
  KATA_FIELD (U32, struct kata_sandbox_state, asked_vcpus),
  KATA_FIELD (U64, struct kata_sandbox_state, asked_memory_mib),
  KATA_FIELD (BOOL, struct kata_sandbox_state, restored),
  KATA_FIELD (U64, struct kata_sandbox_state, resumes),
  { .name = "containers",
    .type = KATA_FIELD_STRUCTS,
    .offset = offsetof (struct kata_sandbox_state, containers),
    .count = offsetof (struct kata_sandbox_state, n_containers),
    .of = &container_record },
  { .name = "timing",
    .type = KATA_FIELD_STRUCTS,
    .offset = offsetof (struct kata_sandbox_state, timing),
    .count = offsetof (struct kata_sandbox_state, n_timing),
    .of = &timing_record },
  { .name = "network",
    .type = KATA_FIELD_STRUCT,
    .offset = offsetof (struct kata_sandbox_state, network),
    .of = &kata_state__network_record },
  { .name = "changing",
    .type = KATA_FIELD_POINTERS,
    .offset = offsetof (struct kata_sandbox_state, changing),
    .of = &disk_record },
  { .name = "host_changing",
    .type = KATA_FIELD_POINTERS,
    .offset = offsetof (struct kata_sandbox_state, host_changing),
    .of = &host_device_record },
  { .name = "plan",
    .type = KATA_FIELD_STRUCT,
    .offset = offsetof (struct kata_sandbox_state, plan),
    .of = &plan_record },
  KATA_FIELD (STRING, struct kata_sandbox_state, ended),
  { 0 },
};
const struct kata_record kata_state__record = { sizeof (struct kata_sandbox_state), state_fields, NULL };
