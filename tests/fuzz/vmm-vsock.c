/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a hostile driver of the vsock device, and programs of the host that read, write and go: bounds hold, nothing spins. */
#include "vmm-steps.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/virtio/vsock-device.h"
#include "vmm/virtio/vsock.h"

#define PORT     1024u
#define PROGRAMS 8u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct play {
  struct steps steps;
  int listen_fd, listener;
  struct sockaddr_un address;
  socklen_t address_len;
  int programs[PROGRAMS];
  vmm_gpa packet, rx;
};

static int
dial (struct play *play, const char *line)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  steps_check (fd >= 0, "socket");
  if (connect (fd, (struct sockaddr *) &play->address, play->address_len) < 0) {
    close (fd); /* the backlog is full */
    return -1;
  }
  if (send (fd, line, strlen (line), MSG_NOSIGNAL) < 0) {
    close (fd);
    return -1;
  }
  return fd;
}

static void
replace (struct play *play, unsigned i, int fd)
{
  if (play->programs[i] >= 0)
    close (play->programs[i]);
  play->programs[i] = fd;
}

static void
take_accepted (struct play *play, unsigned i)
{
  char text[64];
  struct iovec iov = { text, sizeof text };
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control;
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space
  };
  struct cmsghdr *rights;
  int fd;

  if (recvmsg (play->listener, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0 ||
      (rights = CMSG_FIRSTHDR (&message)) == NULL)
    return;
  memcpy (&fd, CMSG_DATA (rights), sizeof fd);
  replace (play, i, fd);
}

/* A packet that is good but for what the input makes of it: random descriptors alone would seldom hit. */
static void
send_packet (struct play *play)
{
  struct steps *steps = &play->steps;
  uint8_t how = (uint8_t) steps_take (steps, 1), wire[VMM_VSOCK_HEADER];
  struct vmm_vsock_packet packet = { .src_cid = 3, .dst_cid = 2, .type = VMM_VSOCK_TYPE_STREAM, .buf_alloc = 65536 };
  struct driver_buffer buffer = { .addr = play->packet };

  packet.op = (uint16_t) steps_take (steps, 1) % 10;
  packet.src_port = (uint32_t) steps_take (steps, 1) % 16;
  packet.dst_port = how & 1 ? VMM_VSOCK_PORT_FIRST + (uint32_t) steps_take (steps, 1) % 4 : PORT;
  packet.len = packet.op == VMM_VSOCK_OP_RW ? (uint32_t) steps_take (steps, 2) : 0;
  buffer.len = VMM_VSOCK_HEADER + packet.len;
  packet.flags = (uint32_t) steps_take (steps, 1);
  if (how & 2)
    packet.buf_alloc = (uint32_t) steps_take (steps, 4);
  if (how & 4)
    packet.fwd_cnt = (uint32_t) steps_take (steps, 4);
  if (how & 8)
    packet.src_cid = steps_take (steps, 8);
  if (how & 16)
    packet.dst_cid = steps_take (steps, 8);
  if (how & 32)
    packet.type = (uint16_t) steps_take (steps, 2);
  if (how & 64)
    packet.len = (uint32_t) steps_take (steps, 4);
  vmm_vsock_packet__encode (&packet, wire);
  driver_set (&steps->driver, play->packet, wire, sizeof wire);
  driver_add (&steps->driver, VMM_VSOCK_TX, &buffer, 1);
  driver_kick (&steps->driver, VMM_VSOCK_TX);
}

static void
give_buffer (struct play *play)
{
  struct driver_buffer buffer = { .addr = play->rx, .write = true };
  buffer.len = (uint32_t) steps_take (&play->steps, 2);
  if (buffer.len == 0)
    buffer.len = 1;
  driver_add (&play->steps.driver, VMM_VSOCK_RX, &buffer, 1);
  driver_kick (&play->steps.driver, VMM_VSOCK_RX);
}

