/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read: what the files of lib/oci share to turn JSON into structs; not for other layers. */
#ifndef KATA_OCI_READ_H
#define KATA_OCI_READ_H

#include "base/json.h"
#include "oci/spec.h"

/* Over the entries of an array or object, which may be NULL. */
#define KATA_FOREACH(item, container)                                                                                  \
  for (const kata_json *item = (container) != NULL ? (container)->first : NULL; (item) != NULL; item = (item)->next)

struct kata_oci_bool kata_oci__get_bool (struct kata_json_reader *r, const kata_json *object, const char *name);
struct kata_oci_i64 kata_oci__get_i64 (struct kata_json_reader *r, const kata_json *object, const char *name);
struct kata_oci_u64
kata_oci__get_u64 (struct kata_json_reader *r, const kata_json *object, const char *name, uint64_t max);
/* An object whose members are strings. */
struct kata_oci_pair *
kata_oci__get_pairs (struct kata_json_reader *r, const kata_json *object, const char *name, size_t *n);
/* One of @names (NULL-terminated); absent gives NULL. */
const char *
kata_oci__get_word (struct kata_json_reader *r, const kata_json *object, const char *name, const char *const *words);
/* Starts with '/' and has no NUL (JSON has none). */
const char *kata_oci__get_absolute (struct kata_json_reader *r, const kata_json *object, const char *name);
struct kata_oci_id_mapping *
kata_oci__get_id_mappings (struct kata_json_reader *r, const kata_json *object, const char *name, size_t *n);

void kata_oci__read_process (struct kata_json_reader *r, const kata_json *value, kata_oci_process *out);
void kata_oci__read_resources (struct kata_json_reader *r, const kata_json *value, kata_oci_resources *out);
void kata_oci__read_block_io (struct kata_json_reader *r, const kata_json *value, struct kata_oci_block_io *out);
void kata_oci__read_linux (struct kata_json_reader *r, const kata_json *value, struct kata_oci_linux *out);
void kata_oci__read_seccomp (struct kata_json_reader *r, const kata_json *value, struct kata_oci_seccomp *out);
void kata_oci__read_hooks (struct kata_json_reader *r, const kata_json *value, struct kata_oci_hooks *out);

/* Parses @text within the limits of spec.h and starts @r on it. */
int kata_oci__read_text (struct kata_json_reader *r, const kata_json **root, kata_arena *arena, const char *text,
                         size_t len, kata_error **err);

/* An empty specification with one reference. */
kata_oci_spec *kata_oci_spec__new (void);

#endif
