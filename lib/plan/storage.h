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
  const char *disk;        /* (nullable): the disk that driver and source are found by once it is the machine's */
};

/** A block device of a container, whose numbers the agent puts in place of the host's. */
struct kata_guest_device {
  const char *disk;           /* the disk that type and address are found by once it is the machine's */
  const char *type, *address; /* "blk", "mmioblk"; as a storage's driver and source */
  const char *container_path; /* of linux.devices */
};

/* Where things are in the guest: Kata's own places. */
#define KATA_GUEST_SHARE_DIR "/run/kata-containers/shared/containers"
#define KATA_GUEST_SHM_DIR   "/run/kata-containers/sandbox/shm"
/* What is on disks, by the container's id: its root, and its volumes with "-m" and their number. */
#define KATA_GUEST_STORAGE_DIR "/run/kata-containers/sandbox/storage"
#define KATA_GUEST_VOLUME_DIR  "/run/kata-containers/sandbox/volumes"
/* A disk by its serial number, as our agent finds it in /sys/block. */
#define KATA_GUEST_DISK_DIR "/dev/disk/by-kata"
#define KATA_SHARE_TAG      "kataShared"

#endif
