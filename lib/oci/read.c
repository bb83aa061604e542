/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read: values that may be absent, words of a fixed set, maps of strings. */
#include "oci/read.h"

struct kata_oci_bool
kata_oci__get_bool (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  bool value = kata_json__get_bool (r, object, name);
  return (struct kata_oci_bool){ .have = kata_json__get (object, name) != NULL, .value = value };
}

struct kata_oci_i64
kata_oci__get_i64 (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  int64_t value = kata_json__get_i64 (r, object, name);
  return (struct kata_oci_i64){ .have = kata_json__get (object, name) != NULL, .value = value };
}

struct kata_oci_u64
kata_oci__get_u64 (struct kata_json_reader *r, const kata_json *object, const char *name, uint64_t max)
{
  const kata_json *member = kata_json__get (object, name);
  return (struct kata_oci_u64){ .have = member != NULL, .value = kata_json__u64 (r, member, max) };
}

struct kata_oci_pair *
kata_oci__get_pairs (struct kata_json_reader *r, const kata_json *object, const char *name, size_t *n)
{
  const kata_json *map = kata_json__get_object (r, object, name);
  struct kata_oci_pair *pairs = map != NULL ? kata_arena__new0 (r->arena, struct kata_oci_pair, map->n) : NULL;
  size_t i = 0;

  KATA_FOREACH (member, map) {
    pairs[i].name = member->name;
    pairs[i].value = kata_json__string (r, member);
    i++;
  }
  *n = i;
  return pairs;
}

const char *
kata_oci__get_word (struct kata_json_reader *r, const kata_json *object, const char *name, const char *const *words)
{
  const char *word = kata_json__get_string (r, object, name);
  if (word != NULL && !g_strv_contains (words, word)) {
    g_autofree char *list = g_strjoinv (", ", (char **) words);
    kata_json__fail (r, kata_json__get (object, name), "is \"%.64s\"; one of these is expected: %s", word, list);
    return NULL;
  }
  return word;
}

const char *
kata_oci__get_absolute (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  const char *path = kata_json__get_string (r, object, name);
  if (path != NULL && path[0] != '/') {
    kata_json__fail (r, kata_json__get (object, name), "is \"%.64s\"; an absolute path is expected", path);
    return NULL;
  }
  return path;
}

struct kata_oci_id_mapping *
kata_oci__get_id_mappings (struct kata_json_reader *r, const kata_json *object, const char *name, size_t *n)
{
  const kata_json *array = kata_json__get_array (r, object, name);
  struct kata_oci_id_mapping *mappings =
      array != NULL ? kata_arena__new0 (r->arena, struct kata_oci_id_mapping, array->n) : NULL;
  size_t i = 0;

  KATA_FOREACH (item, array) {
    struct kata_oci_id_mapping *mapping = &mappings[i++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      break;
    mapping->container_id = kata_json__get_u32 (r, item, "containerID");
    mapping->host_id = kata_json__get_u32 (r, item, "hostID");
    mapping->size = kata_json__get_u32 (r, item, "size");
  }
  *n = i;
  return mappings;
}

int
kata_oci__read_text (struct kata_json_reader *r, const kata_json **root, kata_arena *arena, const char *text,
                     size_t len, kata_error **err)
{
  const struct kata_json_limits limits = { .bytes = KATA_OCI_BYTES_MAX,
                                           .depth = KATA_OCI_DEPTH_MAX,
                                           .values = KATA_OCI_VALUES_MAX };
  int rc = kata_json__parse (root, arena, text, len, &limits, KATA_E_SPEC, err);
  if (rc < 0)
    return rc;
  *r = (struct kata_json_reader){
    .arena = arena, .code = KATA_E_SPEC, .err = err, .strings_max = KATA_OCI_STRING_MAX, .items_max = KATA_OCI_ITEMS_MAX
  };
  kata_json__is (r, *root, KATA_JSON_OBJECT);
  return r->result;
}
