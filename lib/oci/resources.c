/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resources: reads runtime-spec config-linux.md#control-groups. */
#include "oci/resources.h"

#include <string.h>

#include "oci/read.h"

struct owned_resources {
  kata_oci_resources resources; /* first: the callers' pointer */
  kata_arena *arena;
};

static void
read_devices (struct kata_json_reader *r, const kata_json *array, kata_oci_resources *out)
{
  static const char *const types[] = { "a", "b", "c", "p", "u", NULL };
  if (array == NULL)
    return;
  out->devices = kata_arena__new0 (r->arena, struct kata_oci_device_rule, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_device_rule *rule = &out->devices[out->n_devices];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    if (kata_json__get (item, "allow") == NULL)
      kata_json__missing (r, item, "allow");
    rule->allow = kata_json__get_bool (r, item, "allow");
    rule->type = kata_oci__get_word (r, item, "type", types);
    rule->major = kata_oci__get_i64 (r, item, "major");
    rule->minor = kata_oci__get_i64 (r, item, "minor");
    rule->access = kata_json__get_string (r, item, "access");
    for (const char *c = rule->access; c != NULL && *c != '\0'; c++)
      if (*c != 'r' && *c != 'w' && *c != 'm')
        kata_json__fail (r, kata_json__get (item, "access"), "\"%.16s\" has a letter that is none of r w m",
                         rule->access);
    if (r->result < 0)
      return;
    out->n_devices++;
  }
}

static void
read_memory (struct kata_json_reader *r, const kata_json *value, struct kata_oci_memory *out)
{
  if (value == NULL)
    return;
  out->have = true;
  out->limit = kata_oci__get_i64 (r, value, "limit");
  out->reservation = kata_oci__get_i64 (r, value, "reservation");
  out->swap = kata_oci__get_i64 (r, value, "swap");
  out->kernel = kata_oci__get_i64 (r, value, "kernel");
  out->kernel_tcp = kata_oci__get_i64 (r, value, "kernelTCP");
  out->swappiness = kata_oci__get_u64 (r, value, "swappiness", UINT64_MAX);
  out->disable_oom_killer = kata_oci__get_bool (r, value, "disableOOMKiller");
  out->use_hierarchy = kata_oci__get_bool (r, value, "useHierarchy");
  out->check_before_update = kata_oci__get_bool (r, value, "checkBeforeUpdate");
}

/* "0-3,7": digits, commas, dashes. */
static const char *
read_cpu_set (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  const char *set = kata_json__get_string (r, object, name);
  for (const char *c = set; c != NULL && *c != '\0'; c++)
    if (!g_ascii_isdigit (*c) && *c != ',' && *c != '-' && *c != ' ' && *c != '\n') {
      kata_json__fail (r, kata_json__get (object, name), "\"%.64s\" is no list such as 0-3,7", set);
      return NULL;
    }
  return set;
}

static void
read_cpu (struct kata_json_reader *r, const kata_json *value, struct kata_oci_cpu *out)
{
  if (value == NULL)
    return;
  out->have = true;
  out->shares = kata_oci__get_u64 (r, value, "shares", UINT64_MAX);
  out->quota = kata_oci__get_i64 (r, value, "quota");
  out->burst = kata_oci__get_u64 (r, value, "burst", UINT64_MAX);
  out->period = kata_oci__get_u64 (r, value, "period", UINT64_MAX);
  out->realtime_runtime = kata_oci__get_i64 (r, value, "realtimeRuntime");
  out->realtime_period = kata_oci__get_u64 (r, value, "realtimePeriod", UINT64_MAX);
  out->idle = kata_oci__get_i64 (r, value, "idle");
  out->cpus = read_cpu_set (r, value, "cpus");
  out->mems = read_cpu_set (r, value, "mems");
}

