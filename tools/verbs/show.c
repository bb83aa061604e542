/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show: list, ps, events: what only looks. */
#include <stdio.h>
#include <string.h>

#include "verbs/args.h"
#include "verbs/verbs.h"
#include "verbs/wire.h"
#include "members.h"
#include "output.h"
#include "units.h"

/* ---- list ---- */

static void
list_json (oci *oci, char **ids)
{
  g_autoptr (GString) text = g_string_new ("[");
  for (char **id = ids; *id; id++) {
    entry entry;
    if (entry_try_load (oci, *id, &entry) < 0)
      continue;
    g_autofree char *status = verbs_status (oci, &entry);
    hooks_container container = entry_container (&entry);
    g_autofree char *one = hooks_state (&container, status);
    g_string_append_printf (text, "%s%s", text->len > 1 ? "," : "", one);
    entry_clear (&entry);
  }
  printf ("%s]\n", text->str);
}

static void
list_table (oci *oci, char **ids)
{
  printf ("%-36s %-10s %-10s %-40s %-28s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
  for (char **id = ids; *id; id++) {
    entry entry;
    if (entry_try_load (oci, *id, &entry) < 0) {
      printf ("%-36s %-10d %-10s\n", *id, 0, "corrupt");
      continue;
    }
    g_autofree char *status = verbs_status (oci, &entry);
    printf ("%-36s %-10" G_GINT64_FORMAT " %-10s %-40s %-28s %s\n", entry.id,
            strcmp (status, "stopped") == 0 ? 0 : entry.pid, status, entry.bundle ? entry.bundle : "",
            entry.created ? entry.created : "", "root");
    entry_clear (&entry);
  }
}

int
oci_list (oci *oci, int argc, char **argv)
{
  const char *format = "table";
  int quiet = 0;
  const arg_row rows[] = { { "format", 'f', ARG_TEXT, &format },
                           { "quiet", 'q', ARG_FLAG, &quiet },
                           { NULL, 0, 0, NULL } };
  if (args_parse_words (oci, rows, argc, argv, 0, 0) < 0 || !oci_runtime (oci))
    return OCI_FAILED;
  g_auto (GStrv) ids = entry_list (oci);
  if (!ids)
    return OCI_FAILED;
  if (quiet)
    for (char **id = ids; *id; id++)
      puts (*id);
  else if (strcmp (format, "json") == 0)
    list_json (oci, ids);
  else if (strcmp (format, "table") == 0)
    list_table (oci, ids);
  else
    return oci_fail (oci, OCI_FAILED, "invalid format option \"%.32s\"", format);
  return OCI_OK;
}

/* ---- ps ---- */

int
oci_ps (oci *oci, int argc, char **argv)
{
  const char *format = "table";
  const arg_row rows[] = { { "format", 'f', ARG_TEXT, &format }, { NULL, 0, 0, NULL } };
  entry entry;
  int first = args_parse_words (oci, rows, argc, argv, 1, G_MAXINT);
  if (first < 0 || entry_load (oci, argv[first], &entry) != OCI_OK)
    return OCI_FAILED;
  /* The guest's processes have no number on the host; the container's stand-in has one. */
  if (strcmp (format, "json") == 0 && entry_lives (&entry))
    printf ("[%" G_GINT64_FORMAT "]\n", entry.pid);
  else if (strcmp (format, "json") == 0)
    puts ("[]");
  else if (entry_lives (&entry))
    printf ("PID        CMD\n%-10" G_GINT64_FORMAT " kata-proxy (stands for container %s in its virtual machine)\n",
            entry.pid, entry.id);
  else
    puts ("PID        CMD");
  entry_clear (&entry);
  return OCI_OK;
}

/* ---- events ---- */

static void
add_group (JsonBuilder *builder, const char *name, JsonObject *stats, const char *const *members)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
  for (; members[0]; members += 2) {
    json_builder_set_member_name (builder, members[0]);
    json_builder_add_int_value (builder, members_int (stats, members[1], 0));
  }
  json_builder_end_object (builder);
}

