/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor: serves one sandbox's metrics and status on a socket in a directory of the process that holds the sandbox. */
#include "metrics/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "metrics/server.h"

/* What was answered, by status. */
static const int counted[] = { 200, 400, 404, 405, 408, 414, 431, 505 };

struct metrics_monitor {
  metrics_source source;
  http_server server;
  metrics_asker *asker;
  GThread *thread;
  int directory_fd;
  guint64 requests[G_N_ELEMENTS (counted)]; /* only the thread looks */
};

static void
count (void *data, int status)
{
  metrics_monitor *monitor = data;
  for (gsize i = 0; i < G_N_ELEMENTS (counted); i++)
    monitor->requests[i] += counted[i] == status;
}

static void
write_requests (const metrics_monitor *monitor, GString *text)
{
  metrics_text_family (text, "kata_shim_monitor_requests_total", "counter",
                       "Requests to this socket, by what was answered.");
  for (gsize i = 0; i < G_N_ELEMENTS (counted); i++) {
    char code[8];
    g_snprintf (code, sizeof code, "%d", counted[i]);
    const metrics_label labels[] = { { "sandbox_id", monitor->source.about.sandbox_id },
                                     { "code", code },
                                     { NULL, NULL } };
    if (monitor->requests[i] > 0 || i == 0)
      metrics_text_uint (text, "kata_shim_monitor_requests_total", labels, monitor->requests[i]);
  }
}

static void
answer_metrics (metrics_monitor *monitor, kata_sandbox *sandbox, http_answer *answer)
{
  const metrics_source *source = &monitor->source;
  const metrics_label labels[] = { { "sandbox_id", source->about.sandbox_id }, { NULL, NULL } };
  g_autoptr (metrics_snapshot) snapshot = sandbox ? metrics_asker_ask (monitor->asker, sandbox, TRUE) : NULL;
  metrics_write (answer->body, &source->about, sandbox != NULL, snapshot);
  write_requests (monitor, answer->body);
  if (source->extra)
    source->extra (source->data, answer->body, labels);
  answer->type = METRICS_TEXT_TYPE;
}

static void
answer_status (metrics_monitor *monitor, kata_sandbox *sandbox, http_answer *answer)
{
  g_autoptr (metrics_snapshot) snapshot = sandbox ? metrics_asker_ask (monitor->asker, sandbox, FALSE) : NULL;
  metrics_write_status (answer->body, &monitor->source.about, sandbox != NULL, snapshot);
  answer->type = HTTP_JSON_TYPE;
}

static void
answer (void *data, const http_request *request, http_answer *answer)
{
  metrics_monitor *monitor = data;
  gboolean metrics = g_str_equal (request->path, "/metrics");
  if (!metrics && !g_str_equal (request->path, "/status")) {
    http_say (answer, 404, "there is /metrics and /status");
    return;
  }
  kata_sandbox *sandbox = monitor->source.sandbox (monitor->source.data);
  if (metrics)
    answer_metrics (monitor, sandbox, answer);
  else
    answer_status (monitor, sandbox, answer);
  kata_sandbox_unref (sandbox);
}

static gpointer
run (gpointer data)
{
  metrics_monitor *monitor = data;
  http_server_run (&monitor->server);
  return NULL;
}

static void
monitor_free (metrics_monitor *monitor)
{
  const int fds[] = { monitor->directory_fd, monitor->server.listen_fd, monitor->server.stop_fd };
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    if (fds[i] >= 0)
      close (fds[i]);
  metrics_asker_free (monitor->asker);
  g_free ((char *) monitor->source.about.sandbox_id);
  g_free (monitor);
}

metrics_monitor *
metrics_monitor_start (int directory_fd, const metrics_source *source)
{
  metrics_monitor *monitor = g_new0 (metrics_monitor, 1);
  monitor->source = *source;
  monitor->source.about.sandbox_id = g_strdup (source->about.sandbox_id);
  monitor->asker = metrics_asker_new ();
  monitor->directory_fd = fcntl (directory_fd, F_DUPFD_CLOEXEC, 3);
  monitor->server = (http_server){ .listen_fd = monitor->directory_fd < 0 ? -1 : metrics_socket_listen (directory_fd),
                                   .stop_fd = eventfd (0, EFD_CLOEXEC),
                                   .same_user = TRUE,
                                   .answer = answer,
                                   .done = count,
                                   .data = monitor };
  if (monitor->server.listen_fd >= 0 && monitor->server.stop_fd >= 0)
    monitor->thread = g_thread_try_new ("monitor", run, monitor, NULL);
  if (monitor->thread)
    return monitor;
  int saved = errno;
  if (monitor->server.listen_fd >= 0)
    unlinkat (directory_fd, METRICS_SOCKET, 0);
  monitor_free (monitor);
  errno = saved;
  return NULL;
}

void
metrics_monitor_stop (metrics_monitor *monitor)
{
  guint64 one = 1;
  if (!monitor)
    return;
  unlinkat (monitor->directory_fd, METRICS_SOCKET, 0);
  metrics_asker_stop (monitor->asker);
  if (write (monitor->server.stop_fd, &one, sizeof one) == (ssize_t) sizeof one)
    g_thread_join (monitor->thread);
  monitor_free (monitor);
}
