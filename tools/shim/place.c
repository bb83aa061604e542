/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place: reads the file; what it says is the library's to tell. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-glib/json-glib.h>

#include "hooks/hooks.h"
#include "options.h"

#define SETTINGS   "io.katacontainers.config."
#define CONFIG_MAX (16u << 20)

/* The bundle is containerd's; the file must be a plain file of bounded size. */
static char *
read_config (const char *bundle, char **error)
{
  g_autofree char *path = g_build_filename (bundle, "config.json", NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_size > CONFIG_MAX) {
    *error = g_strdup_printf ("bundle: \"%s\": %s", path,
                              fd < 0 ? g_strerror (errno) : "no plain file, or larger than 16 MiB");
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  g_autofree char *text = g_malloc ((gsize) st.st_size + 1);
  gsize at = 0;
  ssize_t n = 0;
  while (at < (gsize) st.st_size && (n = read (fd, text + at, (gsize) st.st_size - at)) > 0)
    at += (gsize) n;
  close (fd);
  text[at] = 0;
  return g_steal_pointer (&text);
}

/* The text was checked by the library, its depth as well. */
static char **
settings_of (const char *text)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  GPtrArray *pairs = g_ptr_array_new ();
  JsonNode *node = NULL;
  if (json_parser_load_from_data (parser, text, -1, NULL) && JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    node = json_object_get_member (json_node_get_object (json_parser_get_root (parser)), "annotations");
  JsonObject *annotations = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_autoptr (GList) names = annotations ? json_object_get_members (annotations) : NULL;
  for (GList *l = names; l; l = l->next) {
    JsonNode *value = json_object_get_member (annotations, l->data);
    if (!g_str_has_prefix (l->data, SETTINGS) || json_node_get_value_type (value) != G_TYPE_STRING)
      continue;
    g_ptr_array_add (pairs, g_strdup (l->data));
    g_ptr_array_add (pairs, g_strdup (json_node_get_string (value)));
  }
  g_ptr_array_add (pairs, NULL);
  return (char **) g_ptr_array_free (pairs, FALSE);
}

gboolean
place_read (place *out, const char *bundle, const char *id, char **error)
{
  g_autofree kata_placement *placement = g_new0 (kata_placement, 1);
  g_autofree char *text = read_config (bundle, error);
  kata_error *err = NULL;
  placement->size = sizeof *placement;
  if (!text)
    return FALSE;
  if (kata_placement_read (placement, text, id, &err) < 0) {
    *error = g_strdup_printf ("bundle: config.json: %s", kata_error_get_message (err));
    kata_error_unref (err);
    return FALSE;
  }
  if (!options_is_identifier (placement->sandbox_id)) {
    *error =
        g_strdup_printf ("bundle: config.json: the sandbox's id \"%.80s\" is no identifier", placement->sandbox_id);
    return FALSE;
  }
  out->owner = placement->role != KATA_PLACEMENT_CONTAINER;
  out->group = g_strdup (placement->sandbox_id);
  out->annotations = settings_of (text);
  out->config = hooks_any (text) ? g_steal_pointer (&text) : NULL;
  out->placement = g_steal_pointer (&placement);
  return TRUE;
}

void
place_clear (place *place)
{
  g_clear_pointer (&place->group, g_free);
  g_clear_pointer (&place->config, g_free);
  g_clear_pointer (&place->placement, g_free);
  g_clear_pointer (&place->annotations, g_strfreev);
}
