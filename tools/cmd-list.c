/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-list: `katactl list`: all sandboxes in the state directory. */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "members.h"
#include "output.h"
#include "record.h"
#include "state.h"
#include "table.h"
#include "units.h"

/* One sandbox as the list shows it. */
struct row {
  const char *id;
  int state;
  const char *hypervisor;
  int64_t pid, created, containers;
  record_status status;
};

/* The library writes the time as a number of seconds or as text. */
static int64_t
created_time (JsonObject *object)
{
  const char *text = members_string (object, "created");
  g_autoptr (GDateTime) time = text ? g_date_time_new_from_iso8601 (text, NULL) : NULL;
  return time ? g_date_time_to_unix (time) : members_int (object, "created", 0);
}

static int64_t
first_pid (JsonObject *object)
{
  JsonArray *pids = members_array (object, "pids");
  if (!pids || json_array_get_length (pids) == 0)
    return 0;
  JsonNode *first = json_array_get_element (pids, 0);
  if (JSON_NODE_HOLDS_VALUE (first))
    return json_node_get_int (first);
  return JSON_NODE_HOLDS_OBJECT (first) ? members_int (json_node_get_object (first), "pid", 0) : 0;
}

static void
print_json_row (JsonBuilder *builder, const struct row *row)
{
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "id");
  json_builder_add_string_value (builder, row->id);
  json_builder_set_member_name (builder, "state");
  json_builder_add_string_value (builder, state_name (row->state));
  json_builder_set_member_name (builder, "hypervisor");
  json_builder_add_string_value (builder, row->hypervisor ? row->hypervisor : "");
  json_builder_set_member_name (builder, "pid");
  json_builder_add_int_value (builder, row->pid);
  json_builder_set_member_name (builder, "created");
  json_builder_add_int_value (builder, row->created);
  json_builder_set_member_name (builder, "containers");
  json_builder_add_int_value (builder, row->containers);
  json_builder_set_member_name (builder, "exit_status");
  if (row->status.exit_status >= 0)
    json_builder_add_int_value (builder, row->status.exit_status);
  else
    json_builder_add_null_value (builder);
  json_builder_set_member_name (builder, "command");
  json_builder_add_string_value (builder, row->status.command ? row->status.command : "");
  json_builder_end_object (builder);
}

static void
print_table_row (table *table, const struct row *row)
{
  g_autofree char *command = g_strdup (row->status.command ? row->status.command : "");
  if (g_utf8_strlen (command, -1) > 40)
    strcpy (g_utf8_offset_to_pointer (command, 37), "...");
  table_add (table, row->id);
  table_add (table, state_name (row->state));
  table_take (table, row->status.exit_status >= 0 ? g_strdup_printf ("%d", row->status.exit_status) : NULL);
  table_add (table, row->hypervisor);
  table_take (table, row->pid > 0 ? g_strdup_printf ("%d", (int) row->pid) : NULL);
  table_take (table, row->created > 0 ? units_format_age (g_get_real_time () / G_USEC_PER_SEC - row->created) : NULL);
  table_add (table, command);
}

static void
list_one (ctl *ctl, const char *id, JsonBuilder *builder, table *table)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO_STRING json = NULL;
  g_autoptr (JsonParser) parser = NULL;
  struct row row = { .id = id };
  int rc = kata_sandbox_open (&sandbox, ctl->runtime, id, NULL);
  row.state = rc < 0 ? rc : kata_sandbox_get_state (sandbox);
  if (row.state == KATA_E_NOT_FOUND)
    return; /* deleted since the list was read */
  if (sandbox && kata_sandbox_inspect (&json, sandbox, NULL) < 0)
    json = NULL;
  JsonObject *object = json ? members_parse (json, &parser) : NULL;
  JsonArray *containers = members_array (object, "containers");
  row.hypervisor = members_string (object, "hypervisor");
  row.created = created_time (object);
  row.pid = first_pid (object);
  row.containers = containers ? json_array_get_length (containers) : 0;
  record_read (ctl, id, &row.status);
  if (builder)
    print_json_row (builder, &row);
  else
    print_table_row (table, &row);
  record_status_clear (&row.status);
}

int
cmd_list (ctl *ctl, int argc, char **argv)
{
  int quiet = 0;
  const option_row rows[] = {
    { 'q', "quiet", OPTION_FLAG, &quiet, NULL, "only the ids" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  CTL_AUTO_STRINGS ids = NULL;
  CTL_AUTO (error) err = NULL;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 0);
  if (rc >= 0)
    return rc;
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  if (kata_runtime_list (&ids, ctl->runtime, &err) < 0)
    return output_error (ctl, NULL, err);
  if (quiet) {
    for (char **id = ids; *id; id++)
      printf ("%s\n", *id);
    return CTL_OK;
  }
  JsonBuilder *builder = ctl->json ? json_builder_new () : NULL;
  table *table = ctl->json ? NULL : table_new ("ID", "STATE", "EXIT", "HYPERVISOR", "PID", "AGE", "COMMAND", NULL);
  if (builder)
    json_builder_begin_array (builder);
  for (char **id = ids; *id; id++)
    list_one (ctl, *id, builder, table);
  if (!builder) {
    table_print (table);
    return CTL_OK;
  }
  json_builder_end_array (builder);
  return output_json_builder (builder);
}
