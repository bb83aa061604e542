/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* button: the ACPI power button; a press ends the guest in good order. */
#ifndef AGENT_BUTTON_H
#define AGENT_BUTTON_H

#include "agent.h"

/** Listens in a thread of its own, where this machine has such a button. Only PID 1 may. */
void button_start (struct agent *agent);

/** What the kernel's reports say (struct acpi_genl_event): is this one of the power button? Pure. */
int button_is_power (const void *event, size_t len);

#endif
