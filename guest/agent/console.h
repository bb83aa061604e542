/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console: the terminal of a process: a socket on which crun delivers it, and its size. */
#ifndef AGENT_CONSOLE_H
#define AGENT_CONSOLE_H

#include <stdint.h>

#include "fault.h"

/** Listens at @path (short: below AGENT_OWN_DIR). Returns an fd or -1 with @fault set. */
int console_listen (const char *path, struct fault *fault);
/** Takes the terminal that crun has sent; waits a few seconds at most. Returns a non-blocking fd or -1 with @fault set. */
int console_receive (int listen_fd, struct fault *fault);
/** 0 or -1 with errno. */
int console_resize (int fd, uint32_t rows, uint32_t columns);

#endif
