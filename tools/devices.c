/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* devices: one for each word. */
#include "devices.h"

GPtrArray *
devices_of (char *const *words)
{
  GPtrArray *devices = g_ptr_array_new_with_free_func (g_free);
  for (; *words; words++) {
    kata_host_device *device = g_new0 (kata_host_device, 1);
    device->size = sizeof *device;
    device->address = *words;
    if (**words)
      g_ptr_array_add (devices, device);
    else
      g_free (device);
  }
  g_ptr_array_add (devices, NULL);
  return devices;
}
