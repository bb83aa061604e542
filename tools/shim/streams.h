/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* streams: the FIFOs, files or logger of one process and the threads that copy between them and the guest; knows no task and no event. */
#ifndef SHIM_STREAMS_H
#define SHIM_STREAMS_H

#include <glib.h>
#include <kata/kata.h>

typedef struct streams streams;

/** What a client asks for. */
typedef struct streams_wanted {
  const char *in, *out, *err; /* paths; "" = not wanted. A logger in @out takes @err as well */
  const char *id, *space;     /* whose they are, for a logger */
} streams_wanted;

/** Opens the paths; waits for no peer, but for a logger. NULL: @error says which and why, @code is 0 or an errno. */
streams *streams_open (const streams_wanted *wanted, int *code, char **error);
/** Starts to copy. @terminal: everything comes on standard output. Keeps what it needs of @process. */
void streams_start (streams *streams, kata_process *process, gboolean terminal);
/** The process reads the end of its input after what was written; legal before start. */
void streams_close_input (streams *streams);
/** The process has ended: input is no longer read; waits at most @timeout_ms until the client has the output, and goes on with it. */
void streams_ended (streams *streams, int timeout_ms);
/** Waits until all output is copied, at most @timeout_ms, then gives it up. */
void streams_finish (streams *streams, int timeout_ms);
streams *streams_ref (streams *streams);
void streams_unref (streams *streams);

#endif
