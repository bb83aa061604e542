/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node: what `katactl monitor` answers: the sandboxes of one state directory, listed, and their metrics as one text. */
#include "metrics/node.h"

#include <string.h>
#include <unistd.h>

#include <kata/kata.h>

#include "metrics/fetch.h"
#include "metrics/find.h"
#include "metrics/merge.h"
#include "metrics/process.h"

static const char index_text[] = "katactl monitor\n"
                                 "/metrics             metrics of all sandboxes\n"
                                 "/metrics?sandbox=ID  of one\n"
                                 "/sandboxes           their ids; ?format=json or Accept: application/json for JSON\n"
                                 "/status?sandbox=ID   state, containers and processes of one, as JSON";

/* A page from elsewhere could make a browser here ask for us under a name of its own: then the Host is that name. */
static gboolean
is_local_name (const char *host)
{
  static const char *const names[] = { "127.", "localhost", "[::1]" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    if (g_ascii_strncasecmp (host, names[i], strlen (names[i])) != 0)
      continue;
    const char *rest = host + strlen (names[i]);
    return strspn (rest, i == 0 ? "0123456789.:" : "0123456789:") == strlen (rest);
  }
  return !*host; /* HTTP/1.0: no browser */
}

/* ---- own metrics ---- */

static void
write_one (GString *text, const char *name, const char *type, const char *help, guint64 value)
{
  metrics_text_family (text, name, type, help);
  metrics_text_uint (text, name, NULL, value);
}

static void
write_own (metrics_node *node, GString *text, guint running, guint dead, guint wrong)
{
  static const metrics_label none[] = { { NULL, NULL } };
  g_autoptr (metrics_process) self = metrics_process_read (getpid ());
  write_one (text, "kata_monitor_running_shim_count", "gauge", "Sandboxes that answered.", running);
  write_one (text, "kata_monitor_unreachable_shim_count", "gauge", "Sockets that nobody answered on in time.", dead);
  write_one (text, "kata_monitor_malformed_shim_count", "gauge", "Answers that were no metrics of their sandbox.",
             wrong);
  write_one (text, "kata_monitor_scrape_count", "counter", "Sandboxes that were asked for their metrics, so far.",
             node->scrapes);
  write_one (text, "kata_monitor_scrape_failed_count", "counter", "Those of them that gave none.", node->failed);
  metrics_text_family (text, "kata_monitor_scrape_durations_histogram_milliseconds", "histogram",
                       "How long the sandboxes' answers took.");
  metrics_histogram_write (text, "kata_monitor_scrape_durations_histogram_milliseconds", NULL, &node->durations);
  if (self)
    metrics_process_write (text, "kata_monitor", none, self);
}

/* ---- the sandboxes ---- */

static metrics_fetch *
fetch (metrics_node *node, const GPtrArray *found, const char *path)
{
  metrics_fetch *fetches = g_new0 (metrics_fetch, MAX (found->len, 1));
  for (guint i = 0; i < found->len; i++)
    fetches[i].folder_fd = ((const metrics_found *) found->pdata[i])->fd;
  metrics_fetch_all (fetches, found->len, path, node->stop_fd);
  return fetches;
}

static void
answer_all_metrics (metrics_node *node, http_answer *answer)
{
  g_autoptr (GPtrArray) found = metrics_find (node->state_dir);
  g_autofree metrics_fetch *fetches = fetch (node, found, "/metrics");
  g_autoptr (metrics_merge) merge = metrics_merge_new ();
  guint running = 0, dead = 0, wrong = 0;
  for (guint i = 0; i < found->len; i++) {
    const metrics_merge_rules rules = { .sandbox_id = ((const metrics_found *) found->pdata[i])->sandbox_id };
    GString *body = fetches[i].body;
    if (!body)
      dead++;
    else if (metrics_merge_add (merge, body->str, body->len, &rules))
      running++;
    else
      wrong++;
    if (body) {
      metrics_histogram_add (&node->durations, fetches[i].us);
      g_string_free (body, TRUE);
    }
  }
  node->scrapes += found->len;
  node->failed += dead + wrong;
  write_own (node, answer->body, running, dead, wrong);
  metrics_merge_write (merge, answer->body);
  answer->type = METRICS_TEXT_TYPE;
}

