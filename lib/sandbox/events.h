/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events: what happens to a sandbox, as a queue with a descriptor; one watcher thread, started by the first call that wants events. */
#ifndef KATA_SANDBOX_EVENTS_H
#define KATA_SANDBOX_EVENTS_H

#include "sandbox/sandbox.h"

/** The descriptor that polls readable while events wait; starts the watching. */
int kata_events__fd (kata_sandbox *sandbox, kata_error **err);
/** 1 with an event, 0 without one by @deadline_us, KATA_E_LIMIT after an overrun. Starts the watching. */
int kata_events__next (kata_sandbox *sandbox, kata_event *event, int64_t deadline_us, kata_error **err);
/** Called by whoever changed the state through this handle; nothing happens when nobody watches. */
void kata_events__state (kata_sandbox *sandbox, int state);
/**
 * A container is being started through this handle, and its state is not written down yet: its end becomes an event, however soon it comes and the
 * container is deleted, which the thread alone would not always see.
 */
void kata_events__container (kata_sandbox *sandbox, kata_link *link, const char *id);
/** Looks at the containers again: one was started or deleted through this handle. */
void kata_events__look (kata_sandbox *sandbox);
/** Stops the thread. NULL is fine. */
void kata_events__free (struct kata_events *events);

#endif
