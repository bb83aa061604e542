/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a hostile driver of persistent memory. It can only ask for flushes: the file stays as it is. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm-steps.h"

#include "vmm/virtio/pmem.h"

#define IMAGE (2u << 20)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct steps steps = { .data = data, .left = size, .n_queues = 1 };
  uint8_t how = (uint8_t) steps_take (&steps, 1);
  int fd = memfd_create ("image", MFD_CLOEXEC);
  struct stat st;

  steps_check (fd >= 0 && ftruncate (fd, IMAGE) == 0, "no image");
  const struct vmm_pmem_config config = {
    .fd = fd, .readonly = (how & 1) != 0, .base = UINT64_C (1) << 40, .size = IMAGE
  };
  driver_open (&steps.driver, VMM_RAM_MIN);
  steps_check (driver_device (&steps.driver, &vmm_virtio_pmem_ops, &config, NULL) == 0, "realize");
  steps.features = (how & 16) != 0 ? VMM_VIRTIO_F_INDIRECT : ~VMM_VIRTIO_F_ACCESS_PLATFORM;
  steps_play (&steps);
  steps_check (fstat (fd, &st) == 0 && st.st_size == IMAGE && st.st_blocks == 0, "the image changed");
  close (fd);
  return 0;
}
