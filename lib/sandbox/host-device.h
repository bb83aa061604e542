/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-device: devices of the host as a caller names them, made one function each, with the group that it is in; looks at sysfs only. */
#ifndef KATA_SANDBOX_HOST_DEVICE_H
#define KATA_SANDBOX_HOST_DEVICE_H

#include <kata/sandbox.h>

#include "base/arena.h"
#include "base/error.h"

/**
 * @out: NULL-terminated, in @arena; a group's file becomes all of its functions but bridges. @groups: of each, -1 = it is in none. @root: "" but for tests.
 * KATA_E_NOT_FOUND: there is no such group. What is no address stays as it is.
 */
int kata_sandbox__host_devices (const kata_host_device *const **out, const int64_t **groups, kata_arena *arena,
                                const char *root, const kata_host_device *const *devices, kata_error **err);

#endif
