/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logger: a program that takes a process's output, as "binary://PROGRAM?ARGUMENTS" names it; started, watched and ended. */
#ifndef SHIM_LOGGER_H
#define SHIM_LOGGER_H

#include <glib.h>

typedef struct logger logger;

/** "binary://" or "binary-v2://". */
gboolean logger_is_meant (const char *uri);
/**
 * Starts the program with CONTAINER_ID and CONTAINER_NAMESPACE as its environment and waits until it says that it is ready.
 * @outputs: the caller's to write to and to close: what it reads as standard output and as standard error, neither of which ever blocks.
 * 0, or -errno with @error.
 */
int logger_start (logger **out, const char *uri, const char *const names[2], int outputs[2], char **error);
/** Both outputs are closed: waits until the program has ended by itself, then asks it to, then kills it; releases it (NULL is fine). */
void logger_finish (logger *logger);

#endif
