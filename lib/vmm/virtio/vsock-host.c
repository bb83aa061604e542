/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-host: programs of the host that come by the listening socket: their lines, and those who listen on ports for the guest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/virtio/vsock-device.h"

#define RETRY_NS     INT64_C (100000000)
#define ACCEPT_BATCH 16

static void
host_rewatch (struct vmm_vsock *vsock)
{
  struct vmm_vsock_host *host = &vsock->host;
  bool on = !vsock->paused && !host->resting && host->n_lines < VMM_VSOCK_LINES_MAX;

  if (on != host->watching)
    vmm_watch__set (host->watch, on ? EPOLLIN : 0);
  host->watching = on;
}

/** Its guest boots: who would be refused now would ask again and again until it is up. */
static bool
driver_may_come (const struct vmm_vsock *vsock)
{
  return (vsock->base->status & (VMM_VIRTIO_S_DRIVER_OK | VMM_VIRTIO_S_NEEDS_RESET | VMM_VIRTIO_S_FAILED)) == 0;
}

/** The timer is for the oldest line, for trying accept4() again, and for those who waited for the driver. */
static void
host_rearm (struct vmm_vsock *vsock)
{
  struct vmm_vsock_host *host = &vsock->host;
  int64_t wait = host->resting ? RETRY_NS : -1;

  if (!vmm_list__empty (&host->lines)) {
    struct vmm_vsock_line *oldest = vmm_list__entry (host->lines.next, struct vmm_vsock_line, link);
    int64_t left = oldest->deadline - vmm_loop__now ();
    left = left > 0 ? left : 1;
    wait = wait < 0 || left < wait ? left : wait;
  }
  if (!vmm_list__empty (&host->held) && !driver_may_come (vsock))
    wait = 1;
  if (wait < 0 || vsock->paused)
    vmm_timer__disarm (host->timer);
  else
    vmm_timer__arm (host->timer, wait);
}

/** The descriptor is closed, or returned when @keep. */
static int
line_end (struct vmm_vsock_line *line, bool keep)
{
  struct vmm_vsock *vsock = line->vsock;
  int fd = line->fd;

  vmm_watch__free (line->watch);
  vmm_list__remove (&line->link);
  *(line->held_port != 0 ? &vsock->host.n_held : &vsock->host.n_lines) -= 1;
  free (line);
  host_rewatch (vsock);
  host_rearm (vsock);
  if (keep)
    return fd;
  kata_fd__close (fd);
  return -1;
}

static void
listener_end (struct vmm_vsock_listener *listener)
{
  vmm_watch__free (listener->watch);
  vmm_list__remove (&listener->link);
  listener->vsock->host.n_listeners--;
  kata_fd__close (listener->fd);
  free (listener);
}

/** It has nothing more to say: whatever comes, its end most of all, ends the listening. */
static void
listener_ready (void *ctx, uint32_t events)
{
  listener_end (ctx);
}

static struct vmm_vsock_listener *
find_listener (struct vmm_vsock *vsock, uint32_t port)
{
  for (struct vmm_list *at = vsock->host.listeners.next; at != &vsock->host.listeners; at = at->next) {
    struct vmm_vsock_listener *listener = vmm_list__entry (at, struct vmm_vsock_listener, link);
    if (listener->port == port)
      return listener;
  }
  return NULL;
}

/** Takes @fd when true. */
static bool
listen_on (struct vmm_vsock *vsock, uint32_t port, int fd)
{
  struct vmm_vsock_listener *listener = NULL;
  char text[32];
  int len = snprintf (text, sizeof text, "OK %u\n", port);
  struct iovec iov = { text, (size_t) len };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

  if (vsock->host.n_listeners >= VMM_VSOCK_LISTENERS_MAX || find_listener (vsock, port))
    return false;
  listener = calloc (1, sizeof *listener);
  if (!listener ||
      vmm_watch__new (&listener->watch, vsock->base->env->loop, fd, EPOLLIN, listener_ready, listener, NULL) < 0) {
    free (listener);
    return false;
  }
  if (sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != len) {
    vmm_watch__free (listener->watch);
    free (listener);
    return false;
  }
  listener->vsock = vsock;
  listener->fd = fd;
  listener->port = port;
  vmm_list__append (&vsock->host.listeners, &listener->link);
  vsock->host.n_listeners++;
  return true;
}