/* Asks the one that the query names. NULL: @answer says why not. */
static GString *
fetch_one (metrics_node *node, const char *path, const char *id, http_answer *answer)
{
  g_autoptr (GPtrArray) found = metrics_find (node->state_dir);
  for (guint i = 0; i < found->len; i++) {
    const metrics_found *one = found->pdata[i];
    metrics_fetch fetch = { .folder_fd = one->fd };
    if (!g_str_equal (one->sandbox_id, id))
      continue;
    metrics_fetch_all (&fetch, 1, path, node->stop_fd);
    if (!fetch.body)
      http_say (answer, 502, "this sandbox does not answer; it may have ended just now, or its process was killed");
    return fetch.body;
  }
  http_say (answer, 404, "nobody serves a sandbox of this name; /sandboxes lists them");
  return NULL;
}

static void
answer_one_metrics (metrics_node *node, const char *id, http_answer *answer)
{
  g_autoptr (metrics_merge) merge = metrics_merge_new ();
  const metrics_merge_rules rules = { .sandbox_id = id };
  GString *body = fetch_one (node, "/metrics", id, answer);
  if (!body)
    return;
  if (metrics_merge_add (merge, body->str, body->len, &rules)) {
    metrics_merge_write (merge, answer->body);
    answer->type = METRICS_TEXT_TYPE;
  } else {
    http_say (answer, 502, "what this sandbox's process answered is no text of metrics");
  }
  g_string_free (body, TRUE);
}

static void
answer_status (metrics_node *node, const char *id, http_answer *answer)
{
  GString *body = fetch_one (node, "/status", id, answer);
  if (!body)
    return;
  g_string_append_len (answer->body, body->str, (gssize) body->len);
  answer->type = HTTP_JSON_TYPE;
  g_string_free (body, TRUE);
}

/* Those with a socket; who is dead among them shows when it is asked. */
static void
answer_list (metrics_node *node, gboolean json, http_answer *answer)
{
  g_autoptr (GPtrArray) found = metrics_find (node->state_dir);
  if (json)
    g_string_append_c (answer->body, '[');
  for (guint i = 0; i < found->len; i++) {
    const char *id = ((const metrics_found *) found->pdata[i])->sandbox_id; /* nothing in it has to be escaped */
    if (json)
      g_string_append_printf (answer->body, "%s\"%s\"", i > 0 ? "," : "", id);
    else
      g_string_append_printf (answer->body, "%s\n", id);
  }
  if (json)
    g_string_append (answer->body, "]\n");
  answer->type = json ? HTTP_JSON_TYPE : HTTP_TEXT_TYPE;
}

void
metrics_node_answer (void *data, const http_request *request, http_answer *answer)
{
  metrics_node *node = data;
  char id[KATA_ID_MAX + 1] = "", format[16] = "";
  int named = http_query (request->query, "sandbox", id, sizeof id);
  int formed = http_query (request->query, "format", format, sizeof format);
  gboolean json = formed == 0 ? request->wants_json : g_str_equal (format, "json");
  if (!node->any_host && !is_local_name (request->host))
    http_say (answer, 421, "this is served on the loopback only; ask for 127.0.0.1 or localhost");
  else if (named < 0 || formed < 0)
    http_say (answer, 400, "the query cannot be decoded");
  else if (g_str_equal (request->path, "/"))
    http_say (answer, 200, index_text);
  else if (g_str_equal (request->path, "/sandboxes"))
    answer_list (node, json, answer);
  else if (g_str_equal (request->path, "/metrics") && named)
    answer_one_metrics (node, id, answer);
  else if (g_str_equal (request->path, "/metrics"))
    answer_all_metrics (node, answer);
  else if (g_str_equal (request->path, "/status") && named)
    answer_status (node, id, answer);
  else if (g_str_equal (request->path, "/status"))
    http_say (answer, 400, "/status?sandbox=ID: which one? /sandboxes lists them");
  else
    http_say (answer, 404, "there is /metrics, /sandboxes and /status?sandbox=ID");
}
