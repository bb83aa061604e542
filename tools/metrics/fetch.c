/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fetch: asks many sandboxes' sockets at once; one that does not answer costs the others no more than the time limit. */
#include "metrics/fetch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/socket.h"

#define FETCH_MS   4000 /* a sandbox needs 2.5 s at most; Prometheus waits for 10 s */
#define ANSWER_MAX (4u << 20)

struct call {
  metrics_fetch *fetch;
  int fd; /* -1 = done */
  GString *in;
};

static void
finish (struct call *call)
{
  close (call->fd);
  call->fd = -1;
}

static void
begin (struct call *call, const char *path, gint64 now)
{
  g_autofree char *request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
  gsize length = strlen (request);
  call->in = g_string_new (NULL);
  call->fetch->us = now;
  call->fd = metrics_socket_connect (call->fetch->folder_fd);
  /* The socket's buffer is empty, and larger than any request of ours. */
  if (call->fd >= 0 && send (call->fd, request, length, MSG_NOSIGNAL) != (ssize_t) length)
    finish (call);
}

/* The body, if the answer is there as a whole and good. */
static GString *
take_body (const GString *in)
{
  static const char good[] = "HTTP/1.1 200 ", field[] = "\r\nContent-Length: ";
  const char *end = strstr (in->str, "\r\n\r\n");
  if (!end || strlen (in->str) != in->len || !g_str_has_prefix (in->str, good))
    return NULL;
  const char *length = g_strstr_len (in->str, end - in->str, field);
  gsize body = in->len - (gsize) (end + 4 - in->str);
  if (!length || g_ascii_strtoull (length + strlen (field), NULL, 10) != body)
    return NULL;
  return g_string_new_len (end + 4, (gssize) body);
}

static void
read_some (struct call *call)
{
  char bytes[16384];
  ssize_t n = recv (call->fd, bytes, sizeof bytes, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n > 0 && call->in->len + (gsize) n <= ANSWER_MAX) {
    g_string_append_len (call->in, bytes, n);
    return;
  }
  if (n == 0)
    call->fetch->body = take_body (call->in);
  call->fetch->us = g_get_monotonic_time () - call->fetch->us;
  finish (call);
}

/* FALSE: nothing is left to wait for. */
static gboolean
turn (struct call *calls, struct pollfd *fds, gsize n, gint64 until, int stop_fd)
{
  gboolean any = FALSE;
  for (gsize i = 0; i < n; i++) {
    fds[i + 1] = (struct pollfd){ calls[i].fd, POLLIN, 0 };
    any = any || calls[i].fd >= 0;
  }
  fds[0] = (struct pollfd){ stop_fd, POLLIN, 0 };
  gint64 left = (until - g_get_monotonic_time ()) / 1000;
  if (!any || left <= 0)
    return FALSE;
  if (poll (fds, n + 1, (int) MIN (left, FETCH_MS)) < 0)
    return errno == EINTR;
  for (gsize i = 0; i < n; i++)
    if (calls[i].fd >= 0 && fds[i + 1].revents)
      read_some (&calls[i]);
  return fds[0].revents == 0;
}

void
metrics_fetch_all (metrics_fetch *fetches, gsize n, const char *path, int stop_fd)
{
  g_autofree struct call *calls = g_new (struct call, n + 1);
  g_autofree struct pollfd *fds = g_new (struct pollfd, n + 1);
  gint64 now = g_get_monotonic_time ();
  for (gsize i = 0; i < n; i++) {
    calls[i] = (struct call){ &fetches[i], -1, NULL };
    begin (&calls[i], path, now);
  }
  while (turn (calls, fds, n, now + FETCH_MS * 1000, stop_fd))
    ;
  for (gsize i = 0; i < n; i++) {
    if (calls[i].fd >= 0)
      finish (&calls[i]);
    g_string_free (calls[i].in, TRUE);
  }
}
