/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* root: bus 0 as its functions' owners see it; how the machine makes it is in pci.h. */
#ifndef KATA_VMM_PCI_ROOT_H
#define KATA_VMM_PCI_ROOT_H

#include "vmm/pci/function.h"

#define VMM_PCI_SLOTS 32

/** Puts @function into the next free slot and its BAR into the high window. KATA_E_LIMIT: no slot is free. */
int vmm_pci_root__add (struct vmm_pci_root *root, struct vmm_pci_function *function, kata_error **err);
/** Takes it off the bus; nothing of it answers any more. */
void vmm_pci_root__remove (struct vmm_pci_root *root, struct vmm_pci_function *function);

const struct vmm_env *vmm_pci_root__env (const struct vmm_pci_root *root);
/** May a BAR be there? Only in the windows that the guest was told of. */
bool vmm_pci_root__has_window (const struct vmm_pci_root *root, vmm_gpa base, uint64_t size);

#endif
