/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-inspect: `katactl inspect`: everything known of a sandbox, as JSON. */
#include <stdio.h>

#include "options.h"
#include "members.h"
#include "output.h"
#include "record.h"
#include "resolve.h"

/* The library's object with what katactl recorded added to it. */
static void
add_record (ctl *ctl, const char *id, JsonObject *object)
{
  record_status status;
  record_read (ctl, id, &status);
  if (status.exists) {
    JsonObject *run = json_object_new ();
    json_object_set_string_member (run, "command", status.command ? status.command : "");
    if (status.exit_status >= 0)
      json_object_set_int_member (run, "exit_status", status.exit_status);
    else
      json_object_set_null_member (run, "exit_status");
    json_object_set_int_member (run, "finished", status.finished);
    json_object_set_boolean_member (run, "supervised", record_is_supervised (ctl, id));
    if (status.error)
      json_object_set_string_member (run, "error", status.error);
    json_object_set_object_member (object, "run", run);
  }
  record_status_clear (&status);
}

int
cmd_inspect (ctl *ctl, int argc, char **argv)
{
  const option_row rows[] = { { 0, NULL, 0, NULL, NULL, NULL } };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  CTL_AUTO_STRING json = NULL;
  g_autoptr (JsonParser) parser = NULL;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1);
  if (rc >= 0)
    return rc;
  rc = resolve_sandbox (ctl, arguments->pdata[0], &sandbox);
  if (rc != 0)
    return rc;
  if (kata_sandbox_inspect (&json, sandbox, &err) < 0)
    return output_error (ctl, NULL, err);
  JsonObject *object = members_parse (json, &parser);
  if (!object)
    return output_json_text (ctl, json);
  add_record (ctl, kata_sandbox_get_id (sandbox), object);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  json_generator_set_root (generator, json_parser_get_root (parser));
  json_generator_set_pretty (generator, TRUE);
  g_autofree char *text = json_generator_to_data (generator, NULL);
  printf ("%s\n", text);
  return CTL_OK;
}
