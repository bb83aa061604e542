/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-api: questions to a VMM that speaks HTTP on a socket in its directory, and what becomes of a refusal or of its end; which VMM is in a kata_external_api. */
#ifndef KATA_BACKEND_EXTERNAL_API_H
#define KATA_BACKEND_EXTERNAL_API_H

#include "backend/external-vm.h"
#include "backend/http.h"

/** What differs between VMMs; constant. */
typedef struct kata_external_api {
  const char *name;                 /* as errors call it: "Firecracker" */
  const char *socket;               /* in the VM's directory */
  char *(*said) (const char *body); /* the reason in a refusal's body; g_free() */
} kata_external_api;

/** Asks a running VMM. @body (out) (nullable): its answer; g_free(). @what: how errors call the request. KATA_E_VMM with what it says when it refuses, or when it has ended; KATA_E_BUSY when it refuses for now (429). */
int kata_external_api__ask (char **body, kata_external_vm *vm, const kata_external_api *api,
                            const kata_http_request *request, const char *what, int64_t deadline_us, kata_error **err);

/** Waits until a VMM that was just started answers GET @path with 200; @what as above. KATA_E_TIMEOUT, KATA_E_VMM when it ends, KATA_E_PROTOCOL. */
int kata_external_api__await (kata_external_vm *vm, const kata_external_api *api, const char *path, const char *what,
                              int64_t deadline_us, kata_error **err);

/** A text of a VMM's for one line of an error: valid UTF-8 of at most @max bytes without control characters; "no reason" for none; g_free(). */
char *kata_external_api__line (const char *text, size_t max);

#endif
