/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http: reads a GET request and writes the head of an answer; pure, and no more of HTTP/1.1 than that takes. */
#ifndef METRICS_HTTP_H
#define METRICS_HTTP_H

#include <glib.h>

#define HTTP_REQUEST_MAX 8192u
#define HTTP_JSON_TYPE   "application/json"
#define HTTP_TEXT_TYPE   "text/plain; charset=utf-8"

typedef struct http_request {
  char path[256];  /* as it came: nothing that we serve has to be decoded */
  char query[512]; /* "" = none */
  char host[256];  /* "" = none */
  gboolean wants_json;
} http_request;

/** What a handler makes; @body is there, and empty, when it is called. */
typedef struct http_answer {
  int status;
  const char *type;
  GString *body;
} http_answer;

/** Reads what has come. 0: more is needed; 200: @out is filled; else the status to refuse with. */
int http_parse (http_request *out, const char *bytes, gsize length);
/** The value of @name in a query, decoded. 1, 0 when it is not there, -1 when it cannot be decoded or is longer than @room. */
int http_query (const char *query, const char *name, char *value, gsize room);
/** The head of an answer with a body of @length bytes, and the empty line. */
void http_head (GString *out, const http_answer *answer, gsize length);
const char *http_reason (int status);
/** Sets all of an answer; @text gets a line feed. */
void http_say (http_answer *answer, int status, const char *text);

#endif
