/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attend: waits for a proxy in the foreground: signals go to it, a terminal is carried to ours. */
#ifndef KATACTL_VERBS_ATTEND_H
#define KATACTL_VERBS_ATTEND_H

#include <sys/types.h>

/** @pid: our child; @master: its terminal's outer end, or -1. Returns the exit status, 128 + number for a signal. */
int attend_foreground (pid_t pid, int master);

#endif
