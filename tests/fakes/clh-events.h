/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-events: the event monitor of the Cloud Hypervisor that is none, and the ways to do it badly. */
#ifndef KATA_TESTS_FAKES_CLH_EVENTS_H
#define KATA_TESTS_FAKES_CLH_EVENTS_H

#include <stdbool.h>

#include "server.h"

/** "fd=N" */
bool clh_events_open (const char *option);
/** A property with its value, or NULL. Nothing without a monitor. */
void clh_event (const char *source, const char *event, const char *property, const char *value);
/** "events:HOW", once the guest runs: junk, deep, endless; with silent there is no word from then on. */
void clh_events_fault (const struct fake_fault *fault);
/** "ACTION:panic" and "ACTION:reset": the guest does that when ACTION is asked for, which is not done. */
bool clh_events_strike (const struct fake_fault *fault, const char *action, int fd);

#endif
