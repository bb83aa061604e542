/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device-patch: gives the devices of a specification the numbers that they have in this guest. */
#ifndef AGENT_DEVICE_PATCH_H
#define AGENT_DEVICE_PATCH_H

#include "agent.h"
#include "proto/agent.pb-c.h"

/** Waits for each block device and patches linux.devices and the device rules. 0 or -1 with @fault set. */
int device_patch (struct agent *agent, const Grpc__CreateContainerRequest *request, struct fault *fault);

/** With the storages there: a container to which a disk's node is bound may use it, whatever number it has here. */
void device_allow_bound (const Grpc__CreateContainerRequest *request);

#endif
