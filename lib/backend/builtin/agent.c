/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: a connection to the guest's agent through the VMM's vsock socket ("CONNECT port"); retries while the guest boots. */
#include "backend/builtin/vm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/external.h"
#include "base/error.h"
#include "base/fd.h"

#define RETRY_MS   5
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

/* 0 with a stream's descriptor, or -errno. */
static int
try_connect (int *out, kata_builtin_vm *vm, int64_t deadline_us, kata_error **err)
{
  char line[ANSWER_MAX];
  kata_auto_fd int fd = -1;
  int code = kata_external__connect (&fd, vm->dir_fd, KATA_BUILTIN_VSOCK_SOCKET, SOCK_STREAM, err);
  if (code < 0)
    return code == KATA_E_NOT_FOUND ? -ECONNREFUSED : -EIO;
  int len = snprintf (line, sizeof line, "CONNECT %u\n", vm->port);
  if (send (fd, line, (size_t) len, MSG_NOSIGNAL) != len)
    return -errno;
  int rc = read_answer (fd, kata_deadline__within (deadline_us, ANSWER_MS));
  if (rc == 0)
    *out = kata_fd__steal (&fd);
  return rc;
}

int
kata_builtin__connect (void *handle, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  kata_builtin_vm *vm = handle;
  for (;;) {
    g_autoptr (kata_error) error = NULL;
    int fd = -1;
    bool ended = kata_builtin_vm__ended (vm);
    int rc = ended ? -ECONNREFUSED : try_connect (&fd, vm, env->deadline_us, &error);
    if (rc == 0) {
      kata_external__stream (out, fd, -1);
      return 0;
    }
    if (ended || kata_builtin_vm__ended (vm))
      return kata_builtin_vm__ended_error (vm, "connect to the agent", err);
    if (rc == -EIO && error != NULL)
      return kata_error__propagate (err, g_steal_pointer (&error));
    if (rc == -EPROTO)
      return kata_error__set (err, KATA_E_PROTOCOL, KATA_BUILTIN_VSOCK_SOCKET,
                              "connect to the agent: the VMM's answer is none of the CONNECT protocol");
    if (!kata_external__pause (kata_builtin_vm__exit_fd (vm), RETRY_MS, env->deadline_us))
      return kata_external__no_answer (vm->dir_fd, KATA_BUILTIN_CONSOLE_LOG, err);
  }
}
