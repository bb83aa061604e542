/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* write: a sandbox as metrics and as status, from a snapshot; which names there are is told in docs/monitor.md. */
#include "metrics/write.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <json-glib/json-glib.h>

#include "metrics/merge.h"
#include "metrics/process.h"
#include "metrics/text.h"

#define METRICS_GUEST_MAX (320u << 10) /* with what the library adds of the VMM */

static const char *const states[] = { "created", "running", "paused", "stopped", NULL };
/* What a guest may speak of, and the library of its VMM. */
static const char *const guest_prefixes[] = { "kata_guest_", "kata_agent_", "kata_hypervisor_counter", NULL };

#define CONTAINER(name, type, help, member, scale)                                                                     \
  {                                                                                                                    \
    "kata_container_" name, type, help, offsetof (kata_container_stats, member), scale                                 \
  }
static const struct container_row {
  const char *name, *type, *help;
  gsize offset;
  double scale;
} container_rows[] = {
  CONTAINER ("cpu_usage_seconds_total", "counter", "Processor time of the container in the guest.", cpu_total_ns, 1e-9),
  CONTAINER ("cpu_user_seconds_total", "counter", "The part of it in user mode.", cpu_user_ns, 1e-9),
  CONTAINER ("cpu_system_seconds_total", "counter", "The part of it in the guest's kernel.", cpu_system_ns, 1e-9),
  CONTAINER ("cpu_throttled_seconds_total", "counter", "Time it was held back by its limit.", cpu_throttled_ns, 1e-9),
  CONTAINER ("memory_usage_bytes", "gauge", "Memory of the container in the guest.", memory_bytes, 1),
  CONTAINER ("memory_max_usage_bytes", "gauge", "The most that it ever was.", memory_peak_bytes, 1),
  CONTAINER ("memory_limit_bytes", "gauge", "Its limit; none, no sample.", memory_limit_bytes, 1),
  CONTAINER ("memory_cache_bytes", "gauge", "The part of it that is page cache.", memory_cache_bytes, 1),
  CONTAINER ("memory_swap_bytes", "gauge", "Swap of the container in the guest.", swap_bytes, 1),
  CONTAINER ("processes", "gauge", "Processes of the container.", pids, 1),
  CONTAINER ("processes_limit", "gauge", "Their limit; none, no sample.", pids_limit, 1),
  CONTAINER ("fs_reads_bytes_total", "counter", "Bytes read from block devices.", read_bytes, 1),
  CONTAINER ("fs_writes_bytes_total", "counter", "Bytes written to block devices.", write_bytes, 1),
};
/* The agent gives them to each container, but they are the whole guest's. */
static const struct container_row network_rows[] = {
  { "kata_sandbox_network_receive_bytes_total", "counter", "Bytes that came to the guest's interfaces but lo.",
    offsetof (kata_container_stats, rx_bytes), 1 },
  { "kata_sandbox_network_receive_packets_total", "counter", "Packets that came.",
    offsetof (kata_container_stats, rx_packets), 1 },
  { "kata_sandbox_network_transmit_bytes_total", "counter", "Bytes that the guest sent.",
    offsetof (kata_container_stats, tx_bytes), 1 },
  { "kata_sandbox_network_transmit_packets_total", "counter", "Packets that it sent.",
    offsetof (kata_container_stats, tx_packets), 1 },
};

static void
write_figure (GString *text, const struct container_row *row, const metrics_label *labels,
              const kata_container_stats *stats)
{
  guint64 value = *(const uint64_t *) ((const char *) stats + row->offset);
  if (value == UINT64_MAX)
    return; /* no limit */
  if (row->scale == 1)
    metrics_text_uint (text, row->name, labels, value);
  else
    metrics_text_double (text, row->name, labels, (double) value * row->scale);
}

