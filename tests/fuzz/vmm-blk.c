/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a hostile driver of a disk, over both engines. The image keeps its size, and its content when it is read-only. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm-steps.h"

#include "vmm/virtio/blk.h"

#define IMAGE (256u * 1024)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct steps steps = { .data = data, .left = size };
  uint8_t how = (uint8_t) steps_take (&steps, 1);
  int image = memfd_create ("image", MFD_CLOEXEC), fd;
  char path[64];
  static uint8_t bytes[IMAGE];

  snprintf (path, sizeof path, "/proc/self/fd/%d", image);
  memset (bytes, 0x5a, sizeof bytes);
  steps_check (write (image, bytes, sizeof bytes) == IMAGE, "write");
  struct vmm_blk_config config = { .threads = (how & 1) != 0,
                                   .readonly = (how & 2) != 0,
                                   .queues = 1 + (how >> 2 & 1) };
  if ((how & 8) != 0)
    config.limit = (struct vmm_limit){ .ops = 5000, .bytes = 1 << 20, .bytes_burst = 4096 };
  fd = open (path, (config.readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  config.fd = fd;
  driver_open (&steps.driver, VMM_RAM_MIN);
  steps_check (driver_device (&steps.driver, &vmm_virtio_blk_ops, &config, NULL) == 0, "realize");
  steps.n_queues = config.queues;
  steps.features = (how & 16) != 0 ? VMM_VIRTIO_F_INDIRECT : ~VMM_VIRTIO_F_ACCESS_PLATFORM;
  steps_play (&steps);

  struct stat st;
  steps_check (fstat (image, &st) == 0 && st.st_size == IMAGE, "the image's size changed");
  if (config.readonly) {
    steps_check (pread (image, bytes, sizeof bytes, 0) == IMAGE, "read");
    for (size_t i = 0; i < sizeof bytes; i++)
      steps_check (bytes[i] == 0x5a, "a read-only image changed");
  }
  close (fd);
  close (image);
  return 0;
}
