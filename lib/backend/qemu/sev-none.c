/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sev-none: processors that are not AMD's have no such bits. */
#include "backend/qemu/vm.h"

bool
kata_qemu__sev_bits (uint32_t *bit, uint32_t *lost)
{
  return false;
}
