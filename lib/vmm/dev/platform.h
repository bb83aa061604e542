/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* platform: the devices of the board that are not virtio, with what each needs to be made. */
#ifndef KATA_VMM_DEV_PLATFORM_H
#define KATA_VMM_DEV_PLATFORM_H

#include "vmm/device.h"

/** 16550A at VMM_PORT_SERIAL, output only: what the guest says. */
struct vmm_serial_config {
  int fd; /* -1 = nowhere; the caller's. A pipe or socket that is full loses bytes, never time: writes do not wait. */
  uint64_t limit; /* bytes kept in all; what follows is dropped. 0 = no limit */
};
extern const struct vmm_device_ops vmm_serial_ops;

/** MC146818 at VMM_PORT_RTC: the time, read only. No config. */
extern const struct vmm_device_ops vmm_rtc_ops;

/** Sleep, reset and event registers at VMM_LAYOUT_POWER (dev/power.h for ACPI), and the i8042's reset command. No config. */
extern const struct vmm_device_ops vmm_power_ops;
/** Press the power button: the guest is asked to shut down. @self: an instance of vmm_power_ops. Device lock held. */
void vmm_power__press (void *self);

#endif
