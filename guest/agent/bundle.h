/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bundle: the directory that crun reads a container from. */
#ifndef AGENT_BUNDLE_H
#define AGENT_BUNDLE_H

#include "agent.h"
#include "proto/oci.pb-c.h"

/** Where it is; @out has room for every valid id. */
void bundle_path (char *out, size_t size, const char *container_id, const char *name);
/** Makes config.json and binds the root file system. On failure nothing is left. 0 or -1 with @fault set. */
int bundle_create (struct agent *agent, const char *container_id, const Grpc__Spec *spec, const char *pidns_path,
                   struct fault *fault);
void bundle_remove (const char *container_id);

#endif
