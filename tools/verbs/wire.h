/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wire: one request and one reply between a verb and a pod's keeper: JSON text with descriptors over a stream socket. */
#ifndef KATACTL_VERBS_WIRE_H
#define KATACTL_VERBS_WIRE_H

#include <json-glib/json-glib.h>
#include "verbs/oci.h"

#define WIRE_FDS_MAX 8
#define WIRE_MAX     ((size_t) 16 << 20) /* a config.json of 4 MiB may grow when it is quoted */

typedef struct wire_message {
  JsonParser *parser;
  JsonObject *object; /* belongs to @parser */
  int fds[WIRE_FDS_MAX];
  int n_fds;
} wire_message;

/** Send what @builder holds. 0, or -1 with errno. */
int wire_send (int fd, JsonBuilder *builder, const int *fds, int n_fds);
/** Receive one message. 0, or -1 with errno (EPROTO: not such a message; ECONNRESET: end). */
int wire_receive (int fd, wire_message *message);
/** Closes the descriptors that nobody took (set to -1). */
void wire_clear (wire_message *message);
/** Is the other side our own user? */
int wire_peer_is_ours (int fd);

/** A new request with its "op"; further members are added before wire_call(). */
JsonBuilder *wire_request (const char *op, const char *id);
void wire_add_text (JsonBuilder *builder, const char *name, const char *value);
void wire_add_int (JsonBuilder *builder, const char *name, int64_t value);

/**
 * Send @builder (taken) to the keeper of @sandbox and wait for the reply. 0; @exit_code after the keeper's error was written; -1
 * without a word when there is no keeper.
 */
int wire_call (oci *oci, int exit_code, const char *sandbox, JsonBuilder *builder, const int *fds, int n_fds,
               wire_message *reply);

#endif
