/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log: one line per message on standard output, which is the console when the agent is PID 1. */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
  enum log_level level; /* messages above it are dropped */
};

void log_write (const struct log *log, enum log_level level, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

#define log_error(log, ...) log_write (log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_write (log, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_write (log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_write (log, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
