/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock: a context id of the host's vhost-vsock for a guest, and a connection to the agent through it. */
#ifndef KATA_BACKEND_VSOCK_H
#define KATA_BACKEND_VSOCK_H

#include "backend/external-vm.h"

/** @fd: /dev/vhost-vsock with an id set that no other guest on the host has; @wanted, or with 0 any. KATA_E_HOST, KATA_E_BUSY. */
int kata_vsock__take (int *fd, uint32_t *cid, uint32_t wanted, kata_error **err);

/** The backend's verb for a kata_external_vm with its cid set: tries until the guest listens, the VMM ends or the deadline passes. */
int kata_vsock__connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err);

#endif
