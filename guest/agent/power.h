/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* power: ends the virtual machine, or in a test the agent's process. */
#ifndef AGENT_POWER_H
#define AGENT_POWER_H

#include "agent.h"

/** Returns at once; the end comes when the reply to the present request has left. */
void power_off_after_reply (struct agent *agent);
/** Now. Returns only when the agent is not PID 1. */
void power_off (struct agent *agent);

#endif
