/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schema: what a published API document says of its objects, and whether a request keeps to it. */
#ifndef KATA_TESTS_FAKES_SCHEMA_H
#define KATA_TESTS_FAKES_SCHEMA_H

#include <stdbool.h>

#include <json-glib/json-glib.h>

enum schema_type {
  SCHEMA_ANY = 0,
  SCHEMA_INTEGER,
  SCHEMA_BOOLEAN,
  SCHEMA_STRING,
  SCHEMA_OBJECT,
  SCHEMA_INTEGERS,
  SCHEMA_STRINGS,
  SCHEMA_OBJECTS
};

/** One field of one object. */
struct schema_field {
  const char *object, *name;
  enum schema_type type;
  bool required;
  const char *of;    /* OBJECT, OBJECTS: which; NULL = any */
  const char *words; /* STRING: those allowed, with blanks between them; NULL = any */
};

/** From Cloud Hypervisor's document; ends with a field of no object. */
extern const struct schema_field clh_schema[];
/** From Firecracker's. */
extern const struct schema_field fc_schema[];

/** NULL, or what is wrong with @json as an @object; g_free(). */
char *schema_complaint (const struct schema_field *schema, const char *object, JsonNode *json);

#endif
