/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux: reads runtime-spec config-linux.md without its control groups and seccomp. */
#include "oci/linux.h"

#include <string.h>

#include "oci/read.h"

static void
read_namespaces (struct kata_json_reader *r, const kata_json *array, struct kata_oci_linux *out)
{
  static const char *const types[] = { "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", NULL };
  if (array == NULL)
    return;
  out->namespaces = kata_arena__new0 (r->arena, struct kata_oci_namespace, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_namespace *ns = &out->namespaces[out->n_namespaces];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    ns->type = kata_oci__get_word (r, item, "type", types);
    if (ns->type == NULL)
      kata_json__missing (r, item, "type");
    ns->path = kata_oci__get_absolute (r, item, "path");
    if (r->result < 0)
      return;
    for (size_t i = 0; i < out->n_namespaces; i++)
      if (strcmp (out->namespaces[i].type, ns->type) == 0) {
        kata_json__fail (r, item, "the namespace %s is there twice", ns->type);
        return;
      }
    out->n_namespaces++;
  }
}

static void
read_device (struct kata_json_reader *r, const kata_json *item, struct kata_oci_device *device)
{
  static const char *const types[] = { "c", "b", "u", "p", NULL };
  device->type = kata_oci__get_word (r, item, "type", types);
  if (device->type == NULL)
    kata_json__missing (r, item, "type");
  device->path = kata_oci__get_absolute (r, item, "path");
  if (device->path == NULL)
    kata_json__missing (r, item, "path");
  device->major = kata_json__get_i64 (r, item, "major");
  device->minor = kata_json__get_i64 (r, item, "minor");
  device->file_mode = kata_oci__get_u64 (r, item, "fileMode", UINT32_MAX);
  device->uid = kata_oci__get_u64 (r, item, "uid", UINT32_MAX);
  device->gid = kata_oci__get_u64 (r, item, "gid", UINT32_MAX);
}

static void
read_devices (struct kata_json_reader *r, const kata_json *array, struct kata_oci_linux *out)
{
  if (array == NULL)
    return;
  out->devices = kata_arena__new0 (r->arena, struct kata_oci_device, array->n);
  KATA_FOREACH (item, array) {
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    read_device (r, item, &out->devices[out->n_devices]);
    if (r->result < 0)
      return;
    out->n_devices++;
  }
}

static void
read_intel_rdt (struct kata_json_reader *r, const kata_json *value, struct kata_oci_intel_rdt *out)
{
  if (value == NULL)
    return;
  out->have = true;
  out->clos_id = kata_json__get_string (r, value, "closID");
  out->l3_cache_schema = kata_json__get_string (r, value, "l3CacheSchema");
  out->mem_bw_schema = kata_json__get_string (r, value, "memBwSchema");
  out->enable_monitoring = kata_json__get_bool (r, value, "enableMonitoring");
}

static void
read_time_offsets (struct kata_json_reader *r, const kata_json *map, struct kata_oci_linux *out)
{
  if (map == NULL)
    return;
  out->time_offsets = kata_arena__new0 (r->arena, struct kata_oci_time_offset, map->n);
  KATA_FOREACH (item, map) {
    struct kata_oci_time_offset *offset = &out->time_offsets[out->n_time_offsets++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    if (strcmp (item->name, "monotonic") != 0 && strcmp (item->name, "boottime") != 0)
      kata_json__fail (r, item, "is no clock with an offset; monotonic and boottime are");
    offset->clock = item->name;
    offset->secs = kata_json__get_i64 (r, item, "secs");
    offset->nanosecs = (uint32_t) kata_json__u64 (r, kata_json__get (item, "nanosecs"), 999999999);
  }
}

static void
read_personality (struct kata_json_reader *r, const kata_json *value, struct kata_oci_linux *out)
{
  static const char *const domains[] = { "LINUX", "LINUX32", NULL };
  out->personality_domain = kata_oci__get_word (r, value, "domain", domains);
  out->personality_flags = kata_json__get_strv (r, value, "flags");
}

void
kata_oci__read_linux (struct kata_json_reader *r, const kata_json *value, struct kata_oci_linux *out)
{
  static const char *const known[] = {
    "uidMappings", "gidMappings", "sysctl",     "resources",         "cgroupsPath",   "namespaces", "devices",
    "seccomp",     "maskedPaths", "mountLabel", "rootfsPropagation", "readonlyPaths", "intelRdt",   "personality",
    "timeOffsets", "netDevices",  NULL
  };
  static const char *const propagation[] = { "shared", "slave",    "private",     "unbindable", "rshared",
                                             "rslave", "rprivate", "runbindable", "",           NULL };
  if (value == NULL)
    return;
  kata_json__warn_unknown (r, value, known);
  out->have = true;
  out->uid_mappings = kata_oci__get_id_mappings (r, value, "uidMappings", &out->n_uid_mappings);
  out->gid_mappings = kata_oci__get_id_mappings (r, value, "gidMappings", &out->n_gid_mappings);
  out->sysctl = kata_oci__get_pairs (r, value, "sysctl", &out->n_sysctl);
  kata_oci__read_resources (r, kata_json__get_object (r, value, "resources"), &out->resources);
  out->cgroups_path = kata_json__get_string (r, value, "cgroupsPath");
  read_namespaces (r, kata_json__get_array (r, value, "namespaces"), out);
  read_devices (r, kata_json__get_array (r, value, "devices"), out);
  kata_oci__read_seccomp (r, kata_json__get_object (r, value, "seccomp"), &out->seccomp);
  out->rootfs_propagation = kata_oci__get_word (r, value, "rootfsPropagation", propagation);
  out->masked_paths = kata_json__get_strv (r, value, "maskedPaths");
  out->readonly_paths = kata_json__get_strv (r, value, "readonlyPaths");
  out->mount_label = kata_json__get_string (r, value, "mountLabel");
  read_intel_rdt (r, kata_json__get_object (r, value, "intelRdt"), &out->intel_rdt);
  read_personality (r, kata_json__get_object (r, value, "personality"), out);
  read_time_offsets (r, kata_json__get_object (r, value, "timeOffsets"), out);
}
