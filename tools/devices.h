/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* devices: devices of the host that an engine's config.json names, for a sandbox's options. */
#ifndef TOOLS_DEVICES_H
#define TOOLS_DEVICES_H

#include <glib.h>

#include <kata/sandbox.h>

/** What kata_placement.vfio_groups says, as kata_sandbox_options.host_devices: the array's pdata, NULL-terminated; it borrows from @words. */
GPtrArray *devices_of (char *const *words);

#endif
