/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fs: a directory of the host's through virtiofsd (virtio 1.2, 5.11): the front end of vhost-user; it sees no file itself. */
#ifndef KATA_VMM_VIRTIO_FS_H
#define KATA_VMM_VIRTIO_FS_H

#include "vmm/virtio/virtio.h"

struct vmm_fs_config {
  char tag[36]; /* NUL-terminated */
  int socket_fd; /* connected to virtiofsd; the device takes a dup. When it dies the guest sees NEEDS_RESET and I/O errors. */
  uint16_t queue_size; /* a power of two, 0 = 1024 */
};
extern const struct vmm_virtio_ops vmm_virtio_fs_ops;

#endif
