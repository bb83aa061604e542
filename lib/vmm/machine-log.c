/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-log: what devices say about a misbehaving guest, as much of it as it is worth: a guest must not be able to fill a disk with it. */
#include <stdio.h>
#include <string.h>

#include "vmm/machine-parts.h"

#define PER_SECOND 10
#define SECOND     INT64_C (1000000000)

static struct vmm_log_budget *
find (struct vmm_machine *machine, const char *device)
{
  for (size_t i = 0; i < VMM_LOG_DEVICES; i++) {
    struct vmm_log_budget *budget = &machine->log[i];
    if (budget->device == NULL)
      budget->device = device; /* static text of the device's */
    if (strcmp (budget->device, device) == 0)
      return budget;
  }
  return NULL;
}

void
vmm_machine__log (void *ctx, const char *device, const char *message)
{
  struct vmm_machine *machine = ctx;
  struct vmm_log_budget *budget = find (machine, device);
  if (budget == NULL)
    return;
  int64_t second = vmm_loop__now () / SECOND;
  if (budget->second != second) {
    unsigned dropped = budget->dropped;
    budget->second = second;
    budget->said = budget->dropped = 0;
    if (dropped > 0) {
      char text[64];
      snprintf (text, sizeof text, "%u messages were dropped", dropped);
      machine->config.log (machine->config.ctx, device, text);
    }
  }
  if (budget->said++ < PER_SECOND)
    machine->config.log (machine->config.ctx, device, message);
  else
    budget->dropped++;
}
