/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* annotations: what a pod may change of the configuration: nothing, unless the configuration lists it by its exact name. */
#ifndef KATA_CONFIG_ANNOTATIONS_H
#define KATA_CONFIG_ANNOTATIONS_H

#include "config/load.h"

#define KATA_ANNOTATION_PREFIX    "io.katacontainers."
#define KATA_ANNOTATIONS_MAX      256
#define KATA_ANNOTATION_VALUE_MAX 4096

/**
 * @base with the annotations that begin with "io.katacontainers." applied to @hypervisor's table; others are passed over.
 * @pairs: key, value, …, NULL (nullable). A hypervisor key X is allowed when enable_annotations lists "X"; keys of the runtime and
 * the agent when it lists "runtime.X" or "agent.X"; there are no patterns and no names that are free. Lists are written with semicolons. Paths must also match the table's valid_* globs.
 * KATA_E_PERMISSION (not listed), KATA_E_CONFIG (value), KATA_E_INVALID (unknown), KATA_E_UNSUPPORTED (hashes), KATA_E_LIMIT.
 */
int kata_config__apply_annotations (kata_config **out, kata_config *base, const char *hypervisor,
                                    const char *const *pairs, GPtrArray *warnings, kata_error **err);

#endif
