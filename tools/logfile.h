/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logfile: a detached container's output on disk: one JSON object per line, bounded by rotation; writing and reading. */
#ifndef KATACTL_LOGFILE_H
#define KATACTL_LOGFILE_H

#include "ctl.h"
#include "stream.h"

typedef struct logfile logfile;

/** Append to @directory/log; after 10 MiB it becomes log.1, the one before is dropped. NULL with errno on failure. */
logfile *logfile_open (const char *directory);
void logfile_close (logfile *logfile);
/** Sinks for the two streams, owned by @logfile. */
sink *logfile_sink (logfile *logfile, int stream);

typedef struct log_print_options {
  int timestamps;
  uint32_t tail; /* only the last lines; UINT32_MAX = all */
} log_print_options;

typedef struct log_reader log_reader;
/** Read @directory/log.1, then log. */
log_reader *log_reader_open (const char *directory);
void log_reader_close (log_reader *reader);
/** Print what is new, each stream to ours. Returns lines printed, -1 when our output is closed. */
int64_t log_reader_print (log_reader *reader, const log_print_options *options);

#endif
