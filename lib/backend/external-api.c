/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-api: one request, one answer; a connection that breaks is told from a VMM that has gone. */
#include "backend/external-api.h"

#include <string.h>

#include "base/error.h"

#define RETRY_MS 3
#define GONE_MS  1000

char *
kata_external_api__line (const char *text, size_t max)
{
  g_autofree char *cut = g_strndup (text[0] != '\0' ? text : "no reason", max);
  char *valid = g_utf8_make_valid (cut, -1);
  for (char *c = valid; *c != '\0'; c++)
    if ((unsigned char) *c < ' ' || *c == 0x7f)
      *c = ' ';
  return valid;
}

/* The connection breaks a moment before the process is gone. */
static int
gone_or (kata_external_vm *vm, const kata_external_api *api, const char *what, kata_error *error, kata_error **err)
{
  int code = kata_error_get_code (error);
  if (code == KATA_E_VMM || code == KATA_E_NOT_FOUND)
    kata_external__pause (vm->vmm.pidfd, GONE_MS, kata_deadline__within (INT64_MAX, GONE_MS));
  if (kata_external_vm__ended (vm)) {
    kata_error_unref (error);
    return kata_external_vm__ended_error (vm, what, err);
  }
  if (code != KATA_E_NOT_FOUND)
    return kata_error__wrap (err, error, what, "%s, %s", api->name, what);
  /* To callers that would be a sandbox or a device that is not there. */
  code = kata_error__set (err, KATA_E_VMM, what, "%s, %s: it runs, and does not listen: %s", api->name, what,
                          kata_error_get_message (error));
  kata_error_unref (error);
  return code;
}

int
kata_external_api__ask (char **body, kata_external_vm *vm, const kata_external_api *api,
                        const kata_http_request *request, const char *what, int64_t deadline_us, kata_error **err)
{
  kata_http_reply reply = { 0 };
  kata_error *error = NULL;
  int code = kata_http__call (&reply, vm->dir_fd, api->socket, request, deadline_us, &error);
  if (code < 0)
    return gone_or (vm, api, what, error, err);
  g_autofree char *text = reply.body;
  if (reply.status / 100 == 2) {
    if (body != NULL)
      *body = g_steal_pointer (&text);
    return 0;
  }
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, what, err);
  g_autofree char *why = api->said (text);
  return kata_error__set (err, reply.status == 429 ? KATA_E_BUSY : KATA_E_VMM, what, "%s refuses %s (%u): %s",
                          api->name, what, reply.status, why);
}

int
kata_external_api__await (kata_external_vm *vm, const kata_external_api *api, const char *path, const char *what,
                          int64_t deadline_us, kata_error **err)
{
  const kata_http_request request = { .method = "GET", .path = path };
  for (;;) {
    kata_http_reply reply = { 0 };
    kata_error *error = NULL;
    int code = kata_http__call (&reply, vm->dir_fd, api->socket, &request, deadline_us, &error);
    if (code == 0) {
      bool good = reply.status == 200;
      g_free (reply.body);
      return good ? 0
                  : kata_error__set (err, KATA_E_PROTOCOL, what, "start: what answers %s (%u) is no %s", what,
                                     reply.status, api->name);
    }
    if (code != KATA_E_NOT_FOUND || kata_external_vm__ended (vm))
      return gone_or (vm, api, "start", error, err);
    kata_error_unref (error);
    if (!kata_external__pause (vm->vmm.pidfd, RETRY_MS, deadline_us))
      return kata_error__set (err, KATA_E_TIMEOUT, what, "start: %s does not listen in time", api->name);
  }
}
