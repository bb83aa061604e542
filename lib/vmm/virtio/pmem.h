/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pmem: an image in the guest's address space, without a page cache of its own (virtio 1.2, 5.19); the machine maps it, this file flushes it. */
#ifndef KATA_VMM_VIRTIO_PMEM_H
#define KATA_VMM_VIRTIO_PMEM_H

#include "vmm/virtio/virtio.h"

struct vmm_pmem_config {
  int fd;        /* regular file, a multiple of 2 MiB; the device takes a dup for fsync */
  bool readonly; /* KVM's slot is read-only then: CVE-2020-27151 and its kin */
  /* filled by the machine */
  vmm_gpa base;
  uint64_t size;
};
extern const struct vmm_virtio_ops vmm_virtio_pmem_ops;

#endif
