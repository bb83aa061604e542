/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* output: bytes from a guest to a descriptor, by the line; it loses bytes rather than wait, and keeps no more than a line. */
#ifndef KATA_VMM_DEV_OUTPUT_H
#define KATA_VMM_DEV_OUTPUT_H

#include "vmm/device.h"

#define VMM_OUTPUT_LINE 256
/** What was said but makes no line yet is written this long after its first byte. */
#define VMM_OUTPUT_DELAY_NS INT64_C (10000000)

struct vmm_output;

/** @fd: the caller's, -1 = nowhere. @limit: bytes in all, 0 = no limit. All of these: device lock held. */
int vmm_output__new (struct vmm_output **out, const struct vmm_env *env, int fd, uint64_t limit, kata_error **err);
void vmm_output__free (struct vmm_output *output); /* flushes; NULL-safe */
void vmm_output__put (struct vmm_output *output, uint8_t byte);
void vmm_output__flush (struct vmm_output *output);

#endif
