/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: the server, on the machine's loop. A client that is slow, silent or wrong costs one of a few places for a few seconds. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/control.h"

struct client {
  struct vmm_control *control;
  int fd; /* -1 = the place is free */
  struct vmm_watch *watch;
  struct vmm_timer *timer;
  bool watching; /* waits for the machine's end; is never too silent */
};

struct vmm_control {
  struct vmm_control_config config;
  struct vmm_watch *watch;
  struct vmm_timer *retry; /* listens again after accept() had no descriptor left */
  bool paused;
  unsigned n_clients, n_watchers;
  struct client clients[VMM_CONTROL_CLIENTS_MAX];
};

static void
client_close (struct client *client)
{
  struct vmm_control *control = client->control;
  if (client->fd < 0)
    return;
  vmm_timer__disarm (client->timer);
  vmm_watch__free (client->watch);
  client->watch = NULL;
  kata_fd__closep (&client->fd);
  control->n_watchers -= client->watching ? 1 : 0;
  client->watching = false;
  if (control->n_clients-- == VMM_CONTROL_CLIENTS_MAX)
    vmm_watch__set (control->watch, EPOLLIN);
}

static int
watch (struct client *client, kata_error **err)
{
  if (!client->watching && client->control->n_watchers == VMM_CONTROL_WATCHERS_MAX)
    return kata_error__set (err, KATA_E_BUSY, NULL, "%d connections watch already", VMM_CONTROL_WATCHERS_MAX);
  client->control->n_watchers += client->watching ? 0 : 1;
  client->watching = true;
  return 0;
}

static int
perform (struct client *client, enum vmm_control_op op, uint64_t arg, struct vmm_control_reply *reply, kata_error **err)
{
  struct vmm_control *control = client->control;
  const struct vmm_control_ops *ops = control->config.ops;
  void *ctx = control->config.ctx;
  struct vmm_stats stats = { 0 };
  int code = 0;
  switch (op) {
  case VMM_CONTROL_STATUS:
    break;
  case VMM_CONTROL_PAUSE:
    code = control->paused ? 0 : ops->pause (ctx, err);
    control->paused |= code == 0;
    break;
  case VMM_CONTROL_RESUME:
    code = control->paused ? ops->resume (ctx, err) : 0;
    control->paused &= code != 0;
    break;
  case VMM_CONTROL_POWER:
    ops->press_power (ctx);
    break;
  case VMM_CONTROL_STOP:
    ops->stop (ctx);
    break;
  case VMM_CONTROL_BALLOON:
    code = ops->balloon (ctx, arg, err);
    break;
  case VMM_CONTROL_STATS:
    ops->stats (ctx, &stats);
    reply->exits = htole64 (stats.exits);
    reply->exits_mmio = htole64 (stats.exits_mmio);
    reply->exits_pio = htole64 (stats.exits_pio);
    reply->first_run_ns = (int64_t) htole64 ((uint64_t) stats.first_run_ns);
    reply->balloon_pages = htole64 (stats.balloon_pages);
    break;
  case VMM_CONTROL_WATCH:
    code = watch (client, err);
    break;
  default:
    code = kata_error__set (err, KATA_E_UNSUPPORTED, NULL, "no such request");
  }
  return code;
}

