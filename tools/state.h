/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: the names of states and what `list` and `inspect` both tell of a sandbox. */
#ifndef KATACTL_STATE_H
#define KATACTL_STATE_H

#include "ctl.h"

/** "running", …; for a negative error code "gone" or "corrupt". */
const char *state_name (int state);

#endif
