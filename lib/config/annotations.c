/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* annotations: default deny, exact names, checked values, globs for paths; nothing here reads a file. */
#include "config/annotations.h"

#include <fnmatch.h>
#include <string.h>

#include "config/store.h"

#define CONFIG_PREFIX "io.katacontainers.config."

struct target {
  enum kata_key_section section;
  const char *name;   /* the key, without the section */
  const char *listed; /* as enable_annotations must name it */
  void *base;
};

static gboolean
find_target (struct target *t, kata_config *config, struct kata_hypervisor_config *h, const char *rest)
{
  if (g_str_has_prefix (rest, "hypervisor."))
    *t = (struct target){ KATA_KEY_HYPERVISOR, rest + 11, rest + 11, h };
  else if (g_str_has_prefix (rest, "runtime."))
    *t = (struct target){ KATA_KEY_RUNTIME, rest + 8, rest, &config->runtime };
  else if (g_str_has_prefix (rest, "agent."))
    *t = (struct target){ KATA_KEY_AGENT, rest + 6, rest, &config->agent };
  else
    return FALSE;
  return TRUE;
}

static int
unknown (const char *annotation, const struct target *t, kata_error **err)
{
  const char *near = t != NULL ? kata_store__nearest (t->section, t->name) : NULL;
  return kata_error__set (err, KATA_E_INVALID, annotation, "annotation %s: unknown%s%s; see docs/configuration.md",
                          annotation, near != NULL ? "; the nearest known key is " : "", near != NULL ? near : "");
}

/* A path from a pod becomes a program or file that the host opens: only what the administrator's globs name. */
static int
check_path (const struct target *t, const struct kata_key *key, const struct kata_hypervisor_config *allowed,
            const char *annotation, const char *value, kata_error **err)
{
  if ((key->flags & KATA_KEY_PATH) == 0)
    return 0;
  char *const *globs = key->valid != 0 ? *(char **const *) (const void *) ((const char *) allowed + key->valid) : NULL;
  for (; globs != NULL && *globs != NULL; globs++) /* ".." and relative paths have been refused as values */
    if (fnmatch (*globs, value, FNM_PATHNAME | FNM_PERIOD) == 0)
      return 0;
  return kata_error__set (err, KATA_E_PERMISSION, annotation,
                          "annotation %s: \"%.200s\" matches none of the paths that the configuration allows",
                          annotation, value);
}

static void
warn_unused (const struct target *t, const struct kata_key *key, const char *hypervisor, const char *annotation,
             GPtrArray *warnings)
{
  if (warnings == NULL)
    return;
  if (key->offset == KATA_KEY_UNUSED)
    g_ptr_array_add (
        warnings, g_strdup_printf ("annotation %s: Kata knows this key; libkata does not act on it yet", annotation));
  else if (t->section == KATA_KEY_HYPERVISOR && !kata_keys__acts (hypervisor, key))
    g_ptr_array_add (warnings,
                     g_strdup_printf ("annotation %s: hypervisor %s passes this key over", annotation, hypervisor));
}

static int
apply (kata_config *config, struct kata_hypervisor_config *h, const struct kata_hypervisor_config *allowed,
       const char *annotation, const char *value, GPtrArray *warnings, kata_error **err)
{
  struct target t;
  if (!find_target (&t, config, h, annotation + strlen (CONFIG_PREFIX)))
    return unknown (annotation, NULL, err);
  if (g_str_has_suffix (t.name, "_hash"))
    return kata_error__set (err, KATA_E_UNSUPPORTED, annotation,
                            "annotation %s: libkata does not check hashes of assets; remove it", annotation);
  const struct kata_key *key = kata_store__find (t.section, t.name);
  if (key == NULL)
    return unknown (annotation, &t, err);
  if ((key->flags & KATA_KEY_ANNOTATION) == 0)
    return kata_error__set (err, KATA_E_PERMISSION, annotation, "annotation %s: this key is never set by annotation",
                            annotation);
  if (!g_strv_contains ((const char *const *) allowed->enable_annotations, t.listed))
    return kata_error__set (
        err, KATA_E_PERMISSION, annotation,
        "annotation %s: not allowed; add \"%s\" to enable_annotations in [hypervisor.%s] to allow it", annotation,
        t.listed, h->name);
  int r = kata_store__set_text (t.base, key, annotation, value, err);
  if (r == 0)
    r = check_path (&t, key, allowed, annotation, value, err);
  if (r == 0)
    warn_unused (&t, key, h->name, annotation, warnings);
  return r;
}

int
kata_config__apply_annotations (kata_config **out, kata_config *base, const char *hypervisor, const char *const *pairs,
                                GPtrArray *warnings, kata_error **err)
{
  g_autoptr (kata_config) config = kata_config__copy (base);
  const struct kata_hypervisor_config *allowed = kata_config__hypervisor (base, hypervisor);
  struct kata_hypervisor_config *h = kata_config__add_hypervisor (config, kata_config__canonical_name (hypervisor));
  guint n = 0;
  for (; pairs != NULL && pairs[0] != NULL; pairs += 2) {
    if (pairs[1] == NULL)
      return kata_error__set (err, KATA_E_INVALID, pairs[0], "annotation %s: has no value", pairs[0]);
    if (!g_str_has_prefix (pairs[0], CONFIG_PREFIX))
      continue;
    if (++n > KATA_ANNOTATIONS_MAX || strlen (pairs[0]) > 256 || strlen (pairs[1]) > KATA_ANNOTATION_VALUE_MAX)
      return kata_error__set (err, KATA_E_LIMIT, "annotations",
                              "annotations: at most %d with values of %d bytes are taken", KATA_ANNOTATIONS_MAX,
                              KATA_ANNOTATION_VALUE_MAX);
    int r = apply (config, h, allowed, pairs[0], pairs[1], warnings, err);
    if (r != 0)
      return r;
  }
  int r = kata_config__check (config, err);
  if (r == 0)
    *out = g_steal_pointer (&config);
  return r;
}