/* A client that does not read its replies is sent away: the socket holds many. */
static bool
answer (struct client *client, const struct vmm_control_request *request)
{
  struct vmm_control *control = client->control;
  struct vmm_control_reply reply = { .size = htole32 (sizeof reply), .version = htole32 (VMM_CONTROL_VERSION) };
  kata_auto_error kata_error *error = NULL;
  int code = perform (client, (enum vmm_control_op) le32toh (request->op), le64toh (request->arg), &reply, &error);
  reply.code = (int32_t) htole32 ((uint32_t) code);
  reply.state = htole32 (control->paused ? VMM_CONTROL_PAUSED : VMM_CONTROL_RUNNING);
  if (error != NULL)
    strncpy (reply.text, kata_error_get_message (error), sizeof reply.text - 1);
  return send (client->fd, &reply, sizeof reply, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof reply;
}

static void
client_ready (void *ctx, uint32_t events)
{
  struct client *client = ctx;
  struct vmm_control_request request;
  /* One more byte than a request has: a longer packet is told from a right one. Descriptors that come along are dropped by the kernel. */
  char packet[sizeof request + 1];
  ssize_t n = recv (client->fd, packet, sizeof packet, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n != sizeof request) {
    client_close (client);
    return;
  }
  memcpy (&request, packet, sizeof request);
  if (le32toh (request.size) != sizeof request || !answer (client, &request))
    client_close (client);
  else if (client->watching)
    vmm_timer__disarm (client->timer);
  else
    vmm_timer__arm (client->timer, VMM_CONTROL_IDLE_MS * INT64_C (1000000));
}

static void
client_idle (void *ctx)
{
  client_close (ctx);
}

static bool
may_connect (const struct vmm_control_config *config, int fd)
{
  struct ucred peer;
  socklen_t len = sizeof peer;
  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
    return false;
  return peer.uid == config->uid || (config->root_too && peer.uid == 0);
}

static void
admit (struct vmm_control *control, int fd)
{
  struct client *client = control->clients;
  while (client->fd >= 0)
    client++;
  if (!may_connect (&control->config, fd) ||
      vmm_watch__new (&client->watch, control->config.loop, fd, EPOLLIN, client_ready, client, NULL) < 0) {
    kata_fd__close (fd);
    return;
  }
  client->fd = fd;
  vmm_timer__arm (client->timer, VMM_CONTROL_IDLE_MS * INT64_C (1000000));
  if (++control->n_clients == VMM_CONTROL_CLIENTS_MAX)
    vmm_watch__set (control->watch, 0);
}

static void
listener_ready (void *ctx, uint32_t events)
{
  struct vmm_control *control = ctx;
  int fd = accept4 (control->config.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0)
    admit (control, fd);
  else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
    vmm_watch__set (control->watch, 0); /* out of descriptors: no busy loop */
    vmm_timer__arm (control->retry, INT64_C (1000000000));
  }
}

static void
listen_again (void *ctx)
{
  struct vmm_control *control = ctx;
  if (control->n_clients < VMM_CONTROL_CLIENTS_MAX)
    vmm_watch__set (control->watch, EPOLLIN);
}

int
vmm_control__serve (struct vmm_control **out, const struct vmm_control_config *config, kata_error **err)
{
  int flags = fcntl (config->listen_fd, F_GETFL);
  if (flags < 0 || fcntl (config->listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return kata_error__errno (err, KATA_E_INVALID, "control.fd", errno, "control socket");
  struct vmm_control *control = calloc (1, sizeof *control);
  if (control == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, "control.fd", "control socket: no memory");
  control->config = *config;
  int code = 0;
  for (size_t i = 0; i < VMM_CONTROL_CLIENTS_MAX; i++) {
    control->clients[i] = (struct client){ .control = control, .fd = -1 };
    if (code == 0)
      code = vmm_timer__new (&control->clients[i].timer, config->loop, client_idle, &control->clients[i], err);
  }
  if (code == 0)
    code = vmm_timer__new (&control->retry, config->loop, listen_again, control, err);
  if (code == 0)
    code = vmm_watch__new (&control->watch, config->loop, config->listen_fd, EPOLLIN, listener_ready, control, err);
  if (code < 0) {
    vmm_control__free (control);
    return code;
  }
  *out = control;
  return 0;
}

void
vmm_control__free (struct vmm_control *control)
{
  if (control == NULL)
    return;
  for (size_t i = 0; i < VMM_CONTROL_CLIENTS_MAX; i++) {
    client_close (&control->clients[i]);
    vmm_timer__free (control->clients[i].timer);
  }
  vmm_watch__free (control->watch);
  vmm_timer__free (control->retry);
  free (control);
}
