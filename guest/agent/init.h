/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* init: what PID 1 does before it serves: file systems, modules, loopback, cgroups. */
#ifndef AGENT_INIT_H
#define AGENT_INIT_H

#include "agent.h"

/** Mounts what the rest needs and reads the kernel command line. Failures are logged; the guest goes on as far as it can. */
void init_boot (struct agent *agent);
/** A shell on the console if agent.debug_console asks for it. */
void init_debug_console (struct agent *agent);

#endif