/** Reads up to the newline and not a byte further: the stream begins there. 1: the line is complete, 0: not yet, -1: junk or gone. */
static int
line_read (struct vmm_vsock_line *line)
{
  struct iovec iov = { line->text + line->n, sizeof line->text - line->n };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
  ssize_t n = recvmsg (line->fd, &message, MSG_DONTWAIT | MSG_PEEK);
  char *newline;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return 0;
  if (n <= 0)
    return -1;
  newline = memchr (iov.iov_base, '\n', (size_t) n);
  iov.iov_len = newline ? (size_t) (newline - (char *) iov.iov_base) + 1 : (size_t) n;
  message = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
  if (recvmsg (line->fd, &message, MSG_DONTWAIT) != (ssize_t) iov.iov_len)
    return -1;
  line->n += (unsigned) iov.iov_len;
  if (newline)
    return 1;
  return line->n < sizeof line->text ? 0 : -1;
}

/** Watched for its end alone: bytes behind the line are the guest's. One that shuts its half down gives up as well. */
static void
line_hold (struct vmm_vsock_line *line, uint32_t port)
{
  struct vmm_vsock_host *host = &line->vsock->host;

  line->held_port = port;
  vmm_list__remove (&line->link);
  vmm_list__append (&host->held, &line->link);
  host->n_lines--;
  host->n_held++;
  vmm_watch__set (line->watch, EPOLLRDHUP);
  host_rewatch (line->vsock);
  host_rearm (line->vsock);
}

/** It came, or will not: in the loop's thread, as vCPUs may not do all that a connection needs. */
static void
release_held (struct vmm_vsock *vsock)
{
  while (!vmm_list__empty (&vsock->host.held)) {
    struct vmm_vsock_line *line = vmm_list__entry (vsock->host.held.next, struct vmm_vsock_line, link);
    uint32_t port = line->held_port;
    int fd = line_end (line, true);
    if (!vmm_vsock__connect (vsock, port, fd))
      kata_fd__close (fd);
  }
}

void
vmm_vsock_host__driver_came (struct vmm_vsock *vsock)
{
  host_rearm (vsock);
}

static void
line_ready (void *ctx, uint32_t events)
{
  struct vmm_vsock_line *line = ctx;
  struct vmm_vsock *vsock = line->vsock;
  enum vmm_vsock_verb verb;
  uint32_t port = 0;
  bool taken;
  int got, fd;

  if (line->held_port != 0) {
    line_end (line, false);
    return;
  }
  got = line_read (line);
  if (got == 0 && !(events & (EPOLLHUP | EPOLLERR)))
    return;
  verb = got == 1 ? vmm_vsock_line__parse (line->text, line->n - 1u, &port) : VMM_VSOCK_VERB_NONE;
  if (verb == VMM_VSOCK_VERB_CONNECT && driver_may_come (vsock) && vsock->host.n_held < VMM_VSOCK_HELD_MAX) {
    line_hold (line, port);
    return;
  }
  fd = line_end (line, verb != VMM_VSOCK_VERB_NONE);
  if (verb == VMM_VSOCK_VERB_NONE)
    return;
  taken = verb == VMM_VSOCK_VERB_CONNECT ? vmm_vsock__connect (vsock, port, fd) : listen_on (vsock, port, fd);
  if (!taken)
    kata_fd__close (fd);
}

/** Takes @fd. */
static void
line_begin (struct vmm_vsock *vsock, int fd)
{
  struct vmm_vsock_line *line = calloc (1, sizeof *line);

  if (!line || vmm_watch__new (&line->watch, vsock->base->env->loop, fd, EPOLLIN, line_ready, line, NULL) < 0) {
    free (line);
    kata_fd__close (fd);
    return;
  }
  line->vsock = vsock;
  line->fd = fd;
  line->deadline = vmm_loop__now () + VMM_VSOCK_LINE_NS;
  vmm_list__append (&vsock->host.lines, &line->link);
  if (vsock->host.n_lines++ == 0)
    host_rearm (vsock);
}

static void
listen_ready (void *ctx, uint32_t events)
{
  struct vmm_vsock *vsock = ctx;

  for (unsigned i = 0; i < ACCEPT_BATCH && vsock->host.n_lines < VMM_VSOCK_LINES_MAX; i++) {
    int fd = accept4 (vsock->host.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      /* No descriptors or no memory: the socket stays readable, so that asking again at once would be a busy loop. */
      vsock->host.resting = true;
      host_rearm (vsock);
    }
    if (fd < 0)
      break;
    line_begin (vsock, fd);
  }
  host_rewatch (vsock);
}

