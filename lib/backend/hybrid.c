/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hybrid: the host's half of the CONNECT protocol. */
#include "backend/hybrid.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/external.h"
#include "base/error.h"
#include "base/fd.h"

#define ANSWER_MS  5000
#define ANSWER_MAX 32

/* The answer is one short line; it is read byte by byte, because the stream begins right behind it. 0, or -errno. */
static int
read_answer (int fd, int64_t deadline_us)
{
  char line[ANSWER_MAX + 1];
  for (size_t n = 0; n < ANSWER_MAX;) {
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    ssize_t got = recv (fd, &line[n], 1, MSG_DONTWAIT);
    if (got == 0)
      return -ECONNREFUSED; /* nobody listens in the guest yet */
    if (got < 0 && errno != EAGAIN && errno != EINTR)
      return -errno;
    if (got < 0 && poll (&poller, 1, kata_deadline__poll_ms (deadline_us)) == 0)
      return -ETIMEDOUT;
    if (got < 0)
      continue;
    if (line[n] == '\n') {
      line[n] = '\0';
      return strncmp (line, "OK ", 3) == 0 ? 0 : -EPROTO;
    }
    n++;
  }
  return -EPROTO;
}

enum kata_hybrid_result
kata_hybrid__try (int *out, int dir_fd, const char *name, uint32_t port, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_error) error = NULL;
  char line[ANSWER_MAX];
  kata_auto_fd int fd = -1;
  int code = kata_external__connect (&fd, dir_fd, name, SOCK_STREAM, &error);
  if (code == KATA_E_NOT_FOUND)
    return KATA_HYBRID_LATER;
  if (code < 0) {
    kata_error__propagate (err, g_steal_pointer (&error));
    return KATA_HYBRID_FAILED;
  }
  int len = snprintf (line, sizeof line, "CONNECT %u\n", port);
  if (send (fd, line, (size_t) len, MSG_NOSIGNAL) != len)
    return KATA_HYBRID_LATER;
  int rc = read_answer (fd, kata_deadline__within (deadline_us, ANSWER_MS));
  if (rc == -EPROTO) {
    kata_error__set (err, KATA_E_PROTOCOL, name,
                     "connect to the agent: the VMM's answer is none of the CONNECT protocol");
    return KATA_HYBRID_FAILED;
  }
  if (rc == 0)
    *out = kata_fd__steal (&fd);
  return rc == 0 ? KATA_HYBRID_OK : KATA_HYBRID_LATER;
}
