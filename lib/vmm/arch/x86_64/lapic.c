/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lapic: the local APIC's two pins, as firmware leaves them. */
#include <string.h>

#include "vmm/arch/x86_64/x86.h"

#define LVT_LINT0 0x350
#define LVT_LINT1 0x360
#define MODE_MASK UINT32_C (0x10700) /* delivery mode and mask */
#define MODE_NMI  UINT32_C (0x400)
#define MODE_EXT  UINT32_C (0x700)

static void
set_mode (struct kvm_lapic_state *lapic, size_t offset, uint32_t mode)
{
  uint32_t value;
  memcpy (&value, lapic->regs + offset, sizeof value);
  value = (value & ~MODE_MASK) | mode;
  memcpy (lapic->regs + offset, &value, sizeof value);
}

void
vmm_x86__lapic (struct kvm_lapic_state *lapic)
{
  set_mode (lapic, LVT_LINT0, MODE_EXT);
  set_mode (lapic, LVT_LINT1, MODE_NMI);
}
