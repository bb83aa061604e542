/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec: reads runtime-spec config.md, and the life of the result. */
#include "oci/spec.h"

#include <string.h>

#include "oci/read.h"

kata_oci_spec *
kata_oci_spec__new (void)
{
  kata_arena *arena = kata_arena__new ();
  kata_oci_spec *spec = kata_arena__new0 (arena, kata_oci_spec, 1);
  spec->arena = arena;
  spec->ref_count = 1;
  return spec;
}

kata_oci_spec *
kata_oci_spec__ref (kata_oci_spec *spec)
{
  g_atomic_int_inc (&spec->ref_count);
  return spec;
}

void
kata_oci_spec__unref (kata_oci_spec *spec)
{
  if (spec == NULL || !g_atomic_int_dec_and_test (&spec->ref_count))
    return;
  kata_oci_spec *base = spec->base;
  kata_arena__free (spec->arena); /* the struct itself is in it */
  kata_oci_spec__unref (base);
}

kata_oci_spec *
kata_oci_spec__derive (kata_oci_spec *spec)
{
  kata_oci_spec *copy = kata_oci_spec__new ();
  kata_arena *arena = copy->arena;
  *copy = *spec;
  copy->arena = arena;
  copy->ref_count = 1;
  copy->base = kata_oci_spec__ref (spec);
  return copy;
}

const char *
kata_oci_spec__annotation (const kata_oci_spec *spec, const char *name)
{
  for (size_t i = 0; i < spec->n_annotations; i++)
    if (strcmp (spec->annotations[i].name, name) == 0)
      return spec->annotations[i].value;
  return NULL;
}

static void
read_mounts (struct kata_json_reader *r, const kata_json *array, kata_oci_spec *out)
{
  if (array == NULL)
    return;
  out->mounts = kata_arena__new0 (r->arena, struct kata_oci_mount, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_mount *mount = &out->mounts[out->n_mounts++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    mount->destination = kata_json__get_string_required (r, item, "destination");
    mount->type = kata_json__get_string (r, item, "type");
    mount->source = kata_json__get_string (r, item, "source");
    mount->options = kata_json__get_strv (r, item, "options");
    mount->uid_mappings = kata_oci__get_id_mappings (r, item, "uidMappings", &mount->n_uid_mappings);
    mount->gid_mappings = kata_oci__get_id_mappings (r, item, "gidMappings", &mount->n_gid_mappings);
    if (mount->destination != NULL && mount->destination[0] == '\0')
      kata_json__fail (r, kata_json__get (item, "destination"), "is empty");
  }
}

static void
read_root (struct kata_json_reader *r, const kata_json *root, kata_oci_spec *out)
{
  if (root == NULL)
    return;
  out->have_root = true;
  out->root_path = kata_json__get_string_required (r, root, "path");
  out->root_readonly = kata_json__get_bool (r, root, "readonly");
  if (out->root_path != NULL && out->root_path[0] == '\0')
    kata_json__fail (r, kata_json__get (root, "path"), "is empty");
}

/* 1.x.y: the specification promises that later 1.x only add. */
static void
read_version (struct kata_json_reader *r, const kata_json *root, kata_oci_spec *out)
{
  out->oci_version = kata_json__get_string_required (r, root, "ociVersion");
  if (out->oci_version == NULL)
    return;
  const char *v = out->oci_version;
  if (v[0] != '1' || v[1] != '.' || !g_ascii_isdigit (v[2]))
    kata_json__fail (r, kata_json__get (root, "ociVersion"), "is \"%.32s\"; 1.x.y is supported", v);
}

static void
read_spec (struct kata_json_reader *r, const kata_json *root, kata_oci_spec *out)
{
  static const char *const known[] = { "ociVersion",  "process", "root",    "hostname", "domainname", "mounts", "hooks",
                                       "annotations", "linux",   "windows", "solaris",  "vm",         "zos",    NULL };
  kata_json__warn_unknown (r, root, known);
  read_version (r, root, out);
  const kata_json *process = kata_json__get_object (r, root, "process");
  out->have_process = process != NULL;
  if (process != NULL)
    kata_oci__read_process (r, process, &out->process);
  read_root (r, kata_json__get_object (r, root, "root"), out);
  out->hostname = kata_json__get_string (r, root, "hostname");
  out->domainname = kata_json__get_string (r, root, "domainname");
  read_mounts (r, kata_json__get_array (r, root, "mounts"), out);
  kata_oci__read_hooks (r, kata_json__get_object (r, root, "hooks"), &out->hooks);
  out->annotations = kata_oci__get_pairs (r, root, "annotations", &out->n_annotations);
  kata_oci__read_linux (r, kata_json__get_object (r, root, "linux"), &out->linux_);
  out->has_windows = kata_json__get (root, "windows") != NULL;
  out->has_solaris = kata_json__get (root, "solaris") != NULL;
  out->has_vm = kata_json__get (root, "vm") != NULL;
  out->has_zos = kata_json__get (root, "zos") != NULL;
}

int
kata_oci_spec__parse (kata_oci_spec **out, const char *text, size_t len, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = kata_oci_spec__new ();
  g_autoptr (GPtrArray) warnings = g_ptr_array_new ();
  struct kata_json_reader reader;
  const kata_json *root = NULL;

  int rc = kata_oci__read_text (&reader, &root, spec->arena, text, len, err);
  if (rc < 0)
    return rc;
  reader.warnings = warnings;
  read_spec (&reader, root, spec);
  if (reader.result < 0)
    return reader.result;
  if (warnings->len > 0)
    spec->warnings = kata_arena__new0 (spec->arena, char *, warnings->len + 1);
  for (guint i = 0; i < warnings->len; i++)
    spec->warnings[i] = g_ptr_array_index (warnings, i);
  *out = g_steal_pointer (&spec);
  return 0;
}
