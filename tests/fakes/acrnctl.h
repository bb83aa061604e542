/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrnctl: a stand-in for ACRN's `acrnctl`, from misc/services/acrn_manager/README.rst; it finds the fake device model of a VM by its name. */
#ifndef KATA_TESTS_FAKES_ACRNCTL_H
#define KATA_TESTS_FAKES_ACRNCTL_H

#include <stdbool.h>

#include "server.h"

/** In the device model's working directory: a line for each of acrnctl's requests, answered by a number. */
#define ACRN_MONITOR_SOCKET "monitor.sock"

/** Are these acrnctl's arguments? */
bool acrnctl_wanted (int argc, char **argv);
int acrnctl_main (int argc, char **argv, const struct fake_fault *fault);
/** Misbehaves by what is printed and how it ends; returns if it shall go on. */
void acrn_misbehave (const struct fake_fault *fault, const char *action);

#endif
