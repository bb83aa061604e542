/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* root-device: a root file system that the guest can mount by itself: one mount, of a block device, or of a file by way of a loop device. */
#ifndef SHIM_ROOT_DEVICE_H
#define SHIM_ROOT_DEVICE_H

#include <glib.h>

#include "messages/common.pb-c.h"

typedef struct root_device {
  char *path; /* (nullable): NULL = there is none, the mounts are for the host */
  char *type;
  char **options;
  int loop; /* a descriptor of our loop device, which is there as long as somebody has it open; -1 */
} root_device;
#define ROOT_DEVICE_NONE                                                                                               \
  {                                                                                                                    \
    NULL, NULL, NULL, -1                                                                                               \
  }

/** What the mounts are. FALSE: @why; else @out->path says whether they are such a device. */
gboolean root_device_take (root_device *out, Shim__Mount *const *mounts, size_t n, char **why);
void root_device_clear (root_device *device);

#endif
