/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-guest: a guest with a vsock device and programs on its host, for tests: packets in and out, sockets that say lines. */
#ifndef KATA_TEST_VMM_VIRTIO_VSOCK_GUEST_H
#define KATA_TEST_VMM_VIRTIO_VSOCK_GUEST_H

#include <sys/socket.h>
#include <sys/un.h>

#include "driver.h"

#include "vmm/virtio/vsock-device.h"
#include "vmm/virtio/vsock.h"

#define GUEST_CID     3
#define GUEST_BUFFERS 64u
#define GUEST_ROOM    4096u /* payload of a receive buffer */
#define GUEST_CREDIT  65536u

struct guest {
  struct driver driver;
  struct vmm_vsock *vsock; /* the instance */
  int listen_fd;
  bool event_idx; /* to be negotiated */
  struct sockaddr_un address;
  socklen_t address_len;
  vmm_gpa rx, tx;              /* buffers */
  vmm_gpa rx_of[256];          /* by head */
  uint8_t payload[GUEST_ROOM]; /* of the last packet received */
};

/** A device of at most @connections and @buffers receive buffers, DRIVER_OK. */
void guest_open (struct guest *guest, unsigned connections, unsigned buffers);
/** The same without a driver yet. */
void guest_make (struct guest *guest, unsigned connections);
void guest_begin (struct guest *guest, unsigned buffers);
void guest_close (struct guest *guest);
void guest_add_buffer (struct guest *guest, vmm_gpa at, uint32_t len);
void guest_run (struct guest *guest);

/** A packet of the guest's with sane fields; change them and send. */
struct vmm_vsock_packet guest_packet (unsigned op, uint32_t guest_port, uint32_t host_port);
void guest_send (struct guest *guest, const struct vmm_vsock_packet *packet, const void *payload, size_t len);
void guest_op (struct guest *guest, unsigned op, uint32_t guest_port, uint32_t host_port);
/** The next packet for the guest, its payload in guest->payload, its buffer given again; false when there is none. */
bool guest_receive (struct guest *guest, struct vmm_vsock_packet *packet);
/** It must be @op, from @host_port to @guest_port. */
struct vmm_vsock_packet guest_expect (struct guest *guest, unsigned op, uint32_t guest_port, uint32_t host_port);
void guest_expect_nothing (struct guest *guest);

/* ---- programs of the host ---- */
int host_dial (struct guest *guest);
void host_say (struct guest *guest, int fd, const char *text);
/** What is there, at most @len: bytes, 0 at the end, -1 nothing now. */
ssize_t host_hear (struct guest *guest, int fd, void *to, size_t len);
void host_expect (struct guest *guest, int fd, const char *text);
void host_expect_end (struct guest *guest, int fd);
/** "LISTEN port", answered. */
int host_listen (struct guest *guest, uint32_t port);
/** The descriptor of an ACCEPT line; its port must be @guest_port. */
int host_accept (struct guest *guest, int listener, uint32_t guest_port);
/** A connection that the guest opened to the host's @host_port, ready; the program's end. @listener: of host_listen(). */
int host_open (struct guest *guest, int listener, uint32_t guest_port, uint32_t host_port);

#endif
