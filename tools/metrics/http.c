/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http: reads a GET request and writes the head of an answer; pure, and no more of HTTP/1.1 than that takes. */
#include "metrics/http.h"

#include <string.h>

#define FIELDS_MAX 64

/* Part of the request, without its line end. */
struct span {
  const char *at, *end;
};

/* What is met while the fields are read. */
struct fields {
  int n, n_hosts;
  gboolean body;
};

static gsize
span_length (struct span span)
{
  return (gsize) (span.end - span.at);
}

static gboolean
span_is (struct span span, const char *text)
{
  return span_length (span) == strlen (text) && g_ascii_strncasecmp (span.at, text, span_length (span)) == 0;
}

static gboolean
is_token (struct span span)
{
  for (const char *c = span.at; c < span.end; c++)
    if (!g_ascii_isalnum (*c) && (*c == 0 || !strchr ("!#$%&'*+-.^_`|~", *c)))
      return FALSE;
  return span.at < span.end;
}

/* Bytes between blanks: all visible. */
static gboolean
is_visible (struct span span)
{
  for (const char *c = span.at; c < span.end; c++)
    if (*c <= 0x20 || *c >= 0x7f)
      return FALSE;
  return span.at < span.end;
}

static gboolean
copy (char *to, gsize room, struct span from)
{
  gsize length = span_length (from);
  if (length >= room)
    return FALSE;
  memcpy (to, from.at, length);
  to[length] = 0;
  return TRUE;
}

/* Up to @stop, which is skipped. */
static gboolean
cut (struct span *rest, char stop, struct span *out)
{
  const char *at = memchr (rest->at, stop, span_length (*rest));
  if (!at)
    return FALSE;
  *out = (struct span){ rest->at, at };
  rest->at = at + 1;
  return TRUE;
}

/* The next line; it must end with CR LF, and have no other CR. */
static gboolean
cut_line (struct span *rest, struct span *line)
{
  if (!cut (rest, '\n', line) || line->at == line->end || line->end[-1] != '\r')
    return FALSE;
  line->end--;
  return memchr (line->at, '\r', span_length (*line)) == NULL;
}

static int
parse_target (http_request *out, struct span target)
{
  struct span path;
  if (!is_visible (target) || *target.at != '/' || memchr (target.at, '#', span_length (target)))
    return 400;
  if (!cut (&target, '?', &path)) {
    path = target;
    target.at = target.end;
  }
  return copy (out->path, sizeof out->path, path) && copy (out->query, sizeof out->query, target) ? 200 : 414;
}

static int
parse_request_line (http_request *out, struct span line, gboolean *old)
{
  struct span method, target;
  if (!cut (&line, ' ', &method) || !is_token (method) || !cut (&line, ' ', &target))
    return 400;
  *old = span_length (line) == 8 && memcmp (line.at, "HTTP/1.0", 8) == 0;
  if (span_length (line) != 8 || memcmp (line.at, "HTTP/", 5) != 0 || !g_ascii_isdigit (line.at[5]) ||
      line.at[6] != '.' || !g_ascii_isdigit (line.at[7]))
    return 400;
  if (line.at[5] != '1')
    return 505;
  if (span_length (method) != 3 || memcmp (method.at, "GET", 3) != 0)
    return 405;
  return parse_target (out, target);
}

static struct span
trim (struct span span)
{
  while (span.at < span.end && (*span.at == ' ' || *span.at == '\t'))
    span.at++;
  while (span.at < span.end && (span.end[-1] == ' ' || span.end[-1] == '\t'))
    span.end--;
  return span;
}

