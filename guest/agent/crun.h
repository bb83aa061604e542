/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crun: runs the OCI runtime of the guest and turns what it complains about into a fault. */
#ifndef AGENT_CRUN_H
#define AGENT_CRUN_H

#include "agent.h"
#include "fault.h"

#define CRUN_ARGS_MAX 16
/* A crun that takes longer is stuck: it is killed and the call fails. */
#define CRUN_TIMEOUT_MS 120000

/**
 * Runs `crun <global options> args…` (at most CRUN_ARGS_MAX, NULL-terminated) to its end. @stdio (nullable: /dev/null) become its
 * descriptors 0 to 2, which `create` and `exec` hand on to the container. 0 or -1 with @fault set.
 */
int crun_run (struct agent *agent, const char *const args[], const int stdio[3], struct fault *fault);

#endif
