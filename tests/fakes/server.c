/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server: reads one request with its descriptors, answers it. */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LATE_MS  300
#define TEXT_MAX (1u << 20)
#define DEPTH    1000000

bool
fake_fault_parse (struct fake_fault *fault, const char *text)
{
  const char *colon = strrchr (text, ':');
  if (colon == NULL)
    return false;
  fault->action = g_strndup (text, (gsize) (colon - text));
  fault->how = g_strdup (colon + 1);
  return true;
}

/* A head that never ends. */
static void
send_long (int fd)
{
  static const char line[] = "X-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
  static const char first[] = "HTTP/1.1 200 OK\r\n";
  (void) !send (fd, first, strlen (first), MSG_NOSIGNAL);
  while (send (fd, line, strlen (line), MSG_NOSIGNAL) > 0)
    ;
}

bool
fake_fault_strike (const struct fake_fault *fault, const char *action, int fd)
{
  static const char junk[] = "\xff\xfe what is this \r\n\r\n";
  const char *how = fault->how;
  if (fault->action == NULL || !g_str_equal (fault->action, action))
    return false;
  if (g_str_equal (how, "die"))
    exit (3);
  if (g_str_equal (how, "late")) {
    g_usleep (LATE_MS * 1000);
    return false;
  }
  if (g_str_equal (how, "hang"))
    for (;;)
      pause ();
  if (g_str_equal (how, "junk"))
    (void) !send (fd, junk, sizeof junk, MSG_NOSIGNAL);
  if (g_str_equal (how, "long"))
    send_long (fd);
  if (g_str_equal (how, "deep")) {
    g_autofree char *nested = g_strnfill (DEPTH, '[');
    fake_reply (fd, 500, nested);
  }
  if (g_str_equal (how, "refuse"))
    fake_reply (fd, 500, fault->refusal != NULL ? fault->refusal : "[\"it is said so\",\"in\\u001btwo parts\"]");
  return true; /* and "hang-up" */
}

int
fake_listen (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  if (fd >= 0 && (bind (fd, (struct sockaddr *) &address, sizeof address) != 0 || listen (fd, 16) != 0)) {
    close (fd);
    return -1;
  }
  return fd;
}

static ssize_t
receive (struct fake_request *request, int fd, char *buffer, size_t size)
{
  char control[CMSG_SPACE (sizeof (int) * FAKE_FDS_MAX)];
  struct iovec iov = { buffer, size };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  ssize_t n = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
  for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR (&message) : NULL; c != NULL; c = CMSG_NXTHDR (&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
      continue;
    request->n_fds = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);
    memcpy (request->fds, CMSG_DATA (c), request->n_fds * sizeof (int));
  }
  return n;
}

static size_t
body_length (const char *head)
{
  g_autofree char *lower = g_ascii_strdown (head, -1);
  const char *field = strstr (lower, "\r\ncontent-length:");
  return field != NULL ? strtoul (field + strlen ("\r\ncontent-length:"), NULL, 10) : 0;
}

bool
fake_read (struct fake_request *request, int fd, const char *prefix)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[4096], method[16], path[256];
  const char *end = NULL;
  *request = (struct fake_request){ 0 };
  while (end == NULL || text->len < (size_t) (end + 4 - text->str) + body_length (text->str)) {
    ssize_t n = receive (request, fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 || text->len > TEXT_MAX)
      return false;
    g_string_append_len (text, buffer, n);
    end = strstr (text->str, "\r\n\r\n");
  }
  if (sscanf (text->str, "%15s %255s HTTP/1.1\r\n", method, path) != 2 || !g_str_has_prefix (path, prefix))
    return false;
  request->method = g_strdup (method);
  request->path = g_strdup (path + strlen (prefix));
  if (end[4] != '\0')
    request->body = g_strdup (end + 4);
  return true;
}

void
fake_request_clear (struct fake_request *request)
{
  for (size_t i = 0; i < request->n_fds; i++)
    close (request->fds[i]);
  g_free (request->method);
  g_free (request->path);
  g_free (request->body);
}

void
fake_reply (int fd, unsigned status, const char *body)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "HTTP/1.1 %u \r\nServer: Fake API\r\nConnection: keep-alive\r\n", status);
  if (body != NULL)
    g_string_append_printf (text, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen (body),
                            body);
  else
    g_string_append (text, "\r\n");
  (void) !send (fd, text->str, text->len, MSG_NOSIGNAL);
}
