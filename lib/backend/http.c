/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http: writes the request, reads until the length that the answer names (RFC 9112). */
#include "backend/http.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <glib.h>

#include "backend/external.h"
#include "base/error.h"
#include "base/fd.h"

/* ---- the head of an answer ---- */

static int
bad (kata_error **err, const char *what)
{
  return kata_error__set (err, KATA_E_PROTOCOL, NULL, "HTTP: %s", what);
}

static bool
parse_status (const char *line, size_t len, unsigned *status)
{
  if (len < strlen ("HTTP/1.1 200") || strncmp (line, "HTTP/1.", 7) != 0 || !g_ascii_isdigit (line[7]) ||
      line[8] != ' ')
    return false;
  for (size_t i = 9; i < 12; i++)
    if (!g_ascii_isdigit (line[i]))
      return false;
  *status = (unsigned) (line[9] - '0') * 100 + (unsigned) (line[10] - '0') * 10 + (unsigned) (line[11] - '0');
  return *status >= 100 && *status < 600 && (len == 12 || line[12] == ' ');
}

static bool
parse_length (const char *value, size_t len, size_t *out)
{
  size_t n = 0;
  while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
    len--;
  for (size_t i = 0; i < len; i++) {
    if (!g_ascii_isdigit (value[i]))
      return false;
    n = n * 10 + (size_t) (value[i] - '0');
    if (n > KATA_HTTP_BODY_MAX)
      return false;
  }
  *out = n;
  return len > 0;
}

/* One "Name: value"; others than the two are none of our business. */
static int
parse_field (struct kata_http_head *head, bool *have_length, const char *line, size_t len, kata_error **err)
{
  static const char length[] = "content-length:", encoding[] = "transfer-encoding:";
  if (len >= strlen (encoding) && g_ascii_strncasecmp (line, encoding, strlen (encoding)) == 0)
    return bad (err, "an answer in a transfer encoding");
  if (len < strlen (length) || g_ascii_strncasecmp (line, length, strlen (length)) != 0)
    return 0;
  size_t at = strlen (length), value = 0;
  while (at < len && (line[at] == ' ' || line[at] == '\t'))
    at++;
  if (!parse_length (line + at, len - at, &value))
    return bad (err, "an answer's length that is no number, or above 1 MiB");
  if (*have_length && value != head->body_len)
    return bad (err, "an answer of two lengths");
  *have_length = true;
  head->body_len = value;
  return 0;
}

int
kata_http__parse_head (struct kata_http_head *head, const char *text, size_t len, kata_error **err)
{
  size_t at = 0;
  bool first = true, have_length = false;
  *head = (struct kata_http_head){ 0 };
  for (;;) {
    const char *line = text + at, *end = memchr (line, '\n', len - at);
    if (end == NULL)
      return len >= KATA_HTTP_HEAD_MAX ? bad (err, "a head of an answer above 8 KiB") : 0;
    size_t line_len = (size_t) (end - line);
    at += line_len + 1;
    if (at > KATA_HTTP_HEAD_MAX)
      return bad (err, "a head of an answer above 8 KiB");
    if (line_len > 0 && line[line_len - 1] == '\r')
      line_len--;
    if (first && !parse_status (line, line_len, &head->status))
      return bad (err, "what answers does not speak HTTP/1");
    if (!first && line_len == 0)
      break;
    int code = first ? 0 : parse_field (head, &have_length, line, line_len, err);
    if (code < 0)
      return code;
    first = false;
  }
  head->head_len = at;
  return 1;
}

/* ---- the call ---- */

static int
wait_for (int fd, short events, int64_t deadline_us, kata_error **err)
{
  struct pollfd poller = { .fd = fd, .events = events };
  int n = poll (&poller, 1, kata_deadline__poll_ms (deadline_us));
  if (n > 0 || (n < 0 && errno == EINTR && kata_deadline__now () < deadline_us))
    return 0;
  return kata_error__set (err, KATA_E_TIMEOUT, NULL, "HTTP: no answer in time");
}

static int
send_request (int fd, const kata_http_request *request, int64_t deadline_us, kata_error **err)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n", request->method,
                          request->path);
  if (request->body != NULL)
    g_string_append_printf (text, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen (request->body));
  g_string_append_printf (text, "\r\n%s", request->body != NULL ? request->body : "");
  for (size_t done = 0; done < text->len;) {
    int code = wait_for (fd, POLLOUT, deadline_us, err);
    if (code < 0)
      return code;
    ssize_t n =
        kata_external__send (fd, text->str + done, text->len - done, request->fds, done == 0 ? request->n_fds : 0);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return kata_error__errno (err, KATA_E_VMM, NULL, errno, "HTTP: %s %s", request->method, request->path);
    done += n > 0 ? (size_t) n : 0;
  }
  return 0;
}

static int
read_some (int fd, GString *text, int64_t deadline_us, kata_error **err)
{
  char buffer[4096];
  int code = wait_for (fd, POLLIN, deadline_us, err);
  if (code < 0)
    return code;
  ssize_t n = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return 0;
  if (n <= 0)
    return kata_error__set (err, KATA_E_VMM, NULL, "HTTP: the other end closed the connection");
  g_string_append_len (text, buffer, n);
  return 0;
}

static int
read_reply (kata_http_reply *reply, int fd, int64_t deadline_us, kata_error **err)
{
  g_autoptr (GString) text = g_string_new (NULL);
  struct kata_http_head head;
  int code = 0, whole = 0;
  while (code == 0 && (whole = kata_http__parse_head (&head, text->str, text->len, err)) == 0)
    code = read_some (fd, text, deadline_us, err);
  if (code < 0 || whole < 0)
    return code < 0 ? code : whole;
  while (code == 0 && text->len < head.head_len + head.body_len)
    code = read_some (fd, text, deadline_us, err);
  if (code < 0)
    return code;
  reply->status = head.status;
  reply->body = g_strndup (text->str + head.head_len, head.body_len);
  return 0;
}

int
kata_http__call (kata_http_reply *reply, int dir_fd, const char *name, const kata_http_request *request,
                 int64_t deadline_us, kata_error **err)
{
  kata_auto_fd int fd = -1;
  if (request->n_fds > KATA_EXTERNAL_FDS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, request->path, "HTTP: %s: more than %u descriptors", request->path,
                            KATA_EXTERNAL_FDS_MAX);
  int code = kata_external__connect (&fd, dir_fd, name, SOCK_STREAM, err);
  if (code == 0)
    code = send_request (fd, request, deadline_us, err);
  if (code == 0)
    code = read_reply (reply, fd, deadline_us, err);
  return code;
}
