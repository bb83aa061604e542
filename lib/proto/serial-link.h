/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial-link: byte streams in sessions over one serial port that outlives them; for both ends, malloc only. Not the ttrpc in it. */
#ifndef KATA_PROTO_SERIAL_LINK_H
#define KATA_PROTO_SERIAL_LINK_H

#include <stdint.h>

#include "ttrpc/ttrpc.h"

/*
 * A virtio-serial port is one pipe from boot to power-off. A process on the host may be killed in the middle of a frame, and the next
 * one finds bytes of the old conversation in both directions. So the host starts a session by filler (zeros, enough to end any
 * chunk that was cut off) and a reset with a random nonce; the guest drops what it had, and answers with filler and that nonce;
 * everything before it belongs to nobody. The chunks are in serial-chunk.h.
 */

/**
 * kata_serial_link__connect: (host)
 * Starts a session; ends the one that there may be. Waits for the guest to open the port, so it may be called before it boots.
 * @out: (out): the stream; untouched on failure
 * @fd: (transfer full, also on failure): the port, for example a socket to QEMU's chardev; becomes non-blocking
 * @timeout_ms: < 0 = none
 * Returns: 0, -ETIMEDOUT (nobody answered), -EPIPE (the other end went away), or another -errno
 */
int kata_serial_link__connect (struct ttrpc_io *out, int fd, int64_t timeout_ms);

/* The guest's end of a port. */
typedef struct kata_serial_link kata_serial_link;

/**
 * Runs one session; returns when it is over. Reading from @io gives 0 when the host has gone or begun another session; @io must be
 * closed on return (ttrpc_server_serve() does all that).
 */
typedef void (*kata_serial_link_session_fn) (void *user, const struct ttrpc_io *io);

/** Takes @fd (also on failure). 0 or -errno. */
int kata_serial_link__new (kata_serial_link **out, int fd);
/** Waits for hosts and runs one session after the other on this thread, until kata_serial_link__stop() (0) or the port fails (-errno). */
int kata_serial_link__serve (kata_serial_link *link, kata_serial_link_session_fn session, void *user);
/** From any thread or from the session itself; for good. */
void kata_serial_link__stop (kata_serial_link *link);
/** After kata_serial_link__serve() has returned. NULL-safe. */
void kata_serial_link__free (kata_serial_link *link);

#endif
