/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: where on the host the VMM and its helpers are accounted, from what an engine says (linux.cgroupsPath); makes nothing. */
#include <string.h>

#include "plan/build.h"

#define LEVELS_MAX 32u
#define NAME_MAX_  200u
/* As Kata names it: an engine's own directory of that name may hold what it looks for, and is its to remove. */
#define PREFIX        "kata_"
#define DEFAULT_SLICE "system.slice"

static int
refuse (const char *text, const char *why, kata_error **err)
{
  return kata_error__set (err, KATA_E_INVALID, "cgroup",
                          "cgroup: \"%.200s\" %s; a path such as /pods/a, or slice:prefix:name, is wanted", text, why);
}

static bool
name_is_fine (const char *name)
{
  size_t len = strlen (name);
  return len > 0 && len <= NAME_MAX_ && strcmp (name, ".") != 0 && strcmp (name, "..") != 0 &&
         kata_plan__is_printable (name) && g_utf8_validate (name, -1, NULL);
}

/* "/a//b/c/" to "/a/b/kata_c". */
static int
from_path (GString *out, const char *path, const char *text, kata_error **err)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  size_t n = 0, last = 0;
  for (size_t i = 0; names[i] != NULL; i++) {
    if (names[i][0] == '\0')
      continue;
    if (!name_is_fine (names[i]))
      return refuse (text, "has a name that no cgroup has", err);
    if (++n > LEVELS_MAX)
      return refuse (text, "is too deep", err);
    last = i;
  }
  if (n == 0)
    return refuse (text, "is the root", err);
  for (size_t i = 0; names[i] != NULL; i++)
    if (names[i][0] != '\0')
      g_string_append_printf (out, "/%s%s", i == last ? PREFIX : "", names[i]);
  return 0;
}

/* systemd.slice(5): "a-b.slice" lies in "a.slice"; "-.slice" is the root. */
static int
append_slice (GString *out, const char *slice, const char *text, kata_error **err)
{
  size_t len = strlen (slice);
  if (strcmp (slice, "-.slice") == 0)
    return 0;
  if (len <= 6 || !g_str_has_suffix (slice, ".slice") || slice[0] == '-' || slice[len - 7] == '-' ||
      strstr (slice, "--") != NULL || !name_is_fine (slice) || strchr (slice, '/') != NULL)
    return refuse (text, "has no slice at its beginning", err);
  for (size_t i = 0, levels = 0; i <= len - 6; i++)
    if (slice[i] == '-' || i == len - 6) {
      if (++levels > LEVELS_MAX)
        return refuse (text, "is too deep", err);
      g_string_append_c (out, '/');
      g_string_append_len (out, slice, (gssize) i);
      g_string_append (out, ".slice");
    }
  return 0;
}

static int
from_unit (GString *out, const char *text, kata_error **err)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  if (g_strv_length (parts) != 3 || strchr (text, '/') != NULL)
    return refuse (text, "has other than two colons", err);
  int rc = append_slice (out, parts[0][0] != '\0' ? parts[0] : DEFAULT_SLICE, text, err);
  if (rc < 0)
    return rc;
  g_autofree char *name = g_strdup_printf ("%s%s%s", parts[1], parts[1][0] != '\0' ? "-" : "", parts[2]);
  if (parts[2][0] == '\0' || !name_is_fine (name))
    return refuse (text, "has no name at its end", err);
  g_string_append_printf (out, "/" PREFIX "%s.scope", name);
  return 0;
}

int
kata_plan__cgroup (struct kata_plan_build *b, kata_error **err)
{
  const kata_sandbox_options *options = b->in->options;
  const char *text = options->cgroup != NULL ? options->cgroup : "";
  g_autoptr (GString) path = g_string_new (NULL);
  b->plan->cgroup = "";
  if (text[0] == '\0')
    return 0;
  if (strnlen (text, KATA_PATH_MAX) >= KATA_PATH_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "cgroup", "cgroup: is longer than %u bytes", KATA_PATH_MAX - 1);
  int rc = strchr (text, ':') != NULL && strchr (text, '/') == NULL ? from_unit (path, text, err)
                                                                    : from_path (path, text, text, err);
  if (rc < 0)
    return rc;
  b->plan->cgroup = kata_arena__strdup (b->arena, path->str);
  b->plan->cgroup_caller = b->runtime->sandbox_cgroup_only;
  /* The machine's own work comes on top: what runs in it has its limit in the guest. Memory is bounded by the machine's size. */
  b->plan->cgroup_overhead_milli = (uint32_t) (b->hv->overhead_vcpus * 1000 + 0.5);
  uint64_t milli = (uint64_t) options->limit_cpu_milli + b->plan->cgroup_overhead_milli;
  if (options->limit_cpu_milli > 0)
    b->plan->cgroup_cpu_milli = (uint32_t) MIN (milli, UINT32_MAX);
  if (b->plan->vm.isolation == KATA_ISOLATION_THREAD && strcmp (b->in->hypervisor, "builtin") == 0 &&
      !b->plan->cgroup_caller)
    kata_plan__warn (b, "cgroup: the machine runs in the caller's process, which stays where it is; set "
                        "runtime.sandbox_cgroup_only to move it");
  return 0;
}
