/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user: the front end of vhost-user: hands rings and guest memory to a server over a unix socket. It knows no device and trusts no answer. */
#ifndef KATA_VMM_VHOST_USER_H
#define KATA_VMM_VHOST_USER_H

#include "vmm/memory.h"
#include "vmm/virtio/queue.h"

/** The server's end of one connection. All calls: device lock held; each waits for the server at most VMM_VHOST_USER_WAIT_MS. */
struct vmm_vhost_user {
  int fd; /* -1 once the server broke the protocol, hung or went away */
};

#define VMM_VHOST_USER_WAIT_MS  5000
#define VMM_VHOST_USER_START_MS 30000 /* its first answer */

/**
 * Begins: owner, features. Takes @fd in any case. @needed: virtio features that the server must offer.
 * KATA_E_PROTOCOL, KATA_E_TIMEOUT, KATA_E_UNSUPPORTED.
 */
int vmm_vhost_user__open (struct vmm_vhost_user *user, int fd, uint64_t needed, kata_error **err);
void vmm_vhost_user__close (struct vmm_vhost_user *user);

/* The rest return false, and close the connection, when the server is lost. */
bool vmm_vhost_user__set_features (struct vmm_vhost_user *user, uint64_t features);
bool vmm_vhost_user__set_memory (struct vmm_vhost_user *user, const struct vmm_memory *memory);
/** Hands @queue over, to begin at available entry @base. The server keeps duplicates of the eventfds. */
bool vmm_vhost_user__start_ring (struct vmm_vhost_user *user, unsigned index, const struct vmm_queue *queue,
                                 uint16_t base, int kick_fd, int call_fd);
/** Takes it back; the server touches it no more. *base: where it stopped. */
bool vmm_vhost_user__stop_ring (struct vmm_vhost_user *user, unsigned index, uint16_t *base);

#endif
