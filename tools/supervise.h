/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supervise: the background katactl that drains a detached container's output and records its end: starting one, reporting from it. */
#ifndef KATACTL_SUPERVISE_H
#define KATACTL_SUPERVISE_H

#include "ctl.h"

/** The hidden option by which the background katactl knows where to report. */
#define SUPERVISE_OPTION "report-fd"

/**
 * Start this katactl again in the background with @argv, --report-fd=N put in after argv[@command_index], and wait for its report.
 * Its notes and errors are printed. Returns CTL_OK with the id in @id (g_free()), or the exit code that it reported.
 */
int supervise_spawn (ctl *ctl, char *const *argv, int command_index, char **id);
/** In the background katactl: who hears us is at @report_fd until supervise_report(). */
void supervise_enter (ctl *ctl, int report_fd);
/** Say that the container runs, and leave the caller's working directory; from now on nobody hears us. */
void supervise_report (ctl *ctl, const char *id);
/** Is there a container that runs without a supervisor? Start one. */
void supervise_ensure (ctl *ctl, const char *id);

#endif
