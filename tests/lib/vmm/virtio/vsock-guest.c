/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-guest: the fixture of vsock-guest.h. */
#include "vsock-guest.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TX_ROOM (VMM_VSOCK_HEADER + VMM_VSOCK_PAYLOAD_MAX + 4096)

void
guest_make (struct guest *guest, unsigned connections)
{
  struct vmm_vsock_config config = { .cid = GUEST_CID, .connections = connections };
  kata_error *error = NULL;

  memset (guest, 0, sizeof *guest);
  driver_open (&guest->driver, VMM_RAM_MIN);
  guest->listen_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  guest->address.sun_family = AF_UNIX;
  /* A name that the kernel chooses: nothing in the file system. */
  ck_assert_int_eq (bind (guest->listen_fd, (struct sockaddr *) &guest->address, sizeof (sa_family_t)), 0);
  guest->address_len = sizeof guest->address;
  ck_assert_int_eq (getsockname (guest->listen_fd, (struct sockaddr *) &guest->address, &guest->address_len), 0);
  ck_assert_int_eq (listen (guest->listen_fd, 1024), 0);
  config.listen_fd = guest->listen_fd;
  ck_assert_msg (driver_device (&guest->driver, &vmm_virtio_vsock_ops, &config, &error) == 0, "%s",
                 kata_error_get_message (error));
  guest->vsock = guest->driver.device->self;
}

void
guest_add_buffer (struct guest *guest, vmm_gpa at, uint32_t len)
{
  struct driver_buffer buffer = { .addr = at, .len = len, .write = true };
  uint16_t head = driver_add (&guest->driver, VMM_VSOCK_RX, &buffer, 1);
  guest->rx_of[head] = at;
}

void
guest_begin (struct guest *guest, unsigned buffers)
{
  driver_start (&guest->driver, guest->event_idx ? UINT64_MAX : ~VMM_VIRTIO_F_EVENT_IDX);
  guest->rx = driver_alloc (&guest->driver, (uint64_t) (VMM_VSOCK_HEADER + GUEST_ROOM) * (buffers + 1), 16);
  guest->tx = driver_alloc (&guest->driver, TX_ROOM, 16);
  for (unsigned i = 0; i < buffers; i++)
    guest_add_buffer (guest, guest->rx + (uint64_t) i * (VMM_VSOCK_HEADER + GUEST_ROOM), VMM_VSOCK_HEADER + GUEST_ROOM);
  driver_kick (&guest->driver, VMM_VSOCK_RX);
  guest_run (guest);
}

void
guest_open (struct guest *guest, unsigned connections, unsigned buffers)
{
  guest_make (guest, connections);
  guest_begin (guest, buffers);
}

void
guest_close (struct guest *guest)
{
  driver_close (&guest->driver);
  close (guest->listen_fd);
}

void
guest_run (struct guest *guest)
{
  driver_run (&guest->driver);
}

struct vmm_vsock_packet
guest_packet (unsigned op, uint32_t guest_port, uint32_t host_port)
{
  return (struct vmm_vsock_packet){ .src_cid = GUEST_CID,
                                    .dst_cid = VMM_VSOCK_CID_HOST,
                                    .src_port = guest_port,
                                    .dst_port = host_port,
                                    .type = VMM_VSOCK_TYPE_STREAM,
                                    .op = (uint16_t) op,
                                    .buf_alloc = GUEST_CREDIT };
}

void
guest_send (struct guest *guest, const struct vmm_vsock_packet *packet, const void *payload, size_t len)
{
  uint8_t wire[VMM_VSOCK_HEADER];
  struct driver_buffer buffer = { .addr = guest->tx, .len = (uint32_t) (sizeof wire + len) };

  vmm_vsock_packet__encode (packet, wire);
  driver_set (&guest->driver, guest->tx, wire, sizeof wire);
  if (len)
    driver_set (&guest->driver, guest->tx + sizeof wire, payload, len);
  driver_request (&guest->driver, VMM_VSOCK_TX, &buffer, 1);
  guest_run (guest);
}

void
guest_op (struct guest *guest, unsigned op, uint32_t guest_port, uint32_t host_port)
{
  struct vmm_vsock_packet packet = guest_packet (op, guest_port, host_port);
  guest_send (guest, &packet, NULL, 0);
}

