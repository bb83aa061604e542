/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-check: `katactl check`: can this host run containers in virtual machines, and what to do if not. */
#include <stdio.h>

#include "options.h"
#include "members.h"
#include "output.h"
#include "progress.h"
#include "table.h"

static JsonObject *
row_at (JsonArray *rows, guint i)
{
  JsonNode *node = json_array_get_element (rows, i);
  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static int
print_rows (ctl *ctl, JsonArray *rows)
{
  int failed = 0;
  for (guint i = 0; i < json_array_get_length (rows); i++) {
    JsonObject *row = row_at (rows, i);
    failed += !members_bool (row, "ok") && members_bool (row, "required");
  }
  if (ctl->json)
    return failed;
  table *table = table_new ("CHECK", "RESULT", "DETAIL", "REMEDY", NULL);
  for (guint i = 0; i < json_array_get_length (rows); i++) {
    JsonObject *row = row_at (rows, i);
    int ok = members_bool (row, "ok");
    table_add (table, members_string (row, "name"));
    table_add (table, ok ? "ok" : members_bool (row, "required") ? "MISSING" : "no");
    table_add (table, members_string (row, "detail"));
    table_add (table, ok ? NULL : members_string (row, "remedy"));
  }
  table_print (table);
  fflush (stdout);
  if (failed)
    output_note (ctl, "%d required %s missing: this host cannot run containers in virtual machines yet", failed,
                 failed == 1 ? "thing is" : "things are");
  return failed;
}

int
cmd_check (ctl *ctl, int argc, char **argv)
{
  const option_row rows[] = { { 0, NULL, 0, NULL, NULL, NULL } };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (JsonParser) parser = json_parser_new ();
  CTL_AUTO (error) err = NULL;
  CTL_AUTO_STRING json = NULL;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 0);
  if (rc >= 0)
    return rc;
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  progress *progress = progress_begin (ctl, "checking the host");
  rc = kata_runtime_check (&json, ctl->runtime, &err);
  progress_end (&progress);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  if (ctl->json && (rc = output_json_text (ctl, json)) != CTL_OK)
    return rc;
  if (!json_parser_load_from_data (parser, json, -1, NULL) || !JSON_NODE_HOLDS_ARRAY (json_parser_get_root (parser)))
    return output_fail (ctl, CTL_FAILED, "the library's answer is no list of checks");
  return print_rows (ctl, json_node_get_array (json_parser_get_root (parser))) ? CTL_CHECK_FAILED : CTL_OK;
}
