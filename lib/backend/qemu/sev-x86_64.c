/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sev-x86_64: what the processor says of encrypted memory: leaf 0x8000001f of CPUID; it needs no right to ask. */
#include "backend/qemu/vm.h"

#include <cpuid.h>

#define LEAF 0x8000001fu

bool
kata_qemu__sev_bits (uint32_t *bit, uint32_t *lost)
{
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count (LEAF, 0, &a, &b, &c, &d) || (b & 0x3f) == 0)
    return false;
  *bit = b & 0x3f;
  *lost = b >> 6 & 0x3f;
  return true;
}
