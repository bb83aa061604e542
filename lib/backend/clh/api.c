/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* api: requests to a running Cloud Hypervisor, and what it says when it refuses. */
#include "backend/clh/vm.h"

#include <string.h>

#include "backend/clh/config.h"
#include "base/error.h"
#include "base/json.h"

#define PREFIX   "/api/v1/"
#define SAID_MAX 1000
#define RETRY_MS 3
#define GONE_MS  1000

/* A refusal is a JSON array of messages, the outermost first; before version 46 a plain text. */
static char *
said (const char *body)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autoptr (GString) text = g_string_new (NULL);
  const kata_json *root = NULL;
  if (kata_json__parse (&root, arena, body, strlen (body), NULL, KATA_E_PROTOCOL, NULL) == 0 &&
      root->type == KATA_JSON_ARRAY)
    for (const kata_json *at = root->first; at != NULL && text->len < SAID_MAX; at = at->next)
      if (at->type == KATA_JSON_STRING)
        g_string_append_printf (text, "%s%.300s", text->len > 0 ? ": " : "", at->text);
  if (text->len == 0)
    g_string_append_printf (text, "%.300s", body[0] != '\0' ? body : "no reason");
  g_autofree char *valid = g_utf8_make_valid (text->str, -1);
  for (char *c = valid; *c != '\0'; c++)
    if ((unsigned char) *c < ' ')
      *c = ' ';
  return g_steal_pointer (&valid);
}

/* The connection breaks a moment before the process is gone. */
static int
gone_or (kata_external_vm *vm, const char *action, kata_error *error, kata_error **err)
{
  if (kata_error_get_code (error) == KATA_E_VMM || kata_error_get_code (error) == KATA_E_NOT_FOUND)
    kata_external__pause (vm->vmm.pidfd, GONE_MS, kata_deadline__within (INT64_MAX, GONE_MS));
  if (!kata_external_vm__ended (vm))
    return kata_error__wrap (err, error, action, "Cloud Hypervisor, %s", action);
  kata_error_unref (error);
  return kata_external_vm__ended_error (vm, action, err);
}

/* Any answer but a good one is an error. @body: g_free(). */
static int
ask (char **body, kata_external_vm *vm, const char *action, kata_http_request *request, int64_t deadline_us,
     kata_error **err)
{
  g_autofree char *path = g_strconcat (PREFIX, action, NULL);
  kata_http_reply reply = { 0 };
  kata_error *error = NULL;
  request->path = path;
  int code = kata_http__call (&reply, vm->dir_fd, KATA_CLH_API_SOCKET, request, deadline_us, &error);
  if (code < 0)
    return gone_or (vm, action, error, err);
  if (reply.status / 100 == 2) {
    *body = reply.body;
    return 0;
  }
  g_autofree char *why = said (reply.body);
  g_free (reply.body);
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, action, err);
  return kata_error__set (err, KATA_E_VMM, action, "Cloud Hypervisor refuses %s (%u): %s", action, reply.status, why);
}

int
kata_clh__put (kata_external_vm *vm, const char *action, const char *body, const int *fds, size_t n_fds,
               int64_t deadline_us, kata_error **err)
{
  kata_http_request request = { .method = "PUT", .body = body, .fds = fds, .n_fds = n_fds };
  g_autofree char *answer = NULL;
  return ask (&answer, vm, action, &request, deadline_us, err);
}

int
kata_clh__get (char **body, kata_external_vm *vm, const char *action, int64_t deadline_us, kata_error **err)
{
  kata_http_request request = { .method = "GET" };
  return ask (body, vm, action, &request, deadline_us, err);
}

int
kata_clh__ping (kata_external_vm *vm, int64_t deadline_us, kata_error **err)
{
  kata_http_request request = { .method = "GET", .path = PREFIX "vmm.ping" };
  for (;;) {
    kata_http_reply reply = { 0 };
    kata_error *error = NULL;
    int code = kata_http__call (&reply, vm->dir_fd, KATA_CLH_API_SOCKET, &request, deadline_us, &error);
    if (code == 0) {
      bool good = reply.status == 200;
      g_free (reply.body);
      return good ? 0
                  : kata_error__set (err, KATA_E_PROTOCOL, "vmm.ping",
                                     "vmm.ping: what answers (%u) is no Cloud Hypervisor", reply.status);
    }
    if (code != KATA_E_NOT_FOUND || kata_external_vm__ended (vm))
      return gone_or (vm, "start", error, err);
    kata_error_unref (error);
    if (!kata_external__pause (vm->vmm.pidfd, RETRY_MS, deadline_us))
      return kata_error__set (err, KATA_E_TIMEOUT, "vmm.ping", "start: Cloud Hypervisor does not listen in time");
  }
}
