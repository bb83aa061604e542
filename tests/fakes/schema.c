/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schema: names, types, enumerations and required fields; what a document does not name is wrong. */
#include "schema.h"

static const struct schema_field *
find (const struct schema_field *schema, const char *object, const char *name)
{
  for (; schema->object != NULL; schema++)
    if (g_str_equal (schema->object, object) && g_str_equal (schema->name, name))
      return schema;
  return NULL;
}

static bool
holds (JsonNode *node, GType type)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

static bool
word_of (const char *words, const char *word)
{
  g_auto (GStrv) all = g_strsplit (words, " ", -1);
  return g_strv_contains ((const char *const *) all, word);
}

static char *check_value (const struct schema_field *schema, const struct schema_field *field, JsonNode *value);

static char *
check_elements (const struct schema_field *schema, const struct schema_field *field, JsonNode *value)
{
  struct schema_field element = *field;
  element.type = field->type == SCHEMA_INTEGERS  ? SCHEMA_INTEGER
                 : field->type == SCHEMA_STRINGS ? SCHEMA_STRING
                                                 : SCHEMA_OBJECT;
  if (!JSON_NODE_HOLDS_ARRAY (value))
    return g_strdup_printf ("%s.%s: an array is needed", field->object, field->name);
  JsonArray *array = json_node_get_array (value);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    char *why = check_value (schema, &element, json_array_get_element (array, i));
    if (why != NULL)
      return why;
  }
  return NULL;
}

static char *
check_value (const struct schema_field *schema, const struct schema_field *field, JsonNode *value)
{
  bool good = true;
  if (field->type >= SCHEMA_INTEGERS)
    return check_elements (schema, field, value);
  if (field->type == SCHEMA_INTEGER)
    good = holds (value, G_TYPE_INT64) && json_node_get_int (value) >= 0;
  if (field->type == SCHEMA_BOOLEAN)
    good = holds (value, G_TYPE_BOOLEAN);
  if (field->type == SCHEMA_STRING)
    good =
        holds (value, G_TYPE_STRING) && (field->words == NULL || word_of (field->words, json_node_get_string (value)));
  if (field->type == SCHEMA_OBJECT && field->of != NULL)
    return schema_complaint (schema, field->of, value);
  return good ? NULL : g_strdup_printf ("%s.%s: a wrong value", field->object, field->name);
}

char *
schema_complaint (const struct schema_field *schema, const char *object, JsonNode *json)
{
  if (json == NULL || !JSON_NODE_HOLDS_OBJECT (json))
    return g_strdup_printf ("%s: an object is needed", object);
  JsonObject *given = json_node_get_object (json);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;
  json_object_iter_init (&iter, given);
  while (json_object_iter_next (&iter, &name, &value)) {
    const struct schema_field *field = find (schema, object, name);
    char *why = field == NULL ? g_strdup_printf ("%s.%s: there is no such field", object, name)
                              : check_value (schema, field, value);
    if (why != NULL)
      return why;
  }
  for (const struct schema_field *field = schema; field->object != NULL; field++)
    if (field->required && g_str_equal (field->object, object) && !json_object_has_member (given, field->name))
      return g_strdup_printf ("%s.%s: is required", object, field->name);
  return NULL;
}
