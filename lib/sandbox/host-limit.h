/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-limit: the processor time that the host's cgroup of a sandbox allows, kept in step with its containers' own limits. */
#ifndef KATA_SANDBOX_HOST_LIMIT_H
#define KATA_SANDBOX_HOST_LIMIT_H

#include "oci/resources.h"
#include "sandbox/operation.h"

/**
 * What the cgroup's limit is once the container, whose limit was @before, has @after (1000 = one CPU, 0 = none); pure. Where the pod had a limit it
 * changes by as much; the only container of a pod brings its own, with @overhead for the machine.
 */
uint32_t kata_host_limit__next (uint32_t current, uint32_t before, uint32_t after, uint32_t overhead, bool alone);
/**
 * After the guest has taken an update of @container: writes down its limit and sets the cgroup's. What the host refuses is a warning, as at the start;
 * the old limit comes back when it cannot be written down.
 */
int kata_host_limit__follow (struct kata_operation *op, struct kata_container_state *container,
                             const struct kata_oci_cpu *cpu, kata_error **err);

#endif
