/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: changes a process object member by member; the library checks the result. */
#include "verbs/process.h"

#include <stdio.h>

#include "members.h"
#include "output.h"

/* The member's array, made if it is missing or no array. */
static JsonArray *
array_of (JsonObject *object, const char *name)
{
  JsonArray *array = members_array (object, name);
  if (array)
    return array;
  array = json_array_new ();
  json_object_set_array_member (object, name, array);
  return array;
}

static JsonObject *
object_of (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    return json_node_get_object (node);
  JsonObject *made = json_object_new ();
  json_object_set_object_member (object, name, made);
  return made;
}

static int
set_user (JsonObject *process, const char *user, char **why)
{
  unsigned uid, gid = 0;
  char rest;
  int n = sscanf (user, "%u:%u%c", &uid, &gid, &rest);
  if (n != 2 && sscanf (user, "%u%c", &uid, &rest) != 1) {
    *why = g_strdup_printf ("--user \"%.64s\" is not UID[:GID], in numbers", user);
    return -1;
  }
  JsonObject *object = object_of (process, "user");
  json_object_set_int_member (object, "uid", uid);
  if (n == 2)
    json_object_set_int_member (object, "gid", gid);
  return 0;
}

static int
add_groups (JsonObject *process, GPtrArray *groups, char **why)
{
  JsonArray *array = array_of (object_of (process, "user"), "additionalGids");
  for (guint i = 0; i < groups->len; i++) {
    guint64 gid;
    if (!g_ascii_string_to_unsigned (groups->pdata[i], 10, 0, G_MAXUINT32, &gid, NULL)) {
      *why = g_strdup_printf ("--additional-gids \"%.64s\" is not a number", (char *) groups->pdata[i]);
      return -1;
    }
    json_array_add_int_element (array, (gint64) gid);
  }
  return 0;
}

static void
add_capabilities (JsonObject *process, GPtrArray *names)
{
  static const char *const sets[] = { "bounding", "effective", "permitted" };
  JsonObject *object = object_of (process, "capabilities");
  for (size_t i = 0; i < G_N_ELEMENTS (sets); i++)
    for (guint j = 0; j < names->len; j++)
      json_array_add_string_element (array_of (object, sets[i]), names->pdata[j]);
}

static int
apply (JsonObject *process, const process_change *change, char **why)
{
  JsonArray *args = json_array_new ();
  for (char **word = change->args; *word; word++)
    json_array_add_string_element (args, *word);
  json_object_set_array_member (process, "args", args);
  json_object_set_boolean_member (process, "terminal", change->terminal);
  for (guint i = 0; change->env && i < change->env->len; i++)
    json_array_add_string_element (array_of (process, "env"), change->env->pdata[i]);
  if (change->cwd)
    json_object_set_string_member (process, "cwd", change->cwd);
  if (change->no_new_privileges)
    json_object_set_boolean_member (process, "noNewPrivileges", TRUE);
  if (change->capabilities)
    add_capabilities (process, change->capabilities);
  if (change->user && set_user (process, change->user, why) < 0)
    return -1;
  return change->groups ? add_groups (process, change->groups, why) : 0;
}

char *
process_compose (const char *config, const process_change *change, char **why)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *object = members_parse (config, &parser);
  JsonNode *node = object ? json_object_get_member (object, "process") : NULL;
  if (!node || !JSON_NODE_HOLDS_OBJECT (node)) {
    *why = g_strdup ("config.json has no process that the new one could be like");
    return NULL;
  }
  if (apply (json_node_get_object (node), change, why) < 0)
    return NULL;
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  json_generator_set_root (generator, node);
  return json_generator_to_data (generator, NULL);
}

int
process_has_terminal (const char *process)
{
  g_autoptr (JsonParser) parser = NULL;
  return members_bool (members_parse (process, &parser), "terminal");
}
