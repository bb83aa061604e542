/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sysctl: the kernel parameters a container asks for, set in the guest's own tree. */
#ifndef AGENT_SYSCTL_H
#define AGENT_SYSCTL_H

#include "proto/oci.pb-c.h"

#include "fault.h"

/**
 * Sets linux.sysctl. The guest's kernel belongs to the pod and its containers share the namespaces that sysctls are about, so they
 * are not crun's business, who would ask for new namespaces. 0 or -1 with @fault set.
 */
int sysctl_apply (const Grpc__Linux *linux_, struct fault *fault);

#endif
