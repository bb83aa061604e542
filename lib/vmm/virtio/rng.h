/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rng: random numbers of the host's getrandom() (virtio 1.2, 5.4); config NULL. */
#ifndef KATA_VMM_VIRTIO_RNG_H
#define KATA_VMM_VIRTIO_RNG_H

#include "vmm/virtio/virtio.h"

extern const struct vmm_virtio_ops vmm_virtio_rng_ops;

#endif