bool
guest_receive (struct guest *guest, struct vmm_vsock_packet *packet)
{
  uint8_t wire[VMM_VSOCK_HEADER];
  uint16_t head;
  uint32_t len;

  guest_run (guest);
  if (!driver_used (&guest->driver, VMM_VSOCK_RX, &head, &len))
    return false;
  ck_assert_uint_ge (len, sizeof wire);
  driver_get (&guest->driver, guest->rx_of[head], wire, sizeof wire);
  vmm_vsock_packet__decode (packet, wire);
  ck_assert_uint_eq (packet->len, len - sizeof wire);
  ck_assert_uint_eq (packet->dst_cid, GUEST_CID);
  driver_get (&guest->driver, guest->rx_of[head] + sizeof wire, guest->payload, packet->len);
  guest_add_buffer (guest, guest->rx_of[head], VMM_VSOCK_HEADER + GUEST_ROOM);
  if (driver_wants_kick (&guest->driver, VMM_VSOCK_RX))
    driver_kick (&guest->driver, VMM_VSOCK_RX);
  return true;
}

struct vmm_vsock_packet
guest_expect (struct guest *guest, unsigned op, uint32_t guest_port, uint32_t host_port)
{
  struct vmm_vsock_packet packet;
  ck_assert_msg (guest_receive (guest, &packet), "no packet, wanted %u", op);
  ck_assert_uint_eq (packet.op, op);
  ck_assert_uint_eq (packet.dst_port, guest_port);
  ck_assert_uint_eq (packet.src_port, host_port);
  return packet;
}

void
guest_expect_nothing (struct guest *guest)
{
  struct vmm_vsock_packet packet;
  ck_assert_msg (!guest_receive (guest, &packet), "packet %u", packet.op);
}

int
host_dial (struct guest *guest)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (connect (fd, (struct sockaddr *) &guest->address, guest->address_len), 0);
  return fd;
}

void
host_say (struct guest *guest, int fd, const char *text)
{
  ck_assert_int_eq (send (fd, text, strlen (text), MSG_DONTWAIT | MSG_NOSIGNAL), (ssize_t) strlen (text));
  guest_run (guest);
}

ssize_t
host_hear (struct guest *guest, int fd, void *to, size_t len)
{
  guest_run (guest);
  return recv (fd, to, len, MSG_DONTWAIT);
}

void
host_expect (struct guest *guest, int fd, const char *text)
{
  char got[256] = "";
  ck_assert_int_eq (host_hear (guest, fd, got, strlen (text)), (ssize_t) strlen (text));
  ck_assert_str_eq (got, text);
}

void
host_expect_end (struct guest *guest, int fd)
{
  char got;
  ssize_t n = host_hear (guest, fd, &got, 1);
  ck_assert_msg (n == 0 || (n < 0 && errno == ECONNRESET), "not at its end: %zd", n);
}

int
host_listen (struct guest *guest, uint32_t port)
{
  int fd = host_dial (guest);
  char line[32], answer[32];

  snprintf (line, sizeof line, "LISTEN %u\n", port);
  snprintf (answer, sizeof answer, "OK %u\n", port);
  host_say (guest, fd, line);
  host_expect (guest, fd, answer);
  return fd;
}

int
host_accept (struct guest *guest, int listener, uint32_t guest_port)
{
  char text[64] = "", wanted[64];
  struct iovec iov = { text, sizeof text - 1 };
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control;
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space
  };
  int fd;

  guest_run (guest);
  ck_assert_int_gt (recvmsg (listener, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 0);
  snprintf (wanted, sizeof wanted, "ACCEPT %u\n", guest_port);
  ck_assert_str_eq (text, wanted);
  ck_assert_ptr_nonnull (CMSG_FIRSTHDR (&message));
  memcpy (&fd, CMSG_DATA (CMSG_FIRSTHDR (&message)), sizeof fd);
  return fd;
}

int
host_open (struct guest *guest, int listener, uint32_t guest_port, uint32_t host_port)
{
  guest_op (guest, VMM_VSOCK_OP_REQUEST, guest_port, host_port);
  guest_expect (guest, VMM_VSOCK_OP_RESPONSE, guest_port, host_port);
  return host_accept (guest, listener, guest_port);
}
