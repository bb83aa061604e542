/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock: stream sockets between guest and host (virtio 1.2, 5.10), in process: a listening unix socket stands for the guest. */
#ifndef KATA_VMM_VIRTIO_VSOCK_H
#define KATA_VMM_VIRTIO_VSOCK_H

#include "vmm/virtio/virtio.h"

/**
 * A program on the host connects to the unix socket and writes one line:
 *   "CONNECT <port>\n"  a connection to that port of the guest; answer "OK <local port>\n", then the stream; closed at once if refused;
 *                       before the guest's driver has started the device, the answer comes once it has.
 *   "LISTEN <port>\n"   the host's port <port>: answer "OK <port>\n"; then each connection of the guest to it arrives as the line
 *                       "ACCEPT <guest port>\n" with a connected descriptor (SCM_RIGHTS). Closing the socket ends the listening.
 * So the VMM needs neither socket() nor connect() nor a path once it runs.
 */
struct vmm_vsock_config {
  uint32_t cid;         /* of the guest, >= 3 */
  int listen_fd;        /* SOCK_STREAM unix, listening; the device takes a dup and makes it non-blocking */
  unsigned connections; /* at most, 0 = 1024 */
};
extern const struct vmm_virtio_ops vmm_virtio_vsock_ops;

/** All connections are gone and the guest is told (after a restore, its own sockets are stale). @self: an instance. Device lock held. */
void vmm_vsock__transport_reset (void *self);

#endif
