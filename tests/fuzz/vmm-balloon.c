/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a hostile driver of the balloon. RAM outside what it may name cannot be told from here; that nothing crashes and all ends can. */
#include "vmm-steps.h"

#include "vmm/virtio/balloon.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct steps steps = { .data = data, .left = size, .n_queues = 5 };
  uint8_t how = (uint8_t) steps_take (&steps, 1);

  driver_open (&steps.driver, VMM_RAM_MIN);
  steps_check (
      driver_device (&steps.driver, &vmm_virtio_balloon_ops, &(struct vmm_balloon_config){ .pages = how }, NULL) == 0,
      "realize");
  steps.features = (how & 16) != 0 ? VMM_VIRTIO_F_INDIRECT : ~VMM_VIRTIO_F_ACCESS_PLATFORM;
  steps_play (&steps);
  return 0;
}
