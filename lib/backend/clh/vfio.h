/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio: the parts of VmConfig that are about devices of the host; pure. */
#ifndef KATA_BACKEND_CLH_VFIO_H
#define KATA_BACKEND_CLH_VFIO_H

#include <kata/sys/backend.h>

#include "base/json-write.h"

/** "devices", if there are any. KATA_E_INVALID, KATA_E_LIMIT. */
int kata_clh__write_host_devices (struct kata_json_writer *w, const kata_vm_plan *plan, kata_error **err);
/** Their items of "landlock_rules". */
void kata_clh__write_host_rules (struct kata_json_writer *w, const kata_vm_plan *plan);
/** The body of vm.add-device for one that comes later; g_free(). KATA_E_INVALID. */
int kata_clh__late_host_config (char **json, const kata_vm_host_device *device, kata_error **err);
/** Its name in the VMM. g_free(). */
char *kata_clh__host_id (const kata_vm_host_device *device);
/** One item. */
void kata_clh__write_rule (struct kata_json_writer *w, const char *path, const char *access);

#endif
