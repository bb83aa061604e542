/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resources: the OCI runtime specification's `linux.resources` object as a struct. */
#ifndef KATA_OCI_RESOURCES_H
#define KATA_OCI_RESOURCES_H

#include "oci/process.h"

struct kata_oci_device_rule {
  bool allow;
  const char *type;                 /* "a", "b", "c"; NULL = all */
  struct kata_oci_i64 major, minor; /* absent = all */
  const char *access;               /* of "rwm"; NULL = all */
};

struct kata_oci_memory {
  bool have;
  struct kata_oci_i64 limit, reservation, swap, kernel, kernel_tcp; /* -1 = no limit */
  struct kata_oci_u64 swappiness;
  struct kata_oci_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct kata_oci_cpu {
  bool have;
  struct kata_oci_u64 shares, period, burst, realtime_period;
  struct kata_oci_i64 quota, realtime_runtime, idle;
  const char *cpus, *mems;
};

struct kata_oci_weight_device {
  int64_t major, minor;
  struct kata_oci_u64 weight, leaf_weight;
};
struct kata_oci_throttle_device {
  int64_t major, minor;
  uint64_t rate;
};
struct kata_oci_throttle_list {
  struct kata_oci_throttle_device *items;
  size_t n;
};
struct kata_oci_block_io {
  bool have;
  struct kata_oci_u64 weight, leaf_weight;
  struct kata_oci_weight_device *weight_devices;
  size_t n_weight_devices;
  struct kata_oci_throttle_list read_bps, write_bps, read_iops, write_iops;
};

struct kata_oci_hugepage_limit {
  const char *page_size; /* "2MB" */
  uint64_t limit;
};
struct kata_oci_interface_priority {
  const char *name;
  uint32_t priority;
};

typedef struct kata_oci_resources kata_oci_resources;
struct kata_oci_resources {
  bool have;
  struct kata_oci_device_rule *devices;
  size_t n_devices;
  struct kata_oci_memory memory;
  struct kata_oci_cpu cpu;
  struct kata_oci_i64 pids_limit;
  struct kata_oci_block_io block_io;
  struct kata_oci_hugepage_limit *hugepage_limits;
  size_t n_hugepage_limits;
  struct kata_oci_u64 network_class_id;
  struct kata_oci_interface_priority *network_priorities;
  size_t n_network_priorities;
  struct kata_oci_pair *unified;
  size_t n_unified;
  bool has_rdma;
};

/** A resources object on its own (update). KATA_E_SPEC with key = JSON path, KATA_E_LIMIT. Release with kata_oci_resources__free(). */
int kata_oci_resources__parse (kata_oci_resources **out, const char *text, size_t len, kata_error **err);
void kata_oci_resources__free (kata_oci_resources *resources); /* only for what _parse() made; NULL is fine */
/** Quota and period as thousandths of a CPU, rounded up; 0 = no limit. */
uint32_t kata_oci_cpu__milli (const struct kata_oci_cpu *cpu);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_oci_resources, kata_oci_resources__free)

#endif
