/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* msix: which vectors the guest wants where; a vector is routed exactly while MSI-X is on and neither mask is set. */
#include "vmm/pci/msix.h"

#include <poll.h>
#include <string.h>

#include "base/raise.h"

int
vmm_msix__open (struct vmm_msix *msix, const struct vmm_env *env, struct vmm_pci_function *function, unsigned n,
                uint32_t table, uint32_t pba, kata_error **err)
{
  memset (msix, 0, sizeof *msix);
  msix->env = env;
  msix->function = function;
  if (n == 0 || n > VMM_MSIX_VECTORS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, NULL, "pci: %u MSI-X vectors: must be 1 to %u", n, VMM_MSIX_VECTORS_MAX);
  for (; msix->n < n; msix->n++) {
    struct vmm_msix_entry *entry = &msix->entries[msix->n];
    int code = env->irqs.ops->msi (env->irqs.ctx, &entry->irq, err);
    if (code < 0) {
      vmm_msix__close (msix);
      return code;
    }
    entry->control = VMM_MSIX_ENTRY_MASKED;
  }
  unsigned at = vmm_pci_function__capability (function, VMM_PCI_CAP_MSIX, VMM_MSIX_CAP_SIZE);
  msix->capability = at;
  vmm_pci_function__set (function, at + VMM_MSIX_CONTROL, 2, n - 1);
  vmm_pci_function__set (function, at + VMM_MSIX_TABLE, 4, table); /* BAR 0: the low three bits */
  vmm_pci_function__set (function, at + VMM_MSIX_PBA, 4, pba);
  function->mask[at + VMM_MSIX_CONTROL + 1] = (VMM_MSIX_CONTROL_MASK_ALL | VMM_MSIX_CONTROL_ENABLE) >> 8;
  return 0;
}

void
vmm_msix__close (struct vmm_msix *msix)
{
  for (unsigned i = 0; i < msix->n; i++)
    msix->env->irqs.ops->release (msix->env->irqs.ctx, &msix->entries[i].irq);
  msix->n = 0;
}

static uint32_t
control_of (const struct vmm_msix *msix)
{
  return vmm_pci_function__get (msix->function, msix->capability + VMM_MSIX_CONTROL, 2);
}

bool
vmm_msix__enabled (const struct vmm_msix *msix)
{
  return (control_of (msix) & VMM_MSIX_CONTROL_ENABLE) != 0;
}

/* @moved: address or data changed. */
static void
settle (struct vmm_msix *msix, struct vmm_msix_entry *entry, bool moved)
{
  const struct vmm_irqs *irqs = &msix->env->irqs;
  bool on = (control_of (msix) & (VMM_MSIX_CONTROL_ENABLE | VMM_MSIX_CONTROL_MASK_ALL)) == VMM_MSIX_CONTROL_ENABLE &&
            (entry->control & VMM_MSIX_ENTRY_MASKED) == 0;
  if (on && (moved || !entry->routed))
    irqs->ops->route (irqs->ctx, &entry->irq, entry->address, entry->data);
  else if (!on && entry->routed)
    irqs->ops->unroute (irqs->ctx, &entry->irq);
  entry->routed = on;
  if (on && entry->pending) {
    entry->pending = false;
    vmm_irq__raise (&entry->irq);
  }
}

void
vmm_msix__raise (struct vmm_msix *msix, unsigned vector)
{
  if (vector >= msix->n || !vmm_msix__enabled (msix))
    return;
  struct vmm_msix_entry *entry = &msix->entries[vector];
  if (entry->routed)
    vmm_irq__raise (&entry->irq);
  else
    entry->pending = true;
}

int
vmm_msix__fd (const struct vmm_msix *msix, unsigned vector)
{
  return vector < msix->n ? msix->entries[vector].irq.fd : -1;
}

static uint32_t
get_word (const struct vmm_msix_entry *entry, unsigned word)
{
  switch (word) {
  case 0:
    return (uint32_t) entry->address;
  case 1:
    return (uint32_t) (entry->address >> 32);
  case 2:
    return entry->data;
  default:
    return entry->control;
  }
}

static void
set_word (struct vmm_msix_entry *entry, unsigned word, uint32_t value)
{
  switch (word) {
  case 0:
    entry->address = (entry->address & ~(uint64_t) UINT32_MAX) | (value & ~3u);
    break;
  case 1:
    entry->address = (entry->address & UINT32_MAX) | (uint64_t) value << 32;
    break;
  case 2:
    entry->data = value;
    break;
  default:
    entry->control = value & VMM_MSIX_ENTRY_MASKED;
    break;
  }
}

/* 6.8.2: doublewords and quadwords, aligned; what else a guest tries reads zero and writes nothing. */
void
vmm_msix__table (struct vmm_msix *msix, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  bool good = (len == 4 || len == 8) && offset % len == 0 && offset / VMM_MSIX_ENTRY_SIZE < msix->n;
  if (!good) {
    if (!write)
      *value = 0;
    return;
  }
  struct vmm_msix_entry *entry = &msix->entries[offset / VMM_MSIX_ENTRY_SIZE];
  unsigned word = (unsigned) (offset % VMM_MSIX_ENTRY_SIZE / 4);
  if (!write) {
    *value = get_word (entry, word) | (len == 8 ? (uint64_t) get_word (entry, word + 1) << 32 : 0);
    return;
  }
  uint64_t address = entry->address;
  uint32_t data = entry->data;
  set_word (entry, word, (uint32_t) *value);
  if (len == 8)
    set_word (entry, word + 1, (uint32_t) (*value >> 32));
  settle (msix, entry, address != entry->address || data != entry->data);
}

/* Another process raises its eventfd without asking us: while masked, that is what waits. */
static bool
is_pending (const struct vmm_msix_entry *entry)
{
  struct pollfd waits = { .fd = entry->irq.fd, .events = POLLIN };
  return entry->pending || (!entry->routed && poll (&waits, 1, 0) == 1 && (waits.revents & POLLIN) != 0);
}

void
vmm_msix__pba (const struct vmm_msix *msix, uint64_t offset, unsigned len, uint64_t *value)
{
  *value = 0;
  if ((len != 4 && len != 8) || offset % len != 0)
    return;
  for (unsigned i = 0; i < 8 * len && offset * 8 + i < msix->n; i++)
    *value |= (uint64_t) is_pending (&msix->entries[offset * 8 + i]) << i;
}

void
vmm_msix__written (struct vmm_msix *msix, unsigned offset, unsigned len)
{
  unsigned control = msix->capability + VMM_MSIX_CONTROL;
  if (offset >= control + 2 || offset + len <= control)
    return;
  for (unsigned i = 0; i < msix->n; i++) {
    if (!vmm_msix__enabled (msix))
      msix->entries[i].pending = false;
    settle (msix, &msix->entries[i], false);
  }
}
