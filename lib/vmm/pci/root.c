/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* root: bus 0 with its host bridge, reached through ECAM (PCI Express base 5.0, 7.2.2); one function a slot. */
#include "vmm/pci/root.h"

#include <stdlib.h>

#include "base/raise.h"

#include "vmm/layout.h"

/* An address inside ECAM: bus 27:20, device 19:15, function 14:12, register 11:0. */
#define ECAM_SLOT(offset)     ((unsigned) ((offset) >> 15) & 31u)
#define ECAM_FUNCTION(offset) ((unsigned) ((offset) >> 12) & 7u)
#define ECAM_REGISTER(offset) ((unsigned) (offset) &0xfffu)

struct vmm_pci_root {
  const struct vmm_env *env;
  vmm_gpa high_base, high_next;
  struct vmm_pci_function *slots[VMM_PCI_SLOTS];
  struct vmm_pci_function bridge;
};

static const struct vmm_pci_identity bridge_identity = {
  .vendor = 0x1b36, .device = 0x0008, .class_code = 0x060000 /* host bridge */
};
static const struct vmm_pci_function_ops bridge_ops = { 0 };

/* Who is not there reads all ones, which the bus has stored already. Beyond the first 256 bytes: no extended capability, zero. */
static void
on_ecam (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct vmm_pci_root *root = ctx;
  struct vmm_pci_function *function = root->slots[ECAM_SLOT (offset)];
  unsigned at = ECAM_REGISTER (offset);
  if (function == NULL || ECAM_FUNCTION (offset) != 0)
    return;
  /* 7.2.2: no access crosses a doubleword. */
  if (len > 4 || at % len != 0)
    return;
  if (at < VMM_PCI_CONFIG_SIZE)
    vmm_pci_function__access (function, at, len, value, write);
  else if (!write)
    *value = 0;
}

int
vmm_pci_root__new (struct vmm_pci_root **out, const struct vmm_env *env, vmm_gpa high_base, kata_error **err)
{
  struct vmm_pci_root *root = calloc (1, sizeof *root);
  if (root == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "pci: no memory for the bus");
  root->env = env;
  root->high_base = root->high_next = high_base;
  vmm_pci_function__init (&root->bridge, &bridge_identity, &bridge_ops, root);
  int code = vmm_bus__map (env->mmio, VMM_LAYOUT_ECAM, VMM_LAYOUT_ECAM_SIZE, on_ecam, root, err);
  if (code == 0)
    code = vmm_pci_root__add (root, &root->bridge, err);
  if (code < 0) {
    free (root);
    return code;
  }
  *out = root;
  return 0;
}

void
vmm_pci_root__free (struct vmm_pci_root *root)
{
  if (root == NULL)
    return;
  vmm_bus__unmap (root->env->mmio, VMM_LAYOUT_ECAM);
  free (root);
}

const struct vmm_env *
vmm_pci_root__env (const struct vmm_pci_root *root)
{
  return root->env;
}

static bool
inside (vmm_gpa base, uint64_t size, vmm_gpa window, uint64_t window_size)
{
  return base >= window && base - window < window_size && size <= window_size - (base - window);
}

bool
vmm_pci_root__has_window (const struct vmm_pci_root *root, vmm_gpa base, uint64_t size)
{
  return inside (base, size, VMM_LAYOUT_PCI_WINDOW, VMM_LAYOUT_PCI_WINDOW_SIZE) ||
         inside (base, size, root->high_base, VMM_LAYOUT_HIGH_SIZE);
}

int
vmm_pci_root__add (struct vmm_pci_root *root, struct vmm_pci_function *function, kata_error **err)
{
  unsigned slot = 0;
  while (slot < VMM_PCI_SLOTS && root->slots[slot] != NULL)
    slot++;
  uint64_t size = function->bar_size;
  vmm_gpa at = size != 0 ? (root->high_next + size - 1) & ~(size - 1) : root->high_next;
  if (slot == VMM_PCI_SLOTS || !inside (at, size, root->high_base, VMM_LAYOUT_HIGH_SIZE))
    return kata_error__set (err, KATA_E_LIMIT, NULL, "pci: no slot of %d is free, or no room for a BAR of 0x%llx bytes",
                            VMM_PCI_SLOTS, (unsigned long long) size);
  function->root = root;
  function->slot = slot;
  root->slots[slot] = function;
  if (size == 0)
    return 0;
  root->high_next = at + size;
  uint32_t low = vmm_pci_function__get (function, VMM_PCI_BAR0, 4) | (uint32_t) at;
  vmm_pci_function__set (function, VMM_PCI_BAR0, 4, low);
  vmm_pci_function__set (function, VMM_PCI_BAR0 + 4, 4, (uint32_t) (at >> 32));
  return 0;
}

void
vmm_pci_root__remove (struct vmm_pci_root *root, struct vmm_pci_function *function)
{
  if (root->slots[function->slot] != function)
    return;
  vmm_pci_function__lift (function);
  root->slots[function->slot] = NULL;
}
