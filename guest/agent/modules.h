/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modules: loads kernel modules without modprobe. */
#ifndef AGENT_MODULES_H
#define AGENT_MODULES_H

#include "proto/agent.pb-c.h"

#include "fault.h"
#include "log.h"

/** Loads the files that @list_path names, one per line, in that order. What is missing or fails is logged: a guest must boot. */
void modules_load_list (const struct log *log, const char *list_path);
/** Loads what the image has for the virtio devices that have no driver yet: at boot, and while something plugged in is awaited. */
void modules_load_devices (const struct log *log);
/** The kernel's call for a module by an alias such as "fs-overlay"; the agent is the guest's modprobe. An exit status. */
int modules_probe (const char *alias);
/** One that the host asks for by name; it is found below /lib/modules/<release>. 0 or -1 with @fault set. */
int modules_load_named (const struct log *log, const Grpc__KernelModule *module, struct fault *fault);

#endif
