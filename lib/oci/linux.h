/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux: the OCI runtime specification's `linux` object as a struct, without resources (resources.h). */
#ifndef KATA_OCI_LINUX_H
#define KATA_OCI_LINUX_H

#include "oci/resources.h"

struct kata_oci_id_mapping {
  uint32_t container_id, host_id, size;
};

struct kata_oci_device {
  const char *path;
  const char *type; /* "c", "b", "u", "p" */
  int64_t major, minor;
  struct kata_oci_u64 file_mode, uid, gid;
};

struct kata_oci_namespace {
  const char *type; /* "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time" */
  const char *path; /* NULL = a new one */
};

struct kata_oci_seccomp_arg {
  uint32_t index;
  uint64_t value, value_two;
  const char *op;
};
struct kata_oci_seccomp_rule {
  char **names;
  const char *action;
  struct kata_oci_u64 errno_ret;
  struct kata_oci_seccomp_arg *args;
  size_t n_args;
};
struct kata_oci_seccomp {
  bool have;
  const char *default_action;
  struct kata_oci_u64 default_errno_ret;
  char **architectures, **flags;
  const char *listener_path, *listener_metadata;
  struct kata_oci_seccomp_rule *rules;
  size_t n_rules;
};

struct kata_oci_intel_rdt {
  bool have;
  const char *clos_id, *l3_cache_schema, *mem_bw_schema;
  bool enable_monitoring;
};

struct kata_oci_time_offset {
  const char *clock; /* "monotonic", "boottime" */
  int64_t secs;
  uint32_t nanosecs;
};

struct kata_oci_linux {
  bool have;
  struct kata_oci_id_mapping *uid_mappings, *gid_mappings;
  size_t n_uid_mappings, n_gid_mappings;
  struct kata_oci_pair *sysctl;
  size_t n_sysctl;
  struct kata_oci_resources resources;
  const char *cgroups_path;
  struct kata_oci_namespace *namespaces;
  size_t n_namespaces;
  struct kata_oci_device *devices;
  size_t n_devices;
  struct kata_oci_seccomp seccomp;
  const char *rootfs_propagation;
  char **masked_paths, **readonly_paths;
  const char *mount_label;
  struct kata_oci_intel_rdt intel_rdt;
  const char *personality_domain; /* "LINUX", "LINUX32" */
  char **personality_flags;
  struct kata_oci_time_offset *time_offsets;
  size_t n_time_offsets;
};

#endif
