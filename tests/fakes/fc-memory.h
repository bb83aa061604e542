/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fc-memory: memory that comes and goes in the Firecracker that is none, as /hotplug/memory changes it and tells of it. */
#ifndef KATA_TESTS_FAKES_FC_MEMORY_H
#define KATA_TESTS_FAKES_FC_MEMORY_H

#include <json-glib/json-glib.h>

#include "server.h"

/** Of a MemoryHotplugConfig into @machine, which a snapshot keeps. NULL, or what is wrong with it; g_free(). */
char *fc_memory_configure (JsonObject *machine, JsonObject *config);
/** Of a MemoryHotplugSizeUpdate. Likewise. */
char *fc_memory_update (JsonObject *machine, JsonObject *update);
/**
 * A MemoryHotplugStatus in *status; g_free(). What the guest was asked for it has done by now, but for "plug:hang", "unplug:hang", "unplug:slow" (little by
 * little), "unplug:part" (some of it and no more). "size:HOW": what is told is a lie.
 */
char *fc_memory_tell (char **status, JsonObject *machine, const struct fake_fault *fault);

#endif
