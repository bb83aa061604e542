/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: decides what one container needs of the host and what its specification looks like in the guest; pure. */
#ifndef KATA_PLAN_CONTAINER_H
#define KATA_PLAN_CONTAINER_H

#include "oci/spec.h"
#include "plan/plan.h"

/** A file or directory of the host that must appear below the share directory before the container is created. */
struct kata_share {
  const char *source; /* absolute, on the host */
  const char *bundle; /* (nullable): @source is below it, and no link on the way is followed */
  const char *path;   /* below kata_plan.share_dir: "<cid>/rootfs", "<cid>/m0" */
  bool readonly;
  bool recursive; /* rbind */
  bool rootfs;
};

/** A block device of the host that something of a specification leads to; found out by the caller. */
struct kata_block_fact {
  const char *source; /* (nullable): the path as the specification means it, absolute; NULL = of linux.devices */
  const char *node;   /* (nullable): the kernel's own in /dev; NULL = it has none there */
  uint32_t major, minor;
  bool readonly; /* the host takes no writes */
};
struct kata_container_facts {
  const struct kata_block_fact *blocks;
  size_t n_blocks;
};

/** A block device of the host that is to be a disk of the machine before the container is created. */
struct kata_block {
  const char *id;   /* of the disk */
  const char *node; /* what the hypervisor opens */
  uint32_t major, minor;
  bool readonly;
  bool listed; /* in linux.devices: rules about its number are the container's */
};

/** What one container needs; immutable, reference-counted; all strings belong to it. */
typedef struct kata_container_plan kata_container_plan;
struct kata_container_plan {
  int ref_count;     /* internal */
  kata_arena *arena; /* internal */
  const char *id;
  kata_oci_spec *spec; /* as it goes to the guest */
  struct kata_share *shares;
  size_t n_shares;
  struct kata_storage *storages; /* for CreateContainer */
  size_t n_storages;
  struct kata_block *blocks;
  size_t n_blocks;
  struct kata_guest_device *devices; /* for CreateContainer */
  size_t n_devices;
  bool packed;        /* its shares are gathered in kata_plan.pack_dir and packed into an image */
  uint32_t pack;      /* once chosen: which of the sandbox's disks for images, from 1 */
  const char *disk;   /* of the sandbox's, the one with its root file system; "" = none */
  bool disk_by_place; /* the source of its storage is "", not known before the hypervisor was asked */
  bool sandbox_pidns;
  bool terminal;
  uint32_t rows, columns; /* of the terminal; never 0 */
  char **warnings;        /* NULL-terminated, may be NULL */
  char **host_groups;     /* likewise: files of IOMMU groups whose devices are to come to the machine */
  char **host_devices;    /* likewise, once they are there: their ids */
};

/**
 * @spec: parsed, options applied; a reference is taken. @options: bundle (for a relative root.path), rootfs_disk and its type, rows,
 * columns; (nullable). @facts: (nullable): no path leads to a block device. KATA_E_SPEC with key = JSON path, KATA_E_UNSUPPORTED,
 * KATA_E_INVALID, KATA_E_HOST.
 */
int kata_container_plan__make (kata_container_plan **out, const kata_plan *plan, kata_oci_spec *spec,
                               const kata_container_options *options, const struct kata_container_facts *facts,
                               const char *cid, kata_error **err);
kata_container_plan *kata_container_plan__ref (kata_container_plan *plan);
void kata_container_plan__unref (kata_container_plan *plan); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_container_plan, kata_container_plan__unref)

/**
 * What the guest's cgroups cannot have goes, with a warning (a new string each). kata_container_plan__make() does it itself; an update of a running
 * container needs it. @given: (nullable): its block devices keep the rules about them.
 */
void kata_plan__edit_resources (kata_oci_resources *resources, const kata_container_plan *given, GPtrArray *warnings);

/** As JSON, for people and golden tests; kata_free(). */
char *kata_container_plan__to_json (const kata_container_plan *plan);

/**
 * What of the host must not be in a guest's reach, or would not be there what it is here: why @source (absolute) is such a thing, or NULL.
 * @own_dir: where sandboxes have their state.
 */
const char *kata_plan__refuse_source (const char *source, const char *own_dir, bool rootfs);

#endif