static void
write_figures (GString *text, const char *sandbox_id, const metrics_snapshot *snapshot)
{
  const metrics_label only[] = { { "sandbox_id", sandbox_id }, { NULL, NULL } };
  const GPtrArray *all = snapshot->figures;
  for (gsize r = 0; r < G_N_ELEMENTS (container_rows) && all->len > 0; r++) {
    metrics_text_family (text, container_rows[r].name, container_rows[r].type, container_rows[r].help);
    for (guint i = 0; i < all->len; i++) {
      const metrics_figures *figures = all->pdata[i];
      const metrics_label labels[] = { { "sandbox_id", sandbox_id }, { "container_id", figures->id }, { NULL, NULL } };
      write_figure (text, &container_rows[r], labels, &figures->stats);
    }
  }
  for (gsize r = 0; r < G_N_ELEMENTS (network_rows) && all->len > 0; r++) {
    metrics_text_family (text, network_rows[r].name, network_rows[r].type, network_rows[r].help);
    write_figure (text, &network_rows[r], only, &((const metrics_figures *) all->pdata[0])->stats);
  }
}

static JsonObject *
parse (const metrics_snapshot *snapshot, JsonParser *parser)
{
  if (!snapshot || !snapshot->inspect || !json_parser_load_from_data (parser, snapshot->inspect, -1, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root (parser);
  return JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
}

static const char *
text_of (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  const char *text = node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
  return text ? text : "";
}

static JsonArray *
array_of (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

/* One sample for each state; 1 is the sandbox's, or the number of containers in it. */
static void
write_states (GString *text, const char *sandbox_id, JsonObject *object)
{
  JsonArray *containers = array_of (object, "containers");
  guint n = containers ? json_array_get_length (containers) : 0;
  metrics_text_family (text, "kata_shim_sandbox_state", "gauge", "1 for the state that the sandbox is in.");
  for (gsize i = 0; states[i]; i++) {
    const metrics_label labels[] = { { "sandbox_id", sandbox_id }, { "state", states[i] }, { NULL, NULL } };
    metrics_text_uint (text, "kata_shim_sandbox_state", labels, g_str_equal (text_of (object, "state"), states[i]));
  }
  metrics_text_family (text, "kata_shim_containers", "gauge", "Containers of the sandbox, by state.");
  for (gsize i = 0; states[i]; i++) {
    const metrics_label labels[] = { { "sandbox_id", sandbox_id }, { "state", states[i] }, { NULL, NULL } };
    guint count = 0;
    for (guint c = 0; c < n; c++) {
      JsonNode *node = json_array_get_element (containers, c);
      count += JSON_NODE_HOLDS_OBJECT (node) && g_str_equal (text_of (json_node_get_object (node), "state"), states[i]);
    }
    metrics_text_uint (text, "kata_shim_containers", labels, count);
  }
}

/* The first process is the hypervisor; the others help it, virtiofsd for example. */
static void
write_processes (GString *text, const char *sandbox_id, JsonObject *object)
{
  JsonArray *pids = array_of (object, "pids");
  g_autoptr (metrics_merge) helpers = metrics_merge_new ();
  const metrics_merge_rules rules = { .sandbox_id = sandbox_id };
  guint n = pids ? json_array_get_length (pids) : 0;
  for (guint i = 0; i < n; i++) {
    gint64 pid = json_array_get_int_element (pids, i);
    g_autoptr (metrics_process) process = pid > 0 ? metrics_process_read (pid) : NULL;
    if (!process)
      continue;
    char number[24];
    g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT, pid);
    const metrics_label labels[] = { { "sandbox_id", sandbox_id },
                                     { i == 0 ? NULL : "pid", number },
                                     { "comm", metrics_process_name (process) },
                                     { NULL, NULL } };
    g_autoptr (GString) one = g_string_new (NULL);
    metrics_process_write (one, i == 0 ? "kata_hypervisor" : "kata_helper", labels, process);
    metrics_merge_add (helpers, one->str, one->len, &rules); /* several have one family */
  }
  metrics_merge_write (helpers, text);
}

/* What the guest says is taken only if all of it is right: it cannot speak of anything else, nor break the text. */
static gboolean
write_guest (GString *text, const char *sandbox_id, const metrics_snapshot *snapshot)
{
  g_autoptr (metrics_merge) merge = metrics_merge_new ();
  const metrics_merge_rules rules = { .sandbox_id = sandbox_id, .add_id = TRUE, .prefixes = guest_prefixes };
  if (!snapshot->guest)
    return FALSE;
  gsize length = strnlen (snapshot->guest, METRICS_GUEST_MAX + 1);
  if (length > METRICS_GUEST_MAX || !metrics_merge_add (merge, snapshot->guest, length, &rules))
    return FALSE;
  metrics_merge_write (merge, text);
  return TRUE;
}

void
metrics_write (GString *text, const metrics_about *about, gboolean exists, const metrics_snapshot *snapshot)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (metrics_process) self = metrics_process_read (getpid ());
  JsonObject *object = parse (snapshot, parser);
  const metrics_label labels[] = { { "sandbox_id", about->sandbox_id }, { NULL, NULL } };
  const metrics_label info[] = { { "sandbox_id", about->sandbox_id },
                                 { "hypervisor", text_of (object, "hypervisor") },
                                 { "served_by", about->served_by },
                                 { NULL, NULL } };
  if (self)
    metrics_process_write (text, "kata_shim", labels, self);
  metrics_text_family (text, "kata_shim_info", "gauge", "Always 1; the labels tell who serves what.");
  metrics_text_uint (text, "kata_shim_info", info, 1);
  metrics_text_family (text, "kata_shim_library_answers", "gauge",
                       "0: the library did not answer in time, and what only it knows is missing.");
  metrics_text_uint (text, "kata_shim_library_answers", labels, !exists || object);
  if (!object)
    return;
  write_states (text, about->sandbox_id, object);
  write_processes (text, about->sandbox_id, object);
  write_figures (text, about->sandbox_id, snapshot);
  gboolean told = write_guest (text, about->sandbox_id, snapshot);
  metrics_text_family (text, "kata_shim_guest_answers", "gauge",
                       "0: the guest does not run, or did not answer all in time; what it did not tell is missing.");
  metrics_text_uint (text, "kata_shim_guest_answers", labels, snapshot->answers);
  metrics_text_family (text, "kata_shim_guest_metrics", "gauge",
                       "1: the guest's own metrics are here, and well formed.");
  metrics_text_uint (text, "kata_shim_guest_metrics", labels, told);
  metrics_text_family (text, "kata_shim_containers_without_figures", "gauge", "Containers whose figures are missing.");
  metrics_text_uint (text, "kata_shim_containers_without_figures", labels, snapshot->missing);
}

static void
copy_member (JsonBuilder *builder, JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  json_builder_set_member_name (builder, name);
  if (node)
    json_builder_add_value (builder, json_node_copy (node));
  else
    json_builder_add_null_value (builder);
}

static void
add_text (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

void
metrics_write_status (GString *text, const metrics_about *about, gboolean exists, const metrics_snapshot *snapshot)
{
  static const char *const copied[] = { "hypervisor", "created", "pids", "containers" };
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonObject *object = parse (snapshot, parser);
  json_builder_begin_object (builder);
  add_text (builder, "sandbox_id", about->sandbox_id);
  add_text (builder, "state", object ? text_of (object, "state") : exists ? "unknown" : "absent");
  add_text (builder, "served_by", about->served_by);
  json_builder_set_member_name (builder, "pid");
  json_builder_add_int_value (builder, getpid ());
  for (gsize i = 0; i < G_N_ELEMENTS (copied); i++)
    copy_member (builder, object, copied[i]);
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  g_autofree char *json = json_generator_to_data (generator, NULL);
  g_string_append (text, json);
  g_string_append_c (text, '\n');
}
