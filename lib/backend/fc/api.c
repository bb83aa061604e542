/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* api: requests to a running Firecracker, and what it says when it refuses. */
#include <string.h>

#include "backend/external-api.h"
#include "backend/fc/vm.h"
#include "base/json.h"

#define SAID_MAX 1000

/* {"fault_message": "…"} */
static char *
said (const char *body)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *root = NULL, *message = NULL;
  if (kata_json__parse (&root, arena, body, strlen (body), NULL, KATA_E_PROTOCOL, NULL) == 0)
    message = kata_json__get (root, "fault_message");
  return kata_external_api__line (message != NULL && message->type == KATA_JSON_STRING ? message->text : body,
                                  SAID_MAX);
}

static const kata_external_api api = { .name = "Firecracker", .socket = KATA_FC_API_SOCKET, .said = said };

int
kata_fc__await (kata_external_vm *vm, int64_t deadline_us, kata_error **err)
{
  return kata_external_api__await (vm, &api, "/version", "/version", deadline_us, err);
}

int
kata_fc__get (char **body, kata_external_vm *vm, const char *path, int64_t deadline_us, kata_error **err)
{
  const kata_http_request asked = { .method = "GET", .path = path };
  return kata_external_api__ask (body, vm, &api, &asked, path, deadline_us, err);
}

int
kata_fc__ask (kata_external_vm *vm, const kata_fc_request *request, int64_t deadline_us, kata_error **err)
{
  const kata_http_request asked = { .method = request->method, .path = request->path, .body = request->body };
  g_autofree char *what = g_strdup_printf ("%s %s", request->method, request->path);
  return kata_external_api__ask (NULL, vm, &api, &asked, what, deadline_us, err);
}
