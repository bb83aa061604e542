/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-env: `katactl env`: settings in force, versions, host, hypervisor, kernel and image, for bug reports. */
#include <stdio.h>

#include "options.h"
#include "members.h"
#include "output.h"
#include "progress.h"

static void
print_value (JsonNode *node)
{
  g_autofree char *text = NULL;
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING) {
    g_autofree char *plain = output_plain (json_node_get_string (node));
    g_autofree char *escaped = g_strescape (plain, "\001\177\200");
    text = g_strdup_printf ("\"%s\"", escaped);
  } else {
    text = json_to_string (node, FALSE);
  }
  printf ("%s\n", text);
}

static gboolean
is_table (JsonNode *node)
{
  return JSON_NODE_HOLDS_OBJECT (node);
}

/* The plain members first, then each object under its own heading, as TOML has it. */
static void
print_object (JsonObject *object, const char *path)
{
  g_autoptr (GList) names = json_object_get_members (object);
  gboolean headed = *path == 0;
  for (GList *l = names; l; l = l->next) {
    JsonNode *node = json_object_get_member (object, l->data);
    if (is_table (node))
      continue;
    if (!headed)
      printf ("\n[%s]\n", path);
    headed = TRUE;
    printf ("%s = ", (const char *) l->data);
    print_value (node);
  }
  for (GList *l = names; l; l = l->next) {
    JsonNode *node = json_object_get_member (object, l->data);
    g_autofree char *below = *path ? g_strdup_printf ("%s.%s", path, (char *) l->data) : g_strdup (l->data);
    if (is_table (node))
      print_object (json_node_get_object (node), below);
  }
}

int
cmd_env (ctl *ctl, int argc, char **argv)
{
  const option_row rows[] = { { 0, NULL, 0, NULL, NULL, NULL } };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (JsonParser) parser = NULL;
  CTL_AUTO (error) err = NULL;
  CTL_AUTO_STRING json = NULL;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 0);
  if (rc >= 0)
    return rc;
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  progress *progress = progress_begin (ctl, "asking the hypervisor");
  rc = kata_runtime_describe (&json, ctl->runtime, &err);
  progress_end (&progress);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  JsonObject *object = ctl->json ? NULL : members_parse (json, &parser);
  if (!object)
    return output_json_text (ctl, json);
  print_object (object, "");
  return CTL_OK;
}