static void
read_hugepages (struct kata_json_reader *r, const kata_json *array, kata_oci_resources *out)
{
  if (array == NULL)
    return;
  out->hugepage_limits = kata_arena__new0 (r->arena, struct kata_oci_hugepage_limit, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_hugepage_limit *limit = &out->hugepage_limits[out->n_hugepage_limits++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    limit->page_size = kata_json__get_string_required (r, item, "pageSize");
    limit->limit = kata_json__get_u64 (r, item, "limit");
  }
}

static void
read_network (struct kata_json_reader *r, const kata_json *value, kata_oci_resources *out)
{
  out->network_class_id = kata_oci__get_u64 (r, value, "classID", UINT32_MAX);
  const kata_json *array = kata_json__get_array (r, value, "priorities");
  if (array == NULL)
    return;
  out->network_priorities = kata_arena__new0 (r->arena, struct kata_oci_interface_priority, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_interface_priority *priority = &out->network_priorities[out->n_network_priorities++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    priority->name = kata_json__get_string_required (r, item, "name");
    priority->priority = kata_json__get_u32 (r, item, "priority");
  }
}

static void
check_unified (struct kata_json_reader *r, const kata_json *map, const kata_oci_resources *resources)
{
  /* A key is a file's name in the cgroup's directory. */
  for (size_t i = 0; i < resources->n_unified; i++)
    if (resources->unified[i].name[0] == '\0' || resources->unified[i].name[0] == '.' ||
        strchr (resources->unified[i].name, '/') != NULL)
      kata_json__fail (r, map, "\"%.64s\" is no name of a cgroup file", resources->unified[i].name);
}

void
kata_oci__read_resources (struct kata_json_reader *r, const kata_json *value, kata_oci_resources *out)
{
  static const char *const known[] = { "devices",        "memory",  "cpu",  "pids",    "blockIO",
                                       "hugepageLimits", "network", "rdma", "unified", NULL };
  if (value == NULL || !kata_json__is (r, value, KATA_JSON_OBJECT))
    return;
  kata_json__warn_unknown (r, value, known);
  out->have = true;
  read_devices (r, kata_json__get_array (r, value, "devices"), out);
  read_memory (r, kata_json__get_object (r, value, "memory"), &out->memory);
  read_cpu (r, kata_json__get_object (r, value, "cpu"), &out->cpu);
  out->pids_limit = kata_oci__get_i64 (r, kata_json__get_object (r, value, "pids"), "limit");
  kata_oci__read_block_io (r, kata_json__get_object (r, value, "blockIO"), &out->block_io);
  read_hugepages (r, kata_json__get_array (r, value, "hugepageLimits"), out);
  read_network (r, kata_json__get_object (r, value, "network"), out);
  out->unified = kata_oci__get_pairs (r, value, "unified", &out->n_unified);
  check_unified (r, kata_json__get (value, "unified"), out);
  out->has_rdma = kata_json__get_object (r, value, "rdma") != NULL;
}

int
kata_oci_resources__parse (kata_oci_resources **out, const char *text, size_t len, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  struct kata_json_reader reader;
  const kata_json *root = NULL;
  struct owned_resources *owned = kata_arena__new0 (arena, struct owned_resources, 1);

  int rc = kata_oci__read_text (&reader, &root, arena, text, len, err);
  if (rc < 0)
    return rc;
  kata_oci__read_resources (&reader, root, &owned->resources);
  if (reader.result < 0)
    return reader.result;
  owned->arena = g_steal_pointer (&arena);
  *out = &owned->resources;
  return 0;
}

void
kata_oci_resources__free (kata_oci_resources *resources)
{
  if (resources != NULL)
    kata_arena__free (((struct owned_resources *) resources)->arena);
}

uint32_t
kata_oci_cpu__milli (const struct kata_oci_cpu *cpu)
{
  uint64_t value, period = cpu->period.have && cpu->period.value != 0 ? cpu->period.value : 100000;
  if (!cpu->quota.have || cpu->quota.value <= 0)
    return 0;
  if (__builtin_mul_overflow ((uint64_t) cpu->quota.value, UINT64_C (1000), &value))
    return UINT32_MAX;
  value = value / period + (value % period != 0);
  return (uint32_t) MIN (value, UINT32_MAX);
}
