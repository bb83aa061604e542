/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a guest at the registers of a virtio-mmio device. */
#include "vmm-registers.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct plays plays = { 0 };
  plays_open (&plays, data, size, false);
  for (unsigned n = 0; plays.steps.left > 0 && n < 2000; n++) {
    plays_remember (&plays);
    plays_one (&plays, REGISTERS_MMIO, 0x200);
    plays_check (&plays);
  }
  plays_close (&plays);
  return 0;
}
