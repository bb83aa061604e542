/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* storage: what the agent shall mount in the guest, in plain strings; agent/spec.h turns it into the agent's message. */
#ifndef KATA_PLAN_STORAGE_H
#define KATA_PLAN_STORAGE_H

#include <stdbool.h>

struct kata_storage {
  const char *driver; /* "virtio-fs", "9p", "blk", "ephemeral", … */
  const char *source;
  const char *fstype;
  const char *mount_point; /* in the guest */
  char **options;          /* NULL-terminated, may be NULL */
  char **driver_options;   /* likewise */
  bool shared;             /* stays until the sandbox goes */
};

/* Where things are in the guest: Kata's own places. */
#define KATA_GUEST_SHARE_DIR "/run/kata-containers/shared/containers"
#define KATA_GUEST_SHM_DIR   "/run/kata-containers/sandbox/shm"
/* A disk by its serial number, as our agent finds it in /sys/block. */
#define KATA_GUEST_DISK_DIR "/dev/disk/by-kata"
#define KATA_SHARE_TAG      "kataShared"

#endif
