/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* restored: the files of a snapshot are Firecracker's own, and name what it opens; it is asked what that was before the guest runs. */
#include "backend/fc/restored.h"

#include <string.h>

#include "backend/fc/request.h"
#include "base/error.h"
#include "base/json.h"

#define DRIVES "/drives/"

struct check {
  kata_arena *arena;
  GHashTable *known;  /* strings of the requests; those that name something of the host as "member=string" besides */
  GHashTable *drives; /* id → body */
  kata_error **err;
};

static int
refuse (struct check *c, const char *what)
{
  return kata_error__set (c->err, KATA_E_CORRUPT, "machine",
                          "the snapshot's machine would use \"%.200s\", which the sandbox does not name so", what);
}

/* Members that name something of the host, wherever they are. */
static bool
is_naming (const kata_json *value)
{
  static const char *const naming[] = { "path_on_host", "uds_path", "host_dev_name", "socket", NULL };
  return value->type == KATA_JSON_STRING && value->name != NULL && g_strv_contains (naming, value->name);
}

static char *
with_name (const struct check *c, const kata_json *value)
{
  return kata_arena__printf (c->arena, "%s=%s", value->name, value->text);
}

static void
learn (struct check *c, const kata_json *value)
{
  if (value->type == KATA_JSON_STRING)
    g_hash_table_add (c->known, (char *) value->text);
  if (is_naming (value))
    g_hash_table_add (c->known, with_name (c, value));
  for (const kata_json *at = value->first; at != NULL; at = at->next)
    learn (c, at);
}

static int
learn_requests (struct check *c, const GPtrArray *requests)
{
  for (guint i = 0; i < requests->len; i++) {
    const kata_fc_request *request = g_ptr_array_index (requests, i);
    const kata_json *body = NULL;
    int code = kata_json__parse (&body, c->arena, request->body, strlen (request->body), NULL, KATA_E_INTERNAL, c->err);
    if (code < 0)
      return code;
    learn (c, body);
    if (g_str_has_prefix (request->path, DRIVES))
      g_hash_table_insert (c->drives, request->path + strlen (DRIVES), (char *) body);
  }
  return 0;
}

static const char *
text_of (const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  return value != NULL && value->type == KATA_JSON_STRING ? value->text : "";
}

static bool
is_true (const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  return value != NULL && value->type == KATA_JSON_BOOL && value->truth;
}

static int
check_drives (struct check *c, const kata_json *config)
{
  const kata_json *drives = kata_json__get (config, "drives");
  if ((drives != NULL ? drives->n : 0) != g_hash_table_size (c->drives))
    return refuse (c, "another number of drives");
  for (const kata_json *drive = drives != NULL ? drives->first : NULL; drive != NULL; drive = drive->next) {
    const char *id = text_of (drive, "drive_id"), *path = text_of (drive, "path_on_host");
    const kata_json *planned = g_hash_table_lookup (c->drives, id);
    if (planned == NULL || strcmp (path, text_of (planned, "path_on_host")) != 0 ||
        is_true (drive, "is_read_only") != is_true (planned, "is_read_only"))
      return refuse (c, path);
    g_hash_table_remove (c->drives, id); /* each once */
  }
  return 0;
}

/* Of what else there is that takes a file of the host, persistent memory for one, the requests have none: a disk's file would come by it once more, to be written to. */
static bool
is_drive_path (const kata_json *value)
{
  const kata_json *drives = value->parent->parent;
  return drives != NULL && g_strcmp0 (drives->name, "drives") == 0 && drives->parent != NULL &&
         drives->parent->parent == NULL;
}

/* Names of the host's things are known as what they name, and whatever else looks like a path is known. */
static bool
is_known (struct check *c, const kata_json *value)
{
  if (!is_naming (value))
    return strchr (value->text, '/') == NULL || g_hash_table_contains (c->known, value->text);
  return g_hash_table_contains (c->known, with_name (c, value)) &&
         (strcmp (value->name, "path_on_host") != 0 || is_drive_path (value));
}

static int
check_names (struct check *c, const kata_json *value)
{
  if (value->type == KATA_JSON_STRING && !is_known (c, value))
    return refuse (c, value->text);
  int code = 0;
  for (const kata_json *at = value->first; code == 0 && at != NULL; at = at->next)
    code = check_names (c, at); /* the parser bounds the depth */
  return code;
}

int
kata_fc__check_restored (const char *config, const GPtrArray *requests, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) drives = g_hash_table_new (g_str_hash, g_str_equal);
  struct check c = { arena, known, drives, err };
  const kata_json *root = NULL;
  int code = kata_json__parse (&root, arena, config, strlen (config), NULL, KATA_E_PROTOCOL, err);
  if (code == 0 && root->type != KATA_JSON_OBJECT)
    code = kata_error__set (err, KATA_E_PROTOCOL, "/vm/config", "restore: Firecracker's configuration is no object");
  if (code == 0)
    code = learn_requests (&c, requests);
  if (code == 0)
    code = check_drives (&c, root);
  return code == 0 ? check_names (&c, root) : code;
}
