/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fs: the virtio-fs device; its queues are served by virtiofsd, this file only hands them over and takes them back. */
#include "vmm/virtio/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/raise.h"

#include "vmm/vhost/user.h"

#define FS_ID         26
#define FS_QUEUES     2 /* high priority, and one for requests */
#define FS_QUEUE_SIZE 1024
#define FS_NEEDED     (VMM_VIRTIO_F_VERSION_1 | VMM_VIRTIO_F_INDIRECT | VMM_VIRTIO_F_EVENT_IDX)

/* virtio 1.2, 5.11.4 */
struct fs_config {
  char tag[36];
  uint32_t num_request_queues;
};

struct fs {
  struct vmm_virtio *base;
  struct vmm_vhost_user user;
  struct vmm_watch *watch; /* of the connection: it says when the server is gone */
  struct fs_config config;
  struct {
    bool running;
    uint16_t next; /* where it stopped, to go on after a pause */
    int kick_fd, call_fd;
  } rings[FS_QUEUES];
};

static void
lost (struct fs *fs, const char *why)
{
  vmm_watch__free (fs->watch);
  fs->watch = NULL;
  vmm_vhost_user__close (&fs->user);
  for (unsigned i = 0; i < FS_QUEUES; i++)
    fs->rings[i].running = false;
  vmm_virtio__needs_reset (fs->base, why);
  fs->base->env->wish (fs->base->env->ctx, VMM_WISH_SERVER);
}

static void
on_socket (void *self, uint32_t events)
{
  struct fs *fs = self;
  char byte;
  ssize_t n = recv (fs->user.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  /* The event may be that of an answer which a vCPU's thread has read since. */
  if (n < 0 && errno == EAGAIN)
    return;
  /* It speaks only when asked: what comes by itself is its end, or a breach of the protocol. */
  lost (fs, n > 0 ? "virtiofsd spoke unasked" : "virtiofsd is gone");
}

static int
fs_realize (void *self, struct vmm_virtio *base, const void *config, kata_error **err)
{
  struct fs *fs = self;
  const struct vmm_fs_config *wanted = config;
  uint16_t size = wanted->queue_size != 0 ? wanted->queue_size : FS_QUEUE_SIZE;
  fs->base = base;
  fs->user.fd = -1;
  int fd = fcntl (wanted->socket_fd, F_DUPFD_CLOEXEC, 3);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "virtio-fs: duplicate the connection to virtiofsd");
  int code = vmm_vhost_user__open (&fs->user, fd, FS_NEEDED, err);
  if (code == 0)
    code = vmm_watch__new (&fs->watch, base->env->loop, fs->user.fd, EPOLLIN | EPOLLRDHUP, on_socket, fs, err);
  if (code < 0) {
    vmm_vhost_user__close (&fs->user);
    return code;
  }
  memcpy (fs->config.tag, wanted->tag, strnlen (wanted->tag, sizeof fs->config.tag));
  fs->config.num_request_queues = FS_QUEUES - 1;
  base->config_len = sizeof fs->config;
  base->n_queues = FS_QUEUES;
  for (unsigned i = 0; i < FS_QUEUES; i++)
    vmm_queue__init (&base->queues[i], size);
  return 0;
}

static void
stop_rings (struct fs *fs)
{
  for (unsigned i = 0; i < FS_QUEUES; i++) {
    if (fs->rings[i].running && !vmm_vhost_user__stop_ring (&fs->user, i, &fs->rings[i].next))
      lost (fs, "virtiofsd did not give a queue back");
    fs->rings[i].running = false;
  }
}

static void
start_ring (struct fs *fs, unsigned i)
{
  fs->rings[i].running = vmm_vhost_user__start_ring (&fs->user, i, &fs->base->queues[i], fs->rings[i].next,
                                                     fs->rings[i].kick_fd, fs->rings[i].call_fd);
  if (!fs->rings[i].running)
    lost (fs, "virtiofsd did not take a queue");
}

static void
fs_activate (void *self)
{
  struct fs *fs = self;
  for (unsigned i = 0; i < FS_QUEUES; i++)
    fs->rings[i].next = 0;
  if (!vmm_vhost_user__set_features (&fs->user, fs->base->features) ||
      !vmm_vhost_user__set_memory (&fs->user, fs->base->env->memory))
    lost (fs, "virtiofsd did not take the guest's memory");
}

static int
fs_hand_over (void *self, unsigned queue, int kick_fd, int call_fd, kata_error **err)
{
  struct fs *fs = self;
  fs->rings[queue].kick_fd = kick_fd;
  fs->rings[queue].call_fd = call_fd;
  start_ring (fs, queue);
  return fs->rings[queue].running ? 0 : kata_error__set (err, KATA_E_PROTOCOL, NULL, "virtio-fs: virtiofsd is gone");
}

static void
fs_reset (void *self)
{
  stop_rings (self);
}

static void
fs_resume (void *self)
{
  struct fs *fs = self;
  for (unsigned i = 0; i < FS_QUEUES && fs->user.fd >= 0; i++)
    if (fs->base->queues[i].ready && (fs->base->status & VMM_VIRTIO_S_DRIVER_OK))
      start_ring (fs, i);
}

static void
fs_config_read (void *self, uint32_t offset, void *to, uint32_t len)
{
  struct fs *fs = self;
  memcpy (to, (const uint8_t *) &fs->config + offset, len);
}

static void
fs_unrealize (void *self)
{
  struct fs *fs = self;
  vmm_watch__free (fs->watch);
  vmm_vhost_user__close (&fs->user);
}

const struct vmm_virtio_ops vmm_virtio_fs_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-fs",
  .device_id = FS_ID,
  .instance_size = sizeof (struct fs),
  .realize = fs_realize,
  .unrealize = fs_unrealize,
  .activate = fs_activate,
  .reset = fs_reset,
  .config_read = fs_config_read,
  .quiesce = fs_reset,
  .resume = fs_resume,
  .hand_over = fs_hand_over,
};