static int
parse_field (http_request *out, struct span line, struct fields *fields)
{
  struct span name;
  if (!cut (&line, ':', &name) || !is_token (name))
    return 400;
  for (const char *c = line.at; c < line.end; c++)
    if (((guchar) *c < 0x20 && *c != '\t') || *c == 0x7f)
      return 400;
  line = trim (line);
  if (++fields->n > FIELDS_MAX)
    return 431;
  if (span_is (name, "Host"))
    return fields->n_hosts++ == 0 && copy (out->host, sizeof out->host, line) ? 200 : 400;
  if (span_is (name, "Transfer-Encoding") || (span_is (name, "Content-Length") && !span_is (line, "0")))
    return 400; /* a GET has no body here */
  if (span_is (name, "Accept") && g_strstr_len (line.at, (gssize) span_length (line), HTTP_JSON_TYPE))
    out->wants_json = TRUE;
  return 200;
}

int
http_parse (http_request *out, const char *bytes, gsize length)
{
  gboolean old = FALSE;
  struct fields fields = { 0 };
  *out = (http_request){ 0 };
  if (memchr (bytes, 0, length))
    return 400;
  const char *end = g_strstr_len (bytes, (gssize) length, "\r\n\r\n");
  if (length > HTTP_REQUEST_MAX || (!end && length == HTTP_REQUEST_MAX))
    return 431;
  if (!end)
    return 0;
  struct span rest = { bytes, end + 2 }, line;
  int status = cut_line (&rest, &line) ? parse_request_line (out, line, &old) : 400;
  while (status == 200 && rest.at < rest.end)
    status = cut_line (&rest, &line) ? parse_field (out, line, &fields) : 400;
  return status == 200 && !old && fields.n_hosts == 0 ? 400 : status;
}

/* Decodes @from into @to; -1 for a wrong escape, a NUL or too much. */
static int
decode (struct span from, char *to, gsize room)
{
  gsize n = 0;
  while (from.at < from.end) {
    int c = (guchar) *from.at++;
    if (c == '%') {
      int high = span_length (from) >= 2 ? g_ascii_xdigit_value (from.at[0]) : -1;
      int low = high >= 0 ? g_ascii_xdigit_value (from.at[1]) : -1;
      if (low < 0)
        return -1;
      c = high * 16 + low;
      from.at += 2;
    }
    if (c == 0 || n + 1 >= room)
      return -1;
    to[n++] = (char) c;
  }
  to[n] = 0;
  return 1;
}

int
http_query (const char *query, const char *name, char *value, gsize room)
{
  struct span rest = { query, query + strlen (query) };
  while (rest.at < rest.end) {
    struct span pair, key;
    if (!cut (&rest, '&', &pair)) {
      pair = rest;
      rest.at = rest.end;
    }
    if (!cut (&pair, '=', &key)) {
      key = pair;
      pair.at = pair.end;
    }
    if (span_length (key) == strlen (name) && memcmp (key.at, name, strlen (name)) == 0)
      return decode (pair, value, room);
  }
  return 0;
}

const char *
http_reason (int status)
{
  static const struct {
    int status;
    const char *reason;
  } rows[] = { { 200, "OK" },
               { 400, "Bad Request" },
               { 403, "Forbidden" },
               { 404, "Not Found" },
               { 405, "Method Not Allowed" },
               { 408, "Request Timeout" },
               { 414, "URI Too Long" },
               { 421, "Misdirected Request" },
               { 431, "Request Header Fields Too Large" },
               { 502, "Bad Gateway" },
               { 505, "HTTP Version Not Supported" } };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].status == status)
      return rows[i].reason;
  return "Internal Server Error";
}

void
http_head (GString *out, const http_answer *answer, gsize length)
{
  g_string_append_printf (out, "HTTP/1.1 %d %s\r\n", answer->status, http_reason (answer->status));
  g_string_append_printf (out, "Content-Type: %s\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n", answer->type, length);
  g_string_append_printf (out,
                          "%sConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n",
                          answer->status == 405 ? "Allow: GET\r\n" : "");
}

void
http_say (http_answer *answer, int status, const char *text)
{
  answer->status = status;
  answer->type = HTTP_TEXT_TYPE;
  g_string_assign (answer->body, text);
  g_string_append_c (answer->body, '\n');
}
