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
/** One item. */
void kata_clh__write_rule (struct kata_json_writer *w, const char *path, const char *access);

#endif
