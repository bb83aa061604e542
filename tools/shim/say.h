/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* say: the shim's log, which containerd reads from the bundle's FIFO "log" and writes into its own. */
#ifndef SHIM_SAY_H
#define SHIM_SAY_H

#include <glib.h>

/** Standard error becomes @bundle/log, if somebody reads it. Lines that do not fit are dropped: nobody waits for a reader. */
void say_open (const char *bundle);
void say (const char *format, ...) G_GNUC_PRINTF (1, 2);
/** Why a verb failed, on standard error, for containerd's message to its user; what a terminal would act on is not passed on. */
void say_failure (const char *format, ...) G_GNUC_PRINTF (1, 2);
/** A kata_log_fn. */
void say_library (void *user_data, int level, const char *message);

#endif
