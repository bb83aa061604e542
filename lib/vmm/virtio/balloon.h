/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balloon: memory that the guest gives back (virtio 1.2, 5.5): inflate, deflate on OOM, free page reporting. */
#ifndef KATA_VMM_VIRTIO_BALLOON_H
#define KATA_VMM_VIRTIO_BALLOON_H

#include "vmm/virtio/virtio.h"

struct vmm_balloon_config {
  uint64_t pages; /* of 4 KiB that the guest should give from the start */
};
extern const struct vmm_virtio_ops vmm_virtio_balloon_ops;
/** Ask the guest for another size. @self: an instance. Device lock held. */
void vmm_balloon__set (void *self, uint64_t pages);
/** Pages the guest has given. */
uint64_t vmm_balloon__actual (void *self);

#endif
