/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* members: JSON text to values; what is missing or of another type is NULL, or the fallback. */
#include "members.h"

JsonObject *
members_parse (const char *json, JsonParser **parser)
{
  *parser = json_parser_new ();
  if (!json || !json_parser_load_from_data (*parser, json, -1, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root (*parser);
  return root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
}

static JsonNode *
member_value (JsonObject *object, const char *name, GType type)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type ? node : NULL;
}

const char *
members_string (JsonObject *object, const char *name)
{
  JsonNode *node = member_value (object, name, G_TYPE_STRING);
  return node ? json_node_get_string (node) : NULL;
}

int64_t
members_int (JsonObject *object, const char *name, int64_t fallback)
{
  JsonNode *node = member_value (object, name, G_TYPE_INT64);
  return node ? json_node_get_int (node) : fallback;
}

int
members_bool (JsonObject *object, const char *name)
{
  JsonNode *node = member_value (object, name, G_TYPE_BOOLEAN);
  return node ? json_node_get_boolean (node) : 0;
}

JsonArray *
members_array (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}
