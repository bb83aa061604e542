/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* api: requests to a running Cloud Hypervisor, and what it says when it refuses. */
#include "backend/clh/vm.h"

#include <string.h>

#include "backend/clh/config.h"
#include "backend/external-api.h"
#include "base/json.h"

#define PREFIX   "/api/v1/"
#define SAID_MAX 1000

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
  return kata_external_api__line (text->str, text->len);
}

static const kata_external_api api = { .name = "Cloud Hypervisor", .socket = KATA_CLH_API_SOCKET, .said = said };

int
kata_clh__put (kata_external_vm *vm, const char *action, const char *body, const int *fds, size_t n_fds,
               int64_t deadline_us, kata_error **err)
{
  g_autofree char *path = g_strconcat (PREFIX, action, NULL);
  const kata_http_request request = { .method = "PUT", .path = path, .body = body, .fds = fds, .n_fds = n_fds };
  return kata_external_api__ask (NULL, vm, &api, &request, action, deadline_us, err);
}

int
kata_clh__get (char **body, kata_external_vm *vm, const char *action, int64_t deadline_us, kata_error **err)
{
  g_autofree char *path = g_strconcat (PREFIX, action, NULL);
  const kata_http_request request = { .method = "GET", .path = path };
  return kata_external_api__ask (body, vm, &api, &request, action, deadline_us, err);
}

int
kata_clh__ping (kata_external_vm *vm, int64_t deadline_us, kata_error **err)
{
  return kata_external_api__await (vm, &api, PREFIX "vmm.ping", "vmm.ping", deadline_us, err);
}
