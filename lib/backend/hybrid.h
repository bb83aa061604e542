/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hybrid: vsock behind a unix socket of the VMM's ("CONNECT port"), as Firecracker, Cloud Hypervisor and our microVMM have it. */
#ifndef KATA_BACKEND_HYBRID_H
#define KATA_BACKEND_HYBRID_H

#include <kata/error.h>

/** What try_connect() met. */
enum kata_hybrid_result {
  KATA_HYBRID_OK = 0,
  KATA_HYBRID_LATER,  /* nobody listens yet, in the guest or on the socket */
  KATA_HYBRID_FAILED, /* the error is set */
};

/**
 * One try: connects to the socket @name in the directory, asks for @port of the guest, reads the answer. KATA_HYBRID_OK with *fd, a stream to the
 * guest. The answer is one short line, waited for at most some seconds; another one than the protocol's is KATA_E_PROTOCOL.
 */
enum kata_hybrid_result
kata_hybrid__try (int *fd, int dir_fd, const char *name, uint32_t port, int64_t deadline_us, kata_error **err);

#endif
