/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* id: which names sandboxes, containers, processes and disks may bear; they become file names and parts of command lines. */
#ifndef KATA_BASE_ID_H
#define KATA_BASE_ID_H

#include <kata/error.h>

/* Hex digits of a random id. */
#define KATA_ID_RANDOM_LEN 16
/* Serial numbers of disks: virtio-blk has 20 bytes. */
#define KATA_DISK_ID_MAX 20

/** [A-Za-z0-9][A-Za-z0-9_.-]*, at most KATA_ID_MAX bytes. @what is the error's key, for example "id". KATA_E_INVALID, KATA_E_LIMIT. */
int kata_id__check (const char *what, const char *id, kata_error **err);
/** [a-z0-9-]{1,20}. */
int kata_id__check_disk (const char *what, const char *id, kata_error **err);
/** Random lower-case hex digits from the kernel; KATA_E_HOST if it gives none. */
int kata_id__random (char id[KATA_ID_RANDOM_LEN + 1], kata_error **err);

#endif
