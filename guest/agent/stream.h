/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream: one direction of a process's stdio, a pipe or a terminal, read and written with cancellation. */
#ifndef AGENT_STREAM_H
#define AGENT_STREAM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <ttrpc/ttrpc.h>

#include "fault.h"
#include "reaper.h"

/* What a process's children may still say after it has ended, as long as they are never silent for longer. */
#define STREAM_DRAIN_MS 500

struct stream {
  pthread_mutex_t lock; /* guards all below */
  int fd;               /* non-blocking; -1 once closed */
  int ended;
  int held;   /* a reader has data whose answer is not written yet: it may give it back, and others wait */
  char *back; /* data that a reader that is gone has given back */
  size_t back_len;
};

void stream_init (struct stream *stream);
void stream_clear (struct stream *stream);

/* Whoever holds data for longer is stuck; others do not wait for it any more, and what it gives back comes late. */
#define STREAM_HELD_MS 1000

/**
 * Reads what there is, at most @len; blocks until there is something. @watch is the process at the other end. Returns the number
 * of bytes, which are held then until stream_release() or stream_give_back(); 0 at the end, -1 with @fault set.
 */
int64_t stream_read (struct stream *stream, struct reaper *reaper, struct watch *watch, ttrpc_request *request,
                     char *data, size_t len, struct fault *fault);
/** The data that was read is the reader's. */
void stream_release (struct stream *stream);
/** Puts @data before everything not yet read: its reader has gone. */
void stream_give_back (struct stream *stream, const char *data, size_t len);
/** Writes all; blocks while the pipe is full. Returns 0 or -1 with @fault set. */
int stream_write (struct stream *stream, struct watch *watch, ttrpc_request *request, const void *data, size_t len,
                  struct fault *fault);
/** The other end sees the end of the file. */
void stream_close (struct stream *stream);
int stream_has_ended (struct stream *stream);

#endif
