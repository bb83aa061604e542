/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci: bus 0, its functions, configuration space by ECAM (PCI Express base 5.0, 7.2.2); no bridge, no interrupt line: MSI-X only. */
#ifndef KATA_VMM_PCI_PCI_H
#define KATA_VMM_PCI_PCI_H

#include "vmm/device.h"

struct vmm_pci_root;

/** ECAM and the windows of layout.h; @high_base is where 64-bit BARs go (the firmware's part is ours: BARs come assigned). */
int vmm_pci_root__new (struct vmm_pci_root **out, const struct vmm_env *env, vmm_gpa high_base, kata_error **err);
void vmm_pci_root__free (struct vmm_pci_root *root); /* all functions are gone before */

#endif
