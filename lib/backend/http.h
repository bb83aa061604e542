/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http: one request of HTTP/1.1 to a VMM's unix socket, descriptors along with it. It knows no VMM, no JSON, no network. */
#ifndef KATA_BACKEND_HTTP_H
#define KATA_BACKEND_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kata/error.h>

#define KATA_HTTP_HEAD_MAX 8192u
#define KATA_HTTP_BODY_MAX (1u << 20)

typedef struct kata_http_request {
  const char *method, *path;
  const char *body; /* JSON; NULL = none */
  const int *fds;   /* borrowed; sent as SCM_RIGHTS with the first byte */
  size_t n_fds;
} kata_http_request;

typedef struct kata_http_reply {
  unsigned status;
  char *body; /* NUL-terminated, never NULL after a success; g_free() */
} kata_http_reply;

/** What the head of an answer says. */
struct kata_http_head {
  unsigned status;
  size_t head_len, body_len; /* the head with the empty line; what Content-Length says, 0 without */
};

/**
 * Pure: 1 with *head once @text has a whole head, 0 while more is needed, KATA_E_PROTOCOL for what is no answer of HTTP/1.x: a status that is
 * none, a body longer than KATA_HTTP_BODY_MAX, two lengths, a transfer encoding, a head longer than KATA_HTTP_HEAD_MAX.
 */
int kata_http__parse_head (struct kata_http_head *head, const char *text, size_t len, kata_error **err);

/**
 * Connects to the socket @name in the directory, asks, reads the answer, hangs up. Any status is a success. KATA_E_TIMEOUT, KATA_E_VMM when the
 * other end hangs up, KATA_E_PROTOCOL; errors of the connection as kata_external__connect() has them.
 */
int kata_http__call (kata_http_reply *reply, int dir_fd, const char *name, const kata_http_request *request,
                     int64_t deadline_us, kata_error **err);

#endif
