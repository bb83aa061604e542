/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* restored: is the machine that came out of a snapshot's files the one that was planned? */
#ifndef KATA_BACKEND_FC_RESTORED_H
#define KATA_BACKEND_FC_RESTORED_H

#include <glib.h>

#include <kata/error.h>

/**
 * @config: what Firecracker answers to GET /vm/config. @requests: those that would have set the machine up anew. KATA_E_CORRUPT when it has a drive that
 * they do not name, or one that can be written to and should not be, or uses anything else on the host that is not in them.
 */
int kata_fc__check_restored (const char *config, const GPtrArray *requests, kata_error **err);

#endif
