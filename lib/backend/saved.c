/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* saved: one JSON object with a version, read strictly: a file can have been cut short or changed. */
#include "backend/saved.h"

#include <string.h>

#include "base/error.h"

#define SAVED_MAX 4096

JsonObject *
kata_saved__parse (const char *text)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  uint32_t version;
  if (strnlen (text, SAVED_MAX + 1) > SAVED_MAX || !json_parser_load_from_data (parser, text, -1, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return NULL;
  JsonObject *object = json_node_get_object (root);
  return kata_saved__number (object, "version", 1, &version) && version == 1 ? json_object_ref (object) : NULL;
}

bool
kata_saved__number (JsonObject *saved, const char *name, uint32_t max, uint32_t *out)
{
  JsonNode *node = json_object_get_member (saved, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return false;
  int64_t value = json_node_get_int (node);
  if (value < 0 || value > max)
    return false;
  *out = (uint32_t) value;
  return true;
}

int
kata_saved__corrupt (const char *id, kata_error **err)
{
  return kata_error__set (err, KATA_E_CORRUPT, NULL, "sandbox %s: what was saved of its virtual machine cannot be read",
                          id);
}
