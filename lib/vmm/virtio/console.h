/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console: hvc0 (virtio 1.2, 5.3), one port, output to a descriptor and input from one. */
#ifndef KATA_VMM_VIRTIO_CONSOLE_H
#define KATA_VMM_VIRTIO_CONSOLE_H

#include "vmm/virtio/virtio.h"

struct vmm_console_config {
  int out_fd;     /* -1 = nowhere; a full pipe loses bytes */
  int in_fd;      /* -1 = none; non-blocking */
  uint64_t limit; /* bytes written in all, 0 = no limit */
};
extern const struct vmm_virtio_ops vmm_virtio_console_ops;

#endif
