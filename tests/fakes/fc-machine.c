/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fc-machine: the state file has the machine and the null guest's text as JSON; the real one's is binary. */
#include "fc-machine.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_SIZE (16 << 20)

JsonObject *
fc_machine_new (void)
{
  JsonObject *machine = json_object_new ();
  json_object_set_array_member (machine, "drives", json_array_new ());
  return machine;
}

char *
fc_machine_place (const char *path, bool jailed)
{
  return jailed && path[0] == '/' ? g_strconcat (".", path, NULL) : g_strdup (path);
}

/* As the drive would be opened. */
static char *
open_drive (JsonObject *drive, bool jailed)
{
  const char *given = json_object_get_string_member_with_default (drive, "path_on_host", "");
  bool readonly = json_object_get_boolean_member_with_default (drive, "is_read_only", FALSE);
  g_autofree char *path = fc_machine_place (given, jailed);
  if (access (path, readonly ? R_OK : R_OK | W_OK) == 0)
    return NULL;
  return g_strdup_printf ("path_on_host: %s: %s", given, g_strerror (errno));
}

static JsonObject *
find (JsonObject *machine, const char *id)
{
  JsonArray *drives = json_object_get_array_member (machine, "drives");
  for (guint i = 0; i < json_array_get_length (drives); i++) {
    JsonObject *drive = json_array_get_object_element (drives, i);
    if (g_str_equal (json_object_get_string_member (drive, "drive_id"), id))
      return drive;
  }
  return NULL;
}

char *
fc_machine_add_drive (JsonObject *machine, JsonObject *drive, bool jailed)
{
  const char *id = json_object_get_string_member (drive, "drive_id");
  char *why = open_drive (drive, jailed);
  if (why == NULL && find (machine, id) != NULL)
    return g_strdup_printf ("there is a drive %s already", id);
  if (why == NULL)
    json_array_add_object_element (json_object_get_array_member (machine, "drives"), json_object_ref (drive));
  return why;
}

char *
fc_machine_patch_drive (JsonObject *machine, JsonObject *change, bool jailed)
{
  JsonObject *drive = find (machine, json_object_get_string_member (change, "drive_id"));
  const char *path = json_object_get_string_member_with_default (change, "path_on_host", NULL);
  if (drive == NULL || path == NULL)
    return g_strdup ("Unable to patch the block device: no such drive, or nothing to change");
  g_autofree char *before = g_strdup (json_object_get_string_member (drive, "path_on_host"));
  json_object_set_string_member (drive, "path_on_host", path);
  char *why = open_drive (drive, jailed); /* read-only or not is as it was */
  if (why != NULL)
    json_object_set_string_member (drive, "path_on_host", before);
  return why;
}

char *
fc_machine_text (JsonObject *machine)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), machine);
  return json_to_string (node, FALSE);
}

static char *
path_of (JsonObject *params, const char *name, bool jailed)
{
  return fc_machine_place (json_object_get_string_member_with_default (params, name, ""), jailed);
}

char *
fc_machine_save (JsonObject *machine, JsonObject *params, const char *guest, bool jailed)
{
  g_autofree char *state = path_of (params, "snapshot_path", jailed),
                  *memory = path_of (params, "mem_file_path", jailed);
  g_autoptr (JsonNode) copy = json_node_init_object (json_node_alloc (), machine);
  json_object_set_string_member (machine, "guest", guest);
  g_autofree char *text = json_to_string (copy, FALSE);
  json_object_remove_member (machine, "guest");
  if (access (state, W_OK) != 0 || access (memory, W_OK) != 0)
    return g_strdup_printf ("Cannot perform open on the snapshot backing file: %s", g_strerror (errno));
  /* In place, as it does: the files may be bound into a jail. To a guest's memory: more than a log may have. */
  if (!g_file_set_contents_full (state, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL) ||
      !g_file_set_contents_full (memory, "memory", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL) ||
      truncate (memory, MEMORY_SIZE) != 0)
    return g_strdup ("Cannot perform write on the snapshot backing file");
  return NULL;
}

static char *
memory_path (JsonObject *params, bool jailed)
{
  JsonObject *backend =
      json_object_has_member (params, "mem_backend") ? json_object_get_object_member (params, "mem_backend") : NULL;
  if (backend == NULL || !g_str_equal (json_object_get_string_member (backend, "backend_type"), "File"))
    return NULL;
  return path_of (backend, "backend_path", jailed);
}

static char *
open_drives (JsonObject *machine, bool jailed)
{
  JsonArray *drives = json_object_get_array_member (machine, "drives");
  char *why = NULL;
  for (guint i = 0; why == NULL && i < json_array_get_length (drives); i++)
    why = open_drive (json_array_get_object_element (drives, i), jailed);
  return why;
}

char *
fc_machine_load (JsonObject **machine, char **guest, JsonObject *params, bool jailed)
{
  g_autofree char *state = path_of (params, "snapshot_path", jailed), *memory = memory_path (params, jailed),
                  *text = NULL;
  if (memory == NULL || access (memory, R_OK) != 0 || !g_file_get_contents (state, &text, NULL, NULL))
    return g_strdup ("Load snapshot error: Failed to get snapshot state from file");
  g_autoptr (JsonNode) root = json_from_string (text, NULL);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root) || !json_object_has_member (json_node_get_object (root), "guest"))
    return g_strdup ("Load snapshot error: CRC64 validation failed");
  JsonObject *read = json_node_get_object (root);
  *guest = g_strdup (json_object_get_string_member (read, "guest"));
  json_object_remove_member (read, "guest");
  char *why = open_drives (read, jailed);
  if (why == NULL)
    *machine = json_object_ref (read);
  return why;
}
