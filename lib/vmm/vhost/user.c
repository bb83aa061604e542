/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user: messages of vhost-user, one at a time, each answer checked and waited for with a deadline. */
#include "vmm/vhost/user.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#include "vmm/loop.h"
#include "vmm/vhost/wire.h"

#define FDS_MAX VMM_VHOST_REGIONS_MAX

/* Milliseconds left until @deadline (ns), not negative. */
static int
left_ms (int64_t deadline)
{
  int64_t left = (deadline - vmm_loop__now ()) / 1000000;
  return left > 0 ? (int) left : 0;
}

static int64_t
deadline_from_now (void)
{
  return vmm_loop__now () + VMM_VHOST_USER_WAIT_MS * INT64_C (1000000);
}

/* 0, or -errno. The whole message goes or the connection is of no use any more. */
static int
send_message (int fd, const struct vmm_vhost_message *message, const int *fds, size_t n_fds)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (sizeof (int) * FDS_MAX)];
  } control;
  struct iovec iov = { (void *) message, sizeof message->header + message->header.size };
  struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
  int64_t deadline = deadline_from_now ();
  if (n_fds > 0) {
    memset (&control, 0, sizeof control);
    msg.msg_control = control.bytes;
    msg.msg_controllen = CMSG_SPACE (sizeof (int) * n_fds);
    struct cmsghdr *cmsg = CMSG_FIRSTHDR (&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN (sizeof (int) * n_fds);
    memcpy (CMSG_DATA (cmsg), fds, sizeof (int) * n_fds);
  }
  for (;;) {
    ssize_t n = sendmsg (fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
      return (size_t) n == iov.iov_len ? 0 : -EPROTO;
    if (errno != EAGAIN && errno != EINTR)
      return -errno;
    struct pollfd poller = { .fd = fd, .events = POLLOUT };
    if (errno == EAGAIN && poll (&poller, 1, left_ms (deadline)) == 0)
      return -ETIMEDOUT;
  }
}

/* Exactly @len bytes; 0 or -errno. Descriptors that a server sends along are closed by the kernel: there is no room for them. */
static int
receive (int fd, void *to, size_t len, int64_t deadline)
{
  uint8_t *at = to;
  while (len > 0) {
    /* recvmsg, not recv: a vCPU's thread comes here too, and its filter lets only that through. */
    struct iovec iov = { at, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n = recvmsg (fd, &msg, MSG_DONTWAIT);
    if (n == 0)
      return -EPIPE;
    if (n > 0) {
      at += n;
      len -= (size_t) n;
    } else if (errno == EAGAIN) {
      struct pollfd poller = { .fd = fd, .events = POLLIN };
      if (poll (&poller, 1, left_ms (deadline)) == 0)
        return -ETIMEDOUT;
    } else if (errno != EINTR) {
      return -errno;
    }
  }
  return 0;
}

static int
receive_reply (int fd, uint32_t request, void *body, uint32_t size)
{
  struct vmm_vhost_header header;
  int64_t deadline = deadline_from_now ();
  int rc = receive (fd, &header, sizeof header, deadline);
  if (rc < 0)
    return rc;
  if (header.request != request || (header.flags & 0x3) != VMM_VHOST_VERSION || !(header.flags & VMM_VHOST_REPLY) ||
      header.size != size)
    return -EPROTO;
  return receive (fd, body, size, deadline);
}

static struct vmm_vhost_message
message_of (enum vmm_vhost_request request, uint32_t size)
{
  struct vmm_vhost_message message;
  memset (&message, 0, sizeof message);
  message.header = (struct vmm_vhost_header){ (uint32_t) request, VMM_VHOST_VERSION, size };
  return message;
}

static int
get_u64 (int fd, enum vmm_vhost_request request, uint64_t *value)
{
  struct vmm_vhost_message message = message_of (request, 0);
  int rc = send_message (fd, &message, NULL, 0);
  return rc < 0 ? rc : receive_reply (fd, (uint32_t) request, value, sizeof *value);
}

static int
set_u64 (int fd, enum vmm_vhost_request request, uint64_t value)
{
  struct vmm_vhost_message message = message_of (request, sizeof value);
  message.body.u64 = value;
  return send_message (fd, &message, NULL, 0);
}

static int
begin (int fd, uint64_t *features)
{
  struct vmm_vhost_message owner = message_of (VMM_VHOST_SET_OWNER, 0);
  struct vmm_vhost_message ask = message_of (VMM_VHOST_GET_FEATURES, 0);
  struct pollfd poller = { .fd = fd, .events = POLLIN };
  uint64_t protocol = 0;
  int rc = send_message (fd, &ask, NULL, 0);
  /* A server that starts just now, with many others, takes longer than one that runs. */
  if (rc == 0 && poll (&poller, 1, VMM_VHOST_USER_START_MS) == 0)
    rc = -ETIMEDOUT;
  if (rc == 0)
    rc = receive_reply (fd, VMM_VHOST_GET_FEATURES, features, sizeof *features);
  /* Rings then start and stop one by one; of the protocol's own features none is needed. */
  if (rc == 0 && (*features & VMM_VHOST_F_PROTOCOL_FEATURES))
    rc = get_u64 (fd, VMM_VHOST_GET_PROTOCOL_FEATURES, &protocol);
  if (rc == 0 && (*features & VMM_VHOST_F_PROTOCOL_FEATURES))
    rc = set_u64 (fd, VMM_VHOST_SET_PROTOCOL_FEATURES, 0);
  if (rc == 0)
    rc = send_message (fd, &owner, NULL, 0);
  return rc;
}

int
vmm_vhost_user__open (struct vmm_vhost_user *user, int fd, uint64_t needed, kata_error **err)
{
  kata_auto_fd int owned = fd;
  uint64_t features = 0;
  needed |= VMM_VHOST_F_PROTOCOL_FEATURES;
  int rc = begin (fd, &features);
  if (rc == -ETIMEDOUT)
    return kata_error__set (err, KATA_E_TIMEOUT, NULL, "vhost-user: the server did not answer within %d ms",
                            VMM_VHOST_USER_START_MS);
  if (rc < 0)
    return kata_error__errno (err, KATA_E_PROTOCOL, NULL, -rc, "vhost-user: talk to the server");
  if ((features & needed) != needed)
    return kata_error__set (err, KATA_E_UNSUPPORTED, NULL,
                            "vhost-user: the server lacks the features %#llx; use a newer virtiofsd",
                            (unsigned long long) (needed & ~features));
  user->fd = kata_fd__steal (&owned);
  return 0;
}

void
vmm_vhost_user__close (struct vmm_vhost_user *user)
{
  kata_fd__closep (&user->fd);
}

static bool
settle (struct vmm_vhost_user *user, int rc)
{
  if (rc < 0)
    vmm_vhost_user__close (user);
  return rc >= 0;
}

bool
vmm_vhost_user__set_features (struct vmm_vhost_user *user, uint64_t features)
{
  return user->fd >= 0 &&
         settle (user, set_u64 (user->fd, VMM_VHOST_SET_FEATURES, features | VMM_VHOST_F_PROTOCOL_FEATURES));
}

bool
vmm_vhost_user__set_memory (struct vmm_vhost_user *user, const struct vmm_memory *memory)
{
  int fds[FDS_MAX];
  struct vmm_vhost_message message = message_of (VMM_VHOST_SET_MEM_TABLE, 0);
  _Static_assert(VMM_REGIONS_MAX <= VMM_VHOST_REGIONS_MAX, "regions fit into the table");
  if (user->fd < 0)
    return false;
  message.body.memory.n_regions = (uint32_t) memory->n_regions;
  message.header.size = (uint32_t) (8 + memory->n_regions * sizeof (struct vmm_vhost_region));
  for (size_t i = 0; i < memory->n_regions; i++) {
    const struct vmm_region *region = &memory->regions[i];
    /* "User" addresses only tie rings to this table: guest addresses serve, and tell nobody where our memory is. */
    message.body.memory.regions[i] =
        (struct vmm_vhost_region){ region->base, region->size, region->base, region->fd_offset };
    fds[i] = memory->fd;
  }
  return settle (user, send_message (user->fd, &message, fds, memory->n_regions));
}

static int
set_state (int fd, enum vmm_vhost_request request, unsigned index, uint32_t num)
{
  struct vmm_vhost_message message = message_of (request, sizeof message.body.state);
  message.body.state = (struct vmm_vhost_state){ index, num };
  return send_message (fd, &message, NULL, 0);
}

static int
set_eventfd (int fd, enum vmm_vhost_request request, unsigned index, int event_fd)
{
  struct vmm_vhost_message message = message_of (request, sizeof message.body.u64);
  message.body.u64 = event_fd >= 0 ? index : index | 0x100; /* bit 8: no descriptor comes along */
  return send_message (fd, &message, &event_fd, event_fd >= 0 ? 1 : 0);
}

static int
set_addresses (int fd, unsigned index, const struct vmm_queue *queue)
{
  struct vmm_vhost_message message = message_of (VMM_VHOST_SET_VRING_ADDR, sizeof message.body.addr);
  message.body.addr = (struct vmm_vhost_addr){
    .index = index, .descriptor = queue->desc, .used = queue->used, .available = queue->avail
  };
  return send_message (fd, &message, NULL, 0);
}

bool
vmm_vhost_user__start_ring (struct vmm_vhost_user *user, unsigned index, const struct vmm_queue *queue, uint16_t base,
                            int kick_fd, int call_fd)
{
  if (user->fd < 0)
    return false;
  int rc = set_state (user->fd, VMM_VHOST_SET_VRING_NUM, index, queue->size);
  if (rc == 0)
    rc = set_state (user->fd, VMM_VHOST_SET_VRING_BASE, index, base);
  if (rc == 0)
    rc = set_addresses (user->fd, index, queue);
  if (rc == 0)
    rc = set_eventfd (user->fd, VMM_VHOST_SET_VRING_CALL, index, call_fd);
  if (rc == 0)
    rc = set_eventfd (user->fd, VMM_VHOST_SET_VRING_KICK, index, kick_fd);
  if (rc == 0)
    rc = set_state (user->fd, VMM_VHOST_SET_VRING_ENABLE, index, 1);
  return settle (user, rc);
}

bool
vmm_vhost_user__stop_ring (struct vmm_vhost_user *user, unsigned index, uint16_t *base)
{
  struct vmm_vhost_state state = { 0, 0 };
  if (user->fd < 0)
    return false;
  int rc = set_state (user->fd, VMM_VHOST_GET_VRING_BASE, index, 0);
  if (rc == 0)
    rc = receive_reply (user->fd, VMM_VHOST_GET_VRING_BASE, &state, sizeof state);
  if (rc == 0 && state.index != index)
    rc = -EPROTO;
  if (rc == 0)
    *base = (uint16_t) state.num;
  return settle (user, rc);
}
