/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: the host's side: connect, ask, wait for the answer, each with a deadline. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/control.h"

/* Milliseconds left, rounded up, for poll(). */
static int
left_ms (int64_t deadline_us)
{
  if (deadline_us == INT64_MAX)
    return -1;
  int64_t left = deadline_us - vmm_loop__now () / 1000;
  if (left <= 0)
    return 0;
  left = (left + 999) / 1000;
  return left > INT_MAX ? INT_MAX : (int) left;
}

/* Waits for a packet and takes it; @len must be its size. 0 bytes (the other end closed) is KATA_E_VMM. */
static int
receive (int fd, void *to, size_t len, int64_t deadline_us, const char *what, kata_error **err)
{
  for (;;) {
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int ready = poll (&p, 1, left_ms (deadline_us));
    if (ready < 0 && errno != EINTR)
      return kata_error__errno (err, KATA_E_IO, NULL, errno, "%s: wait for kata-vmm", what);
    if (ready == 0)
      return kata_error__set (err, KATA_E_TIMEOUT, NULL, "%s: no answer from kata-vmm in time", what);
    if (ready < 0)
      continue;
    ssize_t n = recv (fd, to, len, MSG_DONTWAIT | MSG_TRUNC);
    if (n == (ssize_t) len)
      return 0;
    if (n == 0 || (n < 0 && (errno == ECONNRESET || errno == EPIPE)))
      return kata_error__set (err, KATA_E_VMM, NULL, "%s: kata-vmm ended without an answer", what);
    if (n > 0)
      return kata_error__set (err, KATA_E_PROTOCOL, NULL, "%s: kata-vmm's answer has %zd bytes instead of %zu", what, n,
                              len);
    if (errno != EAGAIN && errno != EINTR)
      return kata_error__errno (err, KATA_E_IO, NULL, errno, "%s: receive from kata-vmm", what);
  }
}

static int
transmit (int fd, const void *from, size_t len, const char *what, kata_error **err)
{
  ssize_t n;
  do
    n = send (fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n == (ssize_t) len)
    return 0;
  if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
    return kata_error__set (err, KATA_E_VMM, NULL, "%s: kata-vmm has ended", what);
  return kata_error__errno (err, KATA_E_IO, NULL, n < 0 ? errno : EMSGSIZE, "%s: send to kata-vmm", what);
}

static void
pause_until (int64_t deadline_us)
{
  int ms = left_ms (deadline_us);
  struct timespec t = { .tv_nsec = (ms < 0 || ms > 5 ? 5 : ms) * 1000000L };
  nanosleep (&t, NULL);
}

int
vmm_control__connect (int *out, int dir_fd, const char *name, int64_t deadline_us, kata_error **err)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int len = dir_fd == AT_FDCWD
                ? snprintf (address.sun_path, sizeof address.sun_path, "%s", name)
                : snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
  if (len < 0 || (size_t) len >= sizeof address.sun_path)
    return kata_error__set (err, KATA_E_LIMIT, name, "control socket %s: the path is too long", name);
  kata_auto_fd int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, name, errno, "control socket %s", name);
  while (connect (fd, (struct sockaddr *) &address, sizeof address) < 0) {
    if (errno == ECONNREFUSED || errno == ENOENT)
      return kata_error__errno (err, KATA_E_VMM, name, errno, "control socket %s: kata-vmm has ended", name);
    if (errno != EAGAIN && errno != EINTR)
      return kata_error__errno (err, KATA_E_IO, name, errno, "control socket %s", name);
    if (left_ms (deadline_us) == 0)
      return kata_error__set (err, KATA_E_TIMEOUT, name, "control socket %s: kata-vmm accepts nobody", name);
    pause_until (deadline_us); /* the backlog is full; a unix socket does not say when that changes */
  }
  *out = kata_fd__steal (&fd);
  return 0;
}

int
vmm_control__call (int fd, struct vmm_control_reply *out, enum vmm_control_op op, uint64_t arg, int64_t deadline_us,
                   kata_error **err)
{
  struct vmm_control_request request = { htole32 (sizeof request), htole32 (op), htole64 (arg) };
  struct vmm_control_reply reply;
  int code = transmit (fd, &request, sizeof request, "control", err);
  if (code == 0)
    code = receive (fd, &reply, sizeof reply, deadline_us, "control", err);
  if (code < 0)
    return code;
  if (le32toh (reply.size) != sizeof reply || le32toh (reply.version) != VMM_CONTROL_VERSION)
    return kata_error__set (err, KATA_E_PROTOCOL, NULL, "control: kata-vmm is of another version");
  reply.text[sizeof reply.text - 1] = '\0';
  int32_t result = (int32_t) le32toh ((uint32_t) reply.code);
  if (result != 0)
    return kata_error__set (err, result < 0 && result >= KATA_E_INTERNAL ? result : KATA_E_PROTOCOL, NULL,
                            "control: %s", reply.text);
  if (out == NULL)
    return 0;
  *out = reply;
  out->size = sizeof reply;
  out->code = 0;
  out->version = VMM_CONTROL_VERSION;
  out->state = le32toh (reply.state);
  out->exits = le64toh (reply.exits);
  out->exits_mmio = le64toh (reply.exits_mmio);
  out->exits_pio = le64toh (reply.exits_pio);
  out->first_run_ns = (int64_t) le64toh ((uint64_t) reply.first_run_ns);
  out->balloon_pages = le64toh (reply.balloon_pages);
  return 0;
}

int
vmm_start__send (int fd, const char *text, kata_error **err)
{
  return transmit (fd, text, strlen (text), "start kata-vmm", err);
}

int
vmm_start__wait (int fd, int64_t deadline_us, kata_error **err)
{
  struct vmm_start_reply reply;
  int code = receive (fd, &reply, sizeof reply, deadline_us, "start kata-vmm", err);
  if (code < 0)
    return code;
  if (le32toh (reply.size) != sizeof reply || le32toh (reply.version) != VMM_CONTROL_VERSION)
    return kata_error__set (err, KATA_E_PROTOCOL, NULL, "start kata-vmm: it is of another version");
  reply.key[sizeof reply.key - 1] = reply.text[sizeof reply.text - 1] = '\0';
  int32_t result = (int32_t) le32toh ((uint32_t) reply.code);
  if (result == 0)
    return 0;
  return kata_error__set (err, result < 0 && result >= KATA_E_INTERNAL ? result : KATA_E_PROTOCOL,
                          reply.key[0] != '\0' ? reply.key : NULL, "kata-vmm: %s", reply.text);
}
