/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-snapshot: config.json, state.json and memory-ranges, as the real one names them; state.json has the null guest's text. */
#include "clh-snapshot.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_SIZE (16 << 20)

static char *
directory (const char *url)
{
  bool file = g_str_has_prefix (url, "file:///");
  return file && g_file_test (url + strlen ("file://"), G_FILE_TEST_IS_DIR) ? g_strdup (url + strlen ("file://"))
                                                                            : NULL;
}

static bool
write_file (const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  /* It makes new files only. */
  return !g_file_test (path, G_FILE_TEST_EXISTS) && g_file_set_contents (path, text, -1, NULL);
}

/* To a guest's memory: more than a log may have. */
static bool
grow (const char *dir, const char *name)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  return truncate (path, MEMORY_SIZE) == 0;
}

/* Its domain lets it make files in its own directory, but not read them, and it opens what it writes for both. */
static bool
may_write (const char *dir, JsonNode *config)
{
  JsonObject *root = json_node_get_object (config);
  if (!json_object_get_boolean_member_with_default (root, "landlock_enable", FALSE))
    return true;
  JsonArray *rules =
      json_object_has_member (root, "landlock_rules") ? json_object_get_array_member (root, "landlock_rules") : NULL;
  for (guint i = 0; rules != NULL && i < json_array_get_length (rules); i++) {
    JsonObject *rule = json_array_get_object_element (rules, i);
    g_autofree char *above = g_strconcat (json_object_get_string_member (rule, "path"), "/", NULL);
    if (g_str_equal (json_object_get_string_member (rule, "access"), "rw") && g_str_has_prefix (dir, above))
      return true;
  }
  return false;
}

char *
clh_snapshot_save (const char *url, JsonNode *config, struct null_guest *guest)
{
  g_autofree char *dir = directory (url), *text = json_to_string (config, FALSE), *kept = kata_null_guest__keep (guest);
  if (dir == NULL)
    return g_strdup ("the destination is no directory");
  if (!may_write (dir, config))
    return g_strdup ("Error creating VM config snapshot file: Permission denied (os error 13)");
  if (!write_file (dir, "config.json", text) || !write_file (dir, "state.json", kept) ||
      !write_file (dir, "memory-ranges", "memory") || !grow (dir, "memory-ranges"))
    return g_strdup ("the destination cannot be written to");
  return NULL;
}

static char *
check_disks (JsonNode *config)
{
  JsonObject *root = json_node_get_object (config);
  JsonArray *disks = json_object_has_member (root, "disks") ? json_object_get_array_member (root, "disks") : NULL;
  for (guint i = 0; disks != NULL && i < json_array_get_length (disks); i++) {
    const char *path = json_object_get_string_member (json_array_get_object_element (disks, i), "path");
    if (access (path, R_OK) != 0)
      return g_strdup_printf ("disk %s cannot be opened", path);
  }
  return NULL;
}

char *
clh_snapshot_load (const char *url, JsonNode **config, char **guest)
{
  g_autofree char *dir = directory (url), *text = NULL;
  g_autofree char *path = dir != NULL ? g_build_filename (dir, "config.json", NULL) : NULL;
  g_autofree char *kept = dir != NULL ? g_build_filename (dir, "state.json", NULL) : NULL;
  g_autofree char *memory = dir != NULL ? g_build_filename (dir, "memory-ranges", NULL) : NULL;
  if (dir == NULL || !g_file_get_contents (path, &text, NULL, NULL) || !g_file_get_contents (kept, guest, NULL, NULL) ||
      access (memory, R_OK) != 0)
    return g_strdup ("the source has no snapshot");
  *config = json_from_string (text, NULL);
  return *config != NULL && JSON_NODE_HOLDS_OBJECT (*config) ? check_disks (*config)
                                                             : g_strdup ("config.json is broken");
}
