/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dsdt: the namespace of the machine: which devices there are, where, and what to do when the power button is pressed. */
#ifndef KATA_VMM_ACPI_DSDT_H
#define KATA_VMM_ACPI_DSDT_H

#include "vmm/acpi/acpi.h"
#include "vmm/acpi/aml.h"

/** Appends the definition block's body, without a table header. */
void vmm_acpi__dsdt (struct vmm_aml *aml, const struct vmm_acpi_config *config);

#endif
