/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-hypervisor: `katactl hypervisor list|choose`: what the backends can do on this host, and which one fits. */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "members.h"
#include "output.h"
#include "progress.h"
#include "table.h"

static JsonObject *
object_at (JsonArray *array, guint i)
{
  JsonNode *node = json_array_get_element (array, i);
  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

/* One row per capability, one column per backend would be too wide for six of them: the capabilities that are there, by name. */
static void
list_row (table *table, JsonObject *object)
{
  g_autoptr (GString) have = g_string_new (NULL);
  const char *run_reason = NULL;
  int runs = 0;
  JsonArray *capabilities = members_array (object, "capabilities");
  for (guint i = 0; capabilities && i < json_array_get_length (capabilities); i++) {
    JsonObject *capability = object_at (capabilities, i);
    const char *name = members_string (capability, "name");
    int has = members_bool (capability, "have");
    if (name && strcmp (name, "run") == 0) {
      runs = has;
      run_reason = members_string (capability, "reason");
    } else if (name && has) {
      g_string_append_printf (have, "%s%s", have->len ? " " : "", name);
    }
  }
  table_add (table, members_string (object, "name"));
  table_add (table, runs ? "yes" : "no");
  table_add (table, members_string (object, "version"));
  table_add (table, runs ? have->str : run_reason);
}

static int
list (ctl *ctl)
{
  CTL_AUTO_STRINGS names = NULL;
  CTL_AUTO (error) err = NULL;
  g_autoptr (GString) all = g_string_new ("[");
  table *table = ctl->json ? NULL : table_new ("NAME", "RUNS", "VERSION", "CAPABILITIES OR WHY NOT", NULL);
  progress *progress = progress_begin (ctl, "asking the hypervisors");
  int rc = kata_runtime_list_hypervisors (&names, ctl->runtime, &err);
  for (char **name = names; rc == 0 && *name; name++) {
    CTL_AUTO (hypervisor) hypervisor = NULL;
    CTL_AUTO_STRING json = NULL;
    g_autoptr (JsonParser) parser = NULL;
    rc = kata_hypervisor_open (&hypervisor, ctl->runtime, *name, &err);
    if (rc == 0)
      rc = kata_hypervisor_describe (&json, hypervisor, &err);
    if (rc < 0)
      break;
    g_string_append_printf (all, "%s%s", all->len > 1 ? "," : "", json);
    JsonObject *object = members_parse (json, &parser);
    if (table && object)
      list_row (table, object);
  }
  progress_end (&progress);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  g_string_append_c (all, ']');
  if (ctl->json)
    return output_json_text (ctl, all->str);
  table_print (table);
  return CTL_OK;
}

static void
choose_row (table *table, guint place, JsonObject *object)
{
  g_autoptr (GString) reasons = g_string_new (NULL);
  JsonArray *array = members_array (object, "reasons");
  for (guint i = 0; array && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
      g_string_append_printf (reasons, "%s%s", reasons->len ? "; " : "", json_node_get_string (node));
  }
  table_take (table, g_strdup_printf ("%u", place));
  table_add (table, members_string (object, "name"));
  table_add (table, members_bool (object, "fits") ? "yes" : "no");
  table_add (table, reasons->str);
}

static int
print_choice (ctl *ctl, const char *json)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  if (!json_parser_load_from_data (parser, json, -1, NULL) || !JSON_NODE_HOLDS_ARRAY (json_parser_get_root (parser)))
    return output_fail (ctl, CTL_FAILED, "the library's answer is no list of hypervisors");
  JsonArray *array = json_node_get_array (json_parser_get_root (parser));
  int fits = 0;
  table *table = ctl->json ? NULL : table_new ("PLACE", "NAME", "FITS", "REASONS", NULL);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonObject *object = object_at (array, i);
    fits += members_bool (object, "fits");
    if (table)
      choose_row (table, i + 1, object);
  }
  if (ctl->json)
    output_json_text (ctl, json);
  else
    table_print (table);
  fflush (stdout);
  if (!fits)
    output_note (ctl, "no hypervisor fits on this host; 'katactl check' says what is missing");
  return fits ? CTL_OK : CTL_CHECK_FAILED;
}

static int
choose (ctl *ctl, const char *require)
{
  CTL_AUTO (error) err = NULL;
  CTL_AUTO_STRING json = NULL;
  g_auto (GStrv) names = g_strsplit (require ? require : "", ",", -1);
  progress *progress = progress_begin (ctl, "asking the hypervisors");
  int rc = kata_hypervisor_recommend (&json, ctl->runtime, require ? (const char *const *) names : NULL, &err);
  progress_end (&progress);
  return rc < 0 ? output_error (ctl, NULL, err) : print_choice (ctl, json);
}

int
cmd_hypervisor (ctl *ctl, int argc, char **argv)
{
  static const char *const verbs[] = { "list", "choose", NULL };
  const char *require = NULL;
  const option_row rows[] = {
    { 0, "require", OPTION_STRING, &require, "NAME,NAME",
      "choose: capabilities that must be there (also fs-sharing); exit status 1 if none has them" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 1);
  if (rc >= 0)
    return rc;
  const char *verb = arguments->len ? arguments->pdata[0] : "list";
  if (!g_strv_contains (verbs, verb)) {
    const char *nearest = options_nearest (verb, verbs);
    return output_usage (ctl, "\"%s\" is neither list nor choose%s%s%s", verb, nearest ? "; did you mean " : "",
                         nearest ? nearest : "", nearest ? "?" : "");
  }
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  return g_str_equal (verb, "list") ? list (ctl) : choose (ctl, require);
}
