/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci: the host's PCI functions as sysfs shows them: addresses, IOMMU groups, drivers; it changes none. */
#ifndef KATA_HOST_PCI_H
#define KATA_HOST_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/** A domain has four hexadecimal digits, behind some controllers up to eight. */
#define KATA_PCI_ADDRESS_MAX 16
/** Of the addresses' folder. */
#define KATA_PCI_DEVICES "/sys/bus/pci/devices"

/** "0000:01:00.0" out of that or of "01:00.0", in small letters; false = @text is no address. Pure. */
bool kata_pci__parse (char out[KATA_PCI_ADDRESS_MAX + 1], const char *text);

/** The number of "/dev/vfio/12"; -1 = @path is none such. Pure. */
int64_t kata_pci__group_of_file (const char *path);

/* In what follows @root is "" but for tests, and @address is one that kata_pci__parse() made. */

bool kata_pci__exists (const char *root, const char *address);
/** Its IOMMU group; -1 = there is no such function, or it has none. */
int64_t kata_pci__group (const char *root, const char *address);
/** The addresses in a group, sorted; empty when there is no such group. */
GPtrArray *kata_pci__members (const char *root, int64_t group);
/** The name of its driver, g_free(); NULL = it has none. */
char *kata_pci__driver (const char *root, const char *address);
/** A bridge between buses, which is nobody's device. */
bool kata_pci__is_bridge (const char *root, const char *address);

#endif
