/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device: finds the block device that the host has plugged in. */
#ifndef AGENT_DEVICE_H
#define AGENT_DEVICE_H

#include <stddef.h>

#include "fault.h"
#include "log.h"

/**
 * The /dev node of @source: a PCI path ("02", "02/03", each item hexadecimal with an optional ".function") or a /dev node; waits for
 * it to appear. 0 or -1 with @fault set.
 */
int device_find_block (const struct log *log, const char *source, unsigned timeout_s, char *node, size_t size,
                       struct fault *fault);

#endif