static void
act (struct play *play)
{
  uint8_t what = (uint8_t) steps_take (&play->steps, 1);
  static char bytes[65536];
  unsigned i = (what >> 4) % PROGRAMS;
  ssize_t n = 0;

  switch (what & 7) {
  case 0:
    take_accepted (play, i);
    break;
  case 1:
    replace (play, i, dial (play, "CONNECT 5\n"));
    break;
  case 2:
    replace (play, i, -1);
    break;
  case 3:
    if (play->programs[i] >= 0)
      n = send (play->programs[i], bytes, (size_t) steps_take (&play->steps, 2), MSG_DONTWAIT | MSG_NOSIGNAL);
    break;
  case 4:
    if (play->programs[i] >= 0)
      n = recv (play->programs[i], bytes, sizeof bytes, MSG_DONTWAIT);
    break;
  case 5:
    if (play->programs[i] >= 0)
      shutdown (play->programs[i], what & 8 ? SHUT_WR : SHUT_RD);
    break;
  case 6:
    send_packet (play);
    break;
  default:
    give_buffer (play);
    break;
  }
  (void) n;
}

static void
look (struct play *play)
{
  const struct vmm_vsock *vsock = play->steps.driver.device->self;
  uint64_t sum = vsock->pool;
  unsigned n = 0;

  for (struct vmm_list *at = vsock->all.next; at != &vsock->all; at = at->next, n++) {
    const struct vmm_vsock_conn *conn = vmm_list__entry (at, struct vmm_vsock_conn, all);
    steps_check (conn->held <= conn->alloc, "more held than promised");
    steps_check (conn->got - conn->forwarded == conn->held, "bytes were lost");
    sum += conn->alloc - VMM_VSOCK_CREDIT_MIN;
  }
  steps_check (n == vsock->n && n <= vsock->max, "more connections than allowed");
  steps_check (sum == VMM_VSOCK_CREDIT_POOL, "credit out of nothing");
  steps_check (vsock->n_refusals <= VMM_VSOCK_REFUSALS_MAX, "more refusals than allowed");
}

static void
open_all (struct play *play)
{
  struct driver *driver = &play->steps.driver;
  struct vmm_vsock_config config = { .cid = 3, .connections = 12 };

  play->listen_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  play->address.sun_family = AF_UNIX;
  play->address_len = sizeof play->address;
  steps_check (play->listen_fd >= 0 &&
                   bind (play->listen_fd, (struct sockaddr *) &play->address, sizeof (sa_family_t)) == 0 &&
                   getsockname (play->listen_fd, (struct sockaddr *) &play->address, &play->address_len) == 0 &&
                   listen (play->listen_fd, 64) == 0,
               "listen");
  config.listen_fd = play->listen_fd;
  driver_open (driver, VMM_RAM_MIN);
  steps_check (driver_device (driver, &vmm_virtio_vsock_ops, &config, NULL) == 0, "realize");
  for (unsigned i = 0; i < PROGRAMS; i++)
    play->programs[i] = -1;
  play->listener = dial (play, "LISTEN 1024\n");
  play->packet = driver_alloc (driver, VMM_VSOCK_HEADER + 65536, 16);
  play->rx = driver_alloc (driver, 65536, 16);
  play->steps.area = driver_alloc (driver, STEPS_AREA, 4096);
  play->steps.rings = driver->brk;
  driver_start (driver, play->steps.features);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct play play = { .steps = { .data = data, .left = size, .n_queues = 3 } };
  uint8_t how = (uint8_t) steps_take (&play.steps, 1);

  play.steps.features = (how & 16) != 0 ? VMM_VIRTIO_F_INDIRECT : ~VMM_VIRTIO_F_ACCESS_PLATFORM;
  open_all (&play);
  for (unsigned n = 0; play.steps.left > 0 && n < 2000; n++) {
    if (*play.steps.data & 0x80) {
      play.steps.data++;
      play.steps.left--;
      act (&play);
      vmm_loop__step (play.steps.driver.env->loop, 0);
    } else {
      steps_one (&play.steps);
    }
    look (&play);
  }
  vmm_virtio__unpause (play.steps.driver.device);
  for (unsigned i = 0; i < 10000 && vmm_loop__step (play.steps.driver.env->loop, 0) > 0; i++)
    steps_check (i < 9999, "it spins");
  driver_close (&play.steps.driver);
  for (unsigned i = 0; i < PROGRAMS; i++)
    replace (&play, i, -1);
  close (play.listener);
  close (play.listen_fd);
  return 0;
}
