/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-stats: `katactl stats`: what containers use, read in their guests. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "output.h"
#include "resolve.h"
#include "table.h"
#include "units.h"

#define STATS_MS 10000

static void
add_json (JsonBuilder *builder, const char *sandbox, const char *container, const kata_container_stats *stats)
{
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = {
    { "cpu_total_ns", stats->cpu_total_ns },
    { "cpu_user_ns", stats->cpu_user_ns },
    { "cpu_system_ns", stats->cpu_system_ns },
    { "cpu_throttled_ns", stats->cpu_throttled_ns },
    { "memory_bytes", stats->memory_bytes },
    { "memory_peak_bytes", stats->memory_peak_bytes },
    { "memory_limit_bytes", stats->memory_limit_bytes },
    { "memory_cache_bytes", stats->memory_cache_bytes },
    { "swap_bytes", stats->swap_bytes },
    { "pids", stats->pids },
    { "pids_limit", stats->pids_limit },
    { "read_bytes", stats->read_bytes },
    { "write_bytes", stats->write_bytes },
    { "rx_bytes", stats->rx_bytes },
    { "rx_packets", stats->rx_packets },
    { "tx_bytes", stats->tx_bytes },
    { "tx_packets", stats->tx_packets },
  };
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "id");
  json_builder_add_string_value (builder, sandbox);
  json_builder_set_member_name (builder, "container");
  json_builder_add_string_value (builder, container);
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++) {
    json_builder_set_member_name (builder, numbers[i].name);
    if (numbers[i].value > INT64_MAX) /* UINT64_MAX = no limit */
      json_builder_add_null_value (builder);
    else
      json_builder_add_int_value (builder, (gint64) numbers[i].value);
  }
  json_builder_end_object (builder);
}

static void
add_row (table *table, const char *sandbox, const char *container, const kata_container_stats *stats)
{
  if (g_str_equal (sandbox, container))
    table_add (table, sandbox);
  else
    table_take (table, g_strdup_printf ("%s/%s", sandbox, container));
  table_take (table, g_strdup_printf ("%.2fs", (double) stats->cpu_total_ns / 1e9));
  table_take (table, units_format_bytes (stats->memory_bytes));
  table_take (table, stats->memory_limit_bytes == UINT64_MAX ? NULL : units_format_bytes (stats->memory_limit_bytes));
  table_take (table, g_strdup_printf ("%" G_GUINT64_FORMAT, stats->pids));
  table_take (table, units_format_bytes (stats->read_bytes));
  table_take (table, units_format_bytes (stats->write_bytes));
  table_take (table, units_format_bytes (stats->rx_bytes));
  table_take (table, units_format_bytes (stats->tx_bytes));
}

/* The sandbox's containers, or only the one that @word names. @quiet: what cannot be read is left out. */
static int
stats_of (ctl *ctl, const char *word, int quiet, JsonBuilder *builder, table *table)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  CTL_AUTO_STRINGS ids = NULL;
  const char *only = strchr (word, '/');
  int rc = resolve_sandbox (ctl, word, &sandbox);
  if (rc != 0)
    return rc;
  if (kata_sandbox_list_containers (&ids, sandbox, &err) < 0)
    return quiet ? 0 : output_error (ctl, NULL, err);
  if (!*ids && !quiet)
    return output_fail (ctl, CTL_FAILED, "\"%s\" has no container", kata_sandbox_get_id (sandbox));
  for (char **id = ids; *id; id++) {
    CTL_AUTO (container) container = NULL;
    kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
    if (only && !g_str_equal (only + 1, *id))
      continue;
    rc = kata_container_open (&container, sandbox, *id, &err);
    if (rc == 0)
      rc = kata_container_stats_get (container, &stats, STATS_MS, &err);
    if (rc < 0 && !quiet)
      return output_error (ctl, NULL, err);
    kata_error_unrefp (&err);
    if (rc < 0)
      continue;
    if (builder)
      add_json (builder, kata_sandbox_get_id (sandbox), *id, &stats);
    else
      add_row (table, kata_sandbox_get_id (sandbox), *id, &stats);
  }
  return 0;
}

static int
all_running (ctl *ctl, JsonBuilder *builder, table *table)
{
  CTL_AUTO_STRINGS ids = NULL;
  CTL_AUTO (error) err = NULL;
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  if (kata_runtime_list (&ids, ctl->runtime, &err) < 0)
    return output_error (ctl, NULL, err);
  for (char **id = ids; *id; id++) {
    CTL_AUTO (sandbox) sandbox = NULL;
    if (kata_sandbox_open (&sandbox, ctl->runtime, *id, NULL) == 0 &&
        kata_sandbox_get_state (sandbox) == KATA_STATE_RUNNING)
      stats_of (ctl, *id, 1, builder, table);
  }
  return 0;
}

static int
print_once (ctl *ctl, GPtrArray *words)
{
  JsonBuilder *builder = ctl->json ? json_builder_new () : NULL;
  table *table =
      builder ? NULL : table_new ("ID", "CPU", "MEMORY", "LIMIT", "PIDS", "READ", "WRITTEN", "RECEIVED", "SENT", NULL);
  int rc = 0;
  if (builder)
    json_builder_begin_array (builder);
  for (guint i = 0; rc == 0 && i < words->len; i++)
    rc = stats_of (ctl, words->pdata[i], 0, builder, table);
  if (words->len == 0)
    rc = all_running (ctl, builder, table);
  if (builder)
    json_builder_end_array (builder);
  if (rc != 0)
    return rc; /* nothing half is printed; the process ends, so what was collected is not freed */
  if (builder)
    return output_json_builder (builder);
  table_print (table);
  return CTL_OK;
}

int
cmd_stats (ctl *ctl, int argc, char **argv)
{
  int watch = 0;
  int64_t interval_ms = 2000;
  const option_row rows[] = {
    { 0, "watch", OPTION_FLAG, &watch, NULL, "print again and again until Ctrl-C" },
    { 0, "interval", OPTION_DURATION, &interval_ms, "DURATION", "between two prints (default: 2s)" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 1000);
  if (rc >= 0)
    return rc;
  for (;;) {
    if (watch && !ctl->json && isatty (STDOUT_FILENO))
      fputs ("\033[H\033[J", stdout);
    rc = print_once (ctl, arguments);
    if (!watch || rc != 0 || fflush (stdout) != 0)
      return rc;
    g_usleep ((gulong) MAX (interval_ms, 100) * 1000);
  }
}
