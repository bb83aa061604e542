/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream: threads that copy a process's output to sinks and standard input to the process. */
#ifndef KATACTL_STREAM_H
#define KATACTL_STREAM_H

#include "ctl.h"
#include "timing.h"

/** Where output goes. @write returns 0, or -1 when nobody reads any more. */
typedef struct sink {
  int (*write) (struct sink *sink, const uint8_t *data, size_t length);
  int fd; /* of sink_fd() */
} sink;

/** Write everything to @fd. */
sink sink_fd (int fd);
/** Throw everything away. */
sink sink_null (void);

typedef struct streams streams;

typedef struct streams_options {
  sink *out, *err; /* err NULL = a terminal, everything is on out */
  int input;       /* descriptor that is copied to the process's standard input; -1 = none */
  timing *timing;  /* (nullable) */
  int closed_fd;   /* eventfd, written when the sink of standard output breaks; -1 = nobody cares */
} streams_options;

/** Start copying. */
streams *streams_start (kata_process *process, const streams_options *options);
/**
 * The process has ended: wait until its output is copied, free. What still holds the streams open is given up on after a few seconds
 * of silence. @err gets the first failure to read, unless @ignore_errors.
 */
int streams_finish (streams *streams, int ignore_errors, kata_error **err);

#endif
