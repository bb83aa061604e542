/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics: what the shim adds to its sandbox's metrics: its methods, its tasks, containers out of memory. */
#include "metrics/monitor.h"
#include "service.h"

static const char *const call_names[N_SERVICE_CALLS] = {
  [CALL_state] = "state",
  [CALL_create] = "create",
  [CALL_start] = "start",
  [CALL_delete] = "delete",
  [CALL_pids] = "pids",
  [CALL_pause] = "pause",
  [CALL_resume] = "resume",
  [CALL_checkpoint] = "checkpoint",
  [CALL_kill] = "kill",
  [CALL_exec] = "exec",
  [CALL_resize_pty] = "resize_pty",
  [CALL_close_io] = "close_io",
  [CALL_update] = "update",
  [CALL_wait] = "wait",
  [CALL_stats] = "stats",
  [CALL_connect] = "connect",
  [CALL_shutdown] = "shutdown",
};

static kata_sandbox *
sandbox_of (void *data)
{
  service *service = data;
  g_mutex_lock (&service->lock);
  kata_sandbox *sandbox = service->sandbox ? kata_sandbox_ref (service->sandbox) : NULL;
  g_mutex_unlock (&service->lock);
  return sandbox;
}

static void
write_extra (void *data, GString *text, const metrics_label *labels)
{
  service *service = data;
  g_mutex_lock (&service->lock);
  guint n = g_hash_table_size (service->tasks);
  g_mutex_unlock (&service->lock);
  metrics_text_family (text, "kata_shim_tasks", "gauge", "Tasks that containerd has with this shim.");
  metrics_text_uint (text, "kata_shim_tasks", labels, n);
  metrics_text_family (text, "kata_shim_oom_events_total", "counter", "How often a container ran out of memory.");
  metrics_text_uint (text, "kata_shim_oom_events_total", labels, __atomic_load_n (&service->ooms, __ATOMIC_RELAXED));
  metrics_text_family (text, "kata_shim_rpc_durations_histogram_milliseconds", "histogram",
                       "How long containerd's calls took.");
  for (gsize i = 0; i < N_SERVICE_CALLS; i++) {
    const metrics_label all[] = { labels[0], { "action", call_names[i] }, { NULL, NULL } };
    metrics_histogram_write (text, "kata_shim_rpc_durations_histogram_milliseconds", all, &service->calls[i]);
  }
}

gboolean
service_monitor (service *service)
{
  const metrics_source source = {
    .about = { service->group->sandbox_id, "shim" }, .sandbox = sandbox_of, .extra = write_extra, .data = service
  };
  /* It is never stopped: the shim ends by _exit(), and its directory with the socket is removed before. */
  return metrics_monitor_start (service->group->fd, &source) != NULL;
}
