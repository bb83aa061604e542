/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options: what kata_container_options say, put into a specification. */
#include <string.h>

#include "oci/change.h"
#include "oci/spec.h"

#define HOSTNAME_MAX  64u /* the kernel's */
#define VOLUMES_MAX   1024u
#define CPU_PERIOD_US 100000u
#define CPU_MILLI_MIN 10u /* 1 ms of 100: the kernel takes no smaller quota */

static int
check_path (const char *key, const char *path, kata_error **err)
{
  if (path == NULL || path[0] != '/')
    return kata_error__set (err, KATA_E_INVALID, key, "%s: \"%.128s\" is no absolute path", key,
                            path != NULL ? path : "");
  if (strnlen (path, 4096) >= 4096)
    return kata_error__set (err, KATA_E_LIMIT, key, "%s: the path is longer than 4095 bytes", key);
  if (!g_utf8_validate (path, -1, NULL))
    return kata_error__set (err, KATA_E_INVALID, key, "%s: the path is not valid UTF-8", key);
  return 0;
}

static int
check_hostname (const char *hostname, kata_error **err)
{
  size_t len = strnlen (hostname, HOSTNAME_MAX + 1);
  if (len == 0 || len > HOSTNAME_MAX)
    return kata_error__set (err, KATA_E_INVALID, "hostname", "hostname: 1 to %u characters are allowed", HOSTNAME_MAX);
  for (size_t i = 0; i < len; i++)
    if (!g_ascii_isalnum (hostname[i]) && strchr ("-._", hostname[i]) == NULL)
      return kata_error__set (err, KATA_E_INVALID, "hostname",
                              "hostname: \"%s\" has a character that is none of A-Z a-z 0-9 - . _", hostname);
  return 0;
}

/* A volume replaces the mount at the same place. */
static void
set_mount (kata_oci_spec *spec, struct kata_oci_mount *mounts, size_t *n, const kata_volume *volume)
{
  static const char *const modes[][4] = { { "rbind", "rprivate", "rw", NULL }, { "rbind", "rprivate", "ro", NULL } };
  size_t i;
  for (i = 0; i < *n; i++)
    if (strcmp (mounts[i].destination, volume->destination) == 0)
      break;
  mounts[i] = (struct kata_oci_mount){
    .destination = kata_arena__strdup (spec->arena, volume->destination),
    .type = "bind",
    .source = kata_arena__strdup (spec->arena, volume->source),
    .options = (char **) modes[(volume->flags & KATA_VOLUME_READONLY) != 0],
  };
  *n = MAX (*n, i + 1);
}

static int
add_volumes (kata_oci_spec *spec, const kata_volume *const *volumes, kata_error **err)
{
  size_t n_volumes = 0;
  for (; volumes[n_volumes] != NULL; n_volumes++) {
    const kata_volume *volume = volumes[n_volumes];
    int rc = check_path ("volume source", volume->source, err);
    if (rc == 0)
      rc = check_path ("volume destination", volume->destination, err);
    if (rc == 0 && (volume->flags & ~(uint32_t) KATA_VOLUME_READONLY) != 0)
      rc = kata_error__set (err, KATA_E_INVALID, "volume flags", "volume flags: 0x%x has unknown bits", volume->flags);
    if (rc == 0 && n_volumes >= VOLUMES_MAX)
      rc = kata_error__set (err, KATA_E_LIMIT, "volumes", "volumes: more than %u", VOLUMES_MAX);
    if (rc < 0)
      return rc;
  }
  struct kata_oci_mount *mounts = kata_arena__new0 (spec->arena, struct kata_oci_mount, spec->n_mounts + n_volumes);
  size_t n = spec->n_mounts;
  for (size_t i = 0; i < n; i++)
    mounts[i] = spec->mounts[i];
  for (size_t i = 0; i < n_volumes; i++)
    set_mount (spec, mounts, &n, volumes[i]);
  spec->mounts = mounts;
  spec->n_mounts = n;
  return 0;
}

static int
set_limits (kata_oci_spec *spec, const kata_container_options *options, kata_error **err)
{
  kata_oci_resources *resources = &spec->linux_.resources;
  if (options->memory_bytes > INT64_MAX)
    return kata_error__set (err, KATA_E_INVALID, "memory_bytes", "memory_bytes: is more than there can be");
  if (options->cpu_milli > 0 && options->cpu_milli < CPU_MILLI_MIN)
    return kata_error__set (err, KATA_E_INVALID, "cpu_milli", "cpu_milli: %u is too little; %u is the least",
                            options->cpu_milli, CPU_MILLI_MIN);
  if (options->memory_bytes == 0 && options->cpu_milli == 0 && options->pids == 0)
    return 0;
  spec->linux_.have = resources->have = true;
  if (options->memory_bytes > 0) {
    resources->memory.have = true;
    resources->memory.limit = (struct kata_oci_i64){ .have = true, .value = (int64_t) options->memory_bytes };
    /* A swap limit below the new memory limit would be refused by the kernel. */
    resources->memory.swap = (struct kata_oci_i64){ .have = false };
  }
  if (options->cpu_milli > 0) {
    resources->cpu.have = true;
    resources->cpu.period = (struct kata_oci_u64){ .have = true, .value = CPU_PERIOD_US };
    resources->cpu.quota =
        (struct kata_oci_i64){ .have = true, .value = (int64_t) options->cpu_milli * CPU_PERIOD_US / 1000 };
  }
  if (options->pids > 0)
    resources->pids_limit = (struct kata_oci_i64){ .have = true, .value = options->pids };
  return 0;
}

static int
change_process (kata_oci_spec *spec, const kata_container_options *options, kata_error **err)
{
  const struct kata_oci_change change = { .args = options->args,
                                          .env = options->env,
                                          .cwd = options->cwd,
                                          .user = options->user,
                                          .terminal = (options->flags & KATA_CONTAINER_TERMINAL) != 0,
                                          .rows = options->rows,
                                          .columns = options->columns };
  if (!spec->have_process) {
    if (options->args == NULL)
      return kata_error__set (err, KATA_E_SPEC, "$.process",
                              "$.process: is missing; the library starts no container without a program");
    spec->have_process = true;
    spec->process.cwd = "/";
  }
  return kata_oci_process__change (&spec->process, spec->arena, &change, err);
}

int
kata_oci_spec__apply_options (kata_oci_spec *spec, const kata_container_options *options, kata_error **err)
{
  const uint32_t known = KATA_CONTAINER_TERMINAL | KATA_CONTAINER_READONLY;
  int rc = 0;
  if ((options->flags & ~known) != 0)
    return kata_error__set (err, KATA_E_INVALID, "flags", "flags: 0x%x has unknown bits", options->flags);
  if (options->rootfs != NULL) {
    rc = check_path ("rootfs", options->rootfs, err);
    spec->have_root = true;
    spec->root_path = kata_arena__strdup (spec->arena, options->rootfs);
  }
  if ((options->flags & KATA_CONTAINER_READONLY) != 0)
    spec->root_readonly = true;
  if (rc == 0)
    rc = change_process (spec, options, err);
  if (rc == 0 && options->hostname != NULL) {
    rc = check_hostname (options->hostname, err);
    spec->hostname = kata_arena__strdup (spec->arena, options->hostname);
  }
  if (rc == 0 && options->volumes != NULL)
    rc = add_volumes (spec, options->volumes, err);
  if (rc == 0)
    rc = set_limits (spec, options, err);
  return rc;
}