static void
add_stats (JsonBuilder *builder, JsonObject *stats)
{
  static const char *const usage[] = { "total", "cpu_total", "kernel", "cpu_system", "user", "cpu_user", NULL };
  static const char *const throttling[] = { "throttledTime", "cpu_throttled", NULL };
  static const char *const memory[] = { "usage", "memory", "max", "memory_peak", "limit", "memory_limit", NULL };
  static const char *const pids[] = { "current", "pids", "limit", "pids_limit", NULL };
  json_builder_set_member_name (builder, "cpu");
  json_builder_begin_object (builder);
  add_group (builder, "usage", stats, usage);
  add_group (builder, "throttling", stats, throttling);
  json_builder_end_object (builder);
  json_builder_set_member_name (builder, "memory");
  json_builder_begin_object (builder);
  wire_add_int (builder, "cache", members_int (stats, "memory_cache", 0));
  add_group (builder, "usage", stats, memory);
  json_builder_end_object (builder);
  add_group (builder, "pids", stats, pids);
}

static int
print_stats (oci *oci, const entry *entry)
{
  wire_message reply = { 0 };
  int rc = wire_call (oci, OCI_FAILED, entry->sandbox, wire_request ("stats", entry->id), NULL, 0, &reply);
  if (rc < 0)
    return oci_fail (oci, OCI_FAILED, "container not running");
  if (rc != 0)
    return rc;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  wire_add_text (builder, "type", "stats");
  wire_add_text (builder, "id", entry->id);
  json_builder_set_member_name (builder, "data");
  json_builder_begin_object (builder);
  add_stats (builder, reply.object);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonNode *root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  g_autofree char *text = json_generator_to_data (generator, NULL);
  json_node_unref (root);
  puts (text);
  fflush (stdout);
  wire_clear (&reply);
  return OCI_OK;
}

/* How often the guest was short of memory for it; -1 = nobody knows any more. */
static int64_t
count_ooms (oci *oci, const entry *entry)
{
  wire_message reply = { 0 };
  int rc = wire_call (oci, OCI_FAILED, entry->sandbox, wire_request ("ooms", entry->id), NULL, 0, &reply);
  int64_t count = rc == 0 ? members_int (reply.object, "ooms", 0) : -1;
  if (rc == 0)
    wire_clear (&reply);
  return count;
}

static void
print_ooms (oci *oci, const entry *entry, int64_t *told)
{
  int64_t count = count_ooms (oci, entry);
  for (; *told < count; (*told)++)
    printf ("{\"type\":\"oom\",\"id\":\"%s\"}\n", entry->id);
  fflush (stdout);
}

/* Between two lines of figures. 1 = it goes on. */
static int
watch_ooms (oci *oci, const entry *entry, int64_t pause_ms, int64_t *told)
{
  int64_t until = g_get_monotonic_time () + pause_ms * 1000;
  for (;;) {
    int64_t left = until - g_get_monotonic_time ();
    if (left > 0)
      g_usleep ((gulong) MIN (left, G_USEC_PER_SEC));
    g_autofree char *status = verbs_status (oci, entry);
    print_ooms (oci, entry, told);
    if (strcmp (status, "stopped") == 0)
      return 0;
    if (left <= 0)
      return 1;
  }
}

int
oci_events (oci *oci, int argc, char **argv)
{
  const char *interval = "5s";
  int once = 0;
  int64_t pause_ms = 5000;
  const arg_row rows[] = { { "stats", 0, ARG_FLAG, &once },
                           { "interval", 0, ARG_TEXT, &interval },
                           { NULL, 0, 0, NULL } };
  entry entry;
  int first = args_parse_words (oci, rows, argc, argv, 1, 1);
  if (first < 0)
    return OCI_FAILED;
  if (units_parse_duration (interval, &pause_ms) < 0 || pause_ms <= 0)
    return oci_fail (oci, OCI_FAILED, "--interval \"%.32s\" is not a duration, for example 5s", interval);
  if (entry_load (oci, argv[first], &entry) != OCI_OK)
    return OCI_FAILED;
  int rc = print_stats (oci, &entry);
  int64_t told = rc == OCI_OK && !once ? count_ooms (oci, &entry) : 0;
  while (rc == OCI_OK && !once && watch_ooms (oci, &entry, pause_ms, &told))
    rc = print_stats (oci, &entry);
  entry_clear (&entry);
  return rc;
}
