/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stop: the parts of stopping and deleting that recovery uses too. */
#ifndef KATA_SANDBOX_STOP_H
#define KATA_SANDBOX_STOP_H

#include "sandbox/operation.h"

/** Ends the virtual machine (orderly within @grace_ms) and replays the journal; the state becomes STOPPED. Everything is tried; KATA_E_IO … for what stays. */
int kata_stop__run (struct kata_operation *op, int64_t grace_ms, kata_error **err);
/** Stops by force, replays, removes the directory. @op->state may be NULL. The handle is dead afterwards. */
int kata_stop__remove (struct kata_operation *op, kata_error **err);

#endif
