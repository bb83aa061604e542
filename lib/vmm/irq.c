/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* irq: raising an interrupt, the same whoever carries it. */
#include "vmm/irq.h"

#include <unistd.h>

void
vmm_irq__raise (const struct vmm_irq *irq)
{
  /* Fails only when the counter is full: then it is raised already. */
  if (irq->fd >= 0 && write (irq->fd, &(uint64_t){ 1 }, sizeof (uint64_t)) < 0)
    return;
}
