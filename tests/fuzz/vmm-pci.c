/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a guest at a virtio function's configuration space and BAR, which it may move. */
#include "vmm-registers.h"

#include "vmm/pci/regs.h"
#include "vmm/virtio/pci-regs.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Where the guest has put BAR 0; what answers there, if anything, is not this target's to know. */
static vmm_gpa
bar_at (const struct vmm_env *env)
{
  return (fake_read (env->mmio, REGISTERS_SLOT + VMM_PCI_BAR0, 4) & ~UINT64_C (15)) |
         fake_read (env->mmio, REGISTERS_SLOT + VMM_PCI_BAR0 + 4, 4) << 32;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct plays plays = { 0 };
  plays_open (&plays, data, size, true);
  const struct vmm_env *env = plays.steps.driver.env;
  for (unsigned n = 0; plays.steps.left > 0 && n < 2000; n++) {
    uint8_t where = (uint8_t) steps_take (&plays.steps, 1);
    plays_remember (&plays);
    if ((where & 3) == 0)
      plays_one (&plays, REGISTERS_SLOT, VMM_PCI_CONFIG_SIZE);
    else if (where == 0x81) {
      /* Back to where honest drivers find it. */
      fake_write (env->mmio, REGISTERS_SLOT + VMM_PCI_BAR0, 4, (uint32_t) REGISTERS_HIGH_BASE);
      fake_write (env->mmio, REGISTERS_SLOT + VMM_PCI_BAR0 + 4, 4, REGISTERS_HIGH_BASE >> 32);
      fake_write (env->mmio, REGISTERS_SLOT + VMM_PCI_COMMAND, 2, VMM_PCI_COMMAND_MEMORY);
    } else
      plays_one (&plays, plays.guest.base + (where & 0x70) * 0x100u, VMM_VPCI_PAGE);
    plays.guest.base = bar_at (env);
    plays_check (&plays);
  }
  plays_close (&plays);
  return 0;
}
