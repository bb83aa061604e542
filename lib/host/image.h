/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image: what a disk image is like from outside; it trusts nothing in it and mounts nothing. */
#ifndef KATA_HOST_IMAGE_H
#define KATA_HOST_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/** Bytes of a file or block device, and whether it begins with a table of partitions; 0 and false when it cannot be read. */
void kata_image__look (const char *path, uint64_t *size, bool *partitioned);

#endif
