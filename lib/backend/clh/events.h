/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events: what the VMM's event monitor writes, read within limits; what follows from an event is its readers' business. */
#ifndef KATA_BACKEND_CLH_EVENTS_H
#define KATA_BACKEND_CLH_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The file in the sandbox's directory that the VMM appends to. A file and no pipe: every process that attaches sees all of it. */
#define KATA_CLH_EVENTS_LOG "events.log"

/** An event longer than this, or nested deeper than the document has it, is no event. */
#define KATA_CLH_EVENT_MAX 4096u

/** Strings are borrowed, "" when the event has not that. */
struct kata_clh_event {
  const char *source, *name; /* "vm" "device-removed" */
  const char *id, *what;     /* of its properties: the device's, and a guest's panic event */
};
typedef void (*kata_clh_event_fn) (void *data, const struct kata_clh_event *event);

/**
 * Pure: tells @fn of each whole event of @text, in their order. Each is a JSON object with an empty line after it; what is none is passed over.
 * Returns how many bytes need not be read again; 0 = more is needed.
 */
size_t kata_clh__parse_events (const char *text, size_t len, kata_clh_event_fn fn, void *data);

/** What came since *@at, which moves on. A flood is not read whole: the last of it is. */
void kata_clh__read_events (int dir_fd, int64_t *at, kata_clh_event_fn fn, void *data);

#endif