static void
deadline_passed (void *ctx)
{
  struct vmm_vsock *vsock = ctx;
  int64_t now = vmm_loop__now ();

  vsock->host.resting = false;
  while (!vmm_list__empty (&vsock->host.lines)) {
    struct vmm_vsock_line *oldest = vmm_list__entry (vsock->host.lines.next, struct vmm_vsock_line, link);
    if (oldest->deadline > now)
      break;
    line_end (oldest, false);
  }
  if (!driver_may_come (vsock))
    release_held (vsock);
  host_rewatch (vsock);
  host_rearm (vsock);
}

int
vmm_vsock_host__open (struct vmm_vsock *vsock, int listen_fd, kata_error **err)
{
  struct vmm_vsock_host *host = &vsock->host;
  struct vmm_loop *loop = vsock->base->env->loop;
  int result;

  vmm_list__init (&host->lines);
  vmm_list__init (&host->held);
  vmm_list__init (&host->listeners);
  host->fd = fcntl (listen_fd, F_DUPFD_CLOEXEC, 3);
  int flags = host->fd < 0 ? -1 : fcntl (host->fd, F_GETFL);
  if (flags < 0 || fcntl (host->fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return kata_error__errno (err, KATA_E_IO, "vsock", errno, "cannot take the listening socket %d", listen_fd);
  result = vmm_timer__new (&host->timer, loop, deadline_passed, vsock, err);
  if (result == 0)
    result = vmm_watch__new (&host->watch, loop, host->fd, EPOLLIN, listen_ready, vsock, err);
  host->watching = true;
  if (result < 0)
    vmm_vsock_host__close (vsock);
  return result;
}

void
vmm_vsock_host__close (struct vmm_vsock *vsock)
{
  struct vmm_vsock_host *host = &vsock->host;

  vsock->paused = true; /* nothing is armed again */
  while (!vmm_list__empty (&host->lines))
    line_end (vmm_list__entry (host->lines.next, struct vmm_vsock_line, link), false);
  while (!vmm_list__empty (&host->held))
    line_end (vmm_list__entry (host->held.next, struct vmm_vsock_line, link), false);
  while (!vmm_list__empty (&host->listeners))
    listener_end (vmm_list__entry (host->listeners.next, struct vmm_vsock_listener, link));
  vmm_watch__free (host->watch);
  if (host->timer)
    vmm_timer__free (host->timer);
  host->watch = NULL;
  host->timer = NULL;
  kata_fd__closep (&host->fd);
}

void
vmm_vsock_host__rewatch (struct vmm_vsock *vsock)
{
  struct vmm_list *at;

  host_rewatch (vsock);
  host_rearm (vsock);
  for (at = vsock->host.lines.next; at != &vsock->host.lines; at = at->next)
    vmm_watch__set (vmm_list__entry (at, struct vmm_vsock_line, link)->watch, vsock->paused ? 0 : EPOLLIN);
  for (at = vsock->host.held.next; at != &vsock->host.held; at = at->next)
    vmm_watch__set (vmm_list__entry (at, struct vmm_vsock_line, link)->watch, vsock->paused ? 0 : EPOLLRDHUP);
  for (at = vsock->host.listeners.next; at != &vsock->host.listeners; at = at->next)
    vmm_watch__set (vmm_list__entry (at, struct vmm_vsock_listener, link)->watch, vsock->paused ? 0 : EPOLLIN);
}

int
vmm_vsock_host__accept (struct vmm_vsock *vsock, uint32_t local_port, uint32_t peer_port)
{
  struct vmm_vsock_listener *listener = find_listener (vsock, local_port);
  char text[32];
  struct iovec iov = { text, (size_t) snprintf (text, sizeof text, "ACCEPT %u\n", peer_port) };
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space
  };
  struct cmsghdr *rights = CMSG_FIRSTHDR (&message);
  kata_auto_fd int ours = -1;
  kata_auto_fd int theirs = -1;
  int pair[2];

  if (!listener || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    return -1;
  ours = pair[0];
  theirs = pair[1];
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (rights), &theirs, sizeof theirs);
  if (sendmsg (listener->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t) iov.iov_len)
    return -1;
  return kata_fd__steal (&ours);
}
