/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* power: the registers of dev/power.c as the guest's ACPI code uses them (ACPI 6.4: 4.8.3.7 sleep control, 5.6.9 generic event device). */
#ifndef KATA_VMM_DEV_POWER_H
#define KATA_VMM_DEV_POWER_H

/* Offsets from VMM_LAYOUT_POWER; one byte each. */
#define VMM_POWER_SLEEP_CONTROL 0x0 /* write SLP_EN | type << 2 */
#define VMM_POWER_SLEEP_STATUS  0x1
#define VMM_POWER_RESET         0x2 /* write VMM_POWER_RESET_VALUE */
#define VMM_POWER_EVENTS        0x3 /* read: bits that are pending, and clears them */

#define VMM_POWER_SLEEP_ENABLE 0x20
#define VMM_POWER_S5_TYPE      5
#define VMM_POWER_RESET_VALUE  0x42
#define VMM_POWER_EVENT_BUTTON 0x01

#endif
