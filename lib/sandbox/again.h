/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* again: calls to the agent that may be made twice are made again when their connection is lost and the virtual machine lives. */
#ifndef KATA_SANDBOX_AGAIN_H
#define KATA_SANDBOX_AGAIN_H

#include "sandbox/sandbox.h"

/** One call's losses. Set @sandbox and @patience, the rest is zero. */
struct kata_again {
  kata_sandbox *sandbox;
  const struct kata_track_patience *patience; /* of the caller */
  int64_t until_us;                           /* when it is given up; 0 = nothing is lost now */
  int64_t mended_us;                          /* when it last went on */
  unsigned tries;
};

/**
 * What a call over *link came to: @r is 0, an error's code with *error, or KATA_TRACK_LOOK. Returns 1 when it is to be made once more, over *link, which may be
 * another then, and *error is NULL; else 0 or the code of *error: what really happened, KATA_E_VMM if the guest has ended, KATA_E_AGENT if its agent does not
 * come back, KATA_E_TIMEOUT and KATA_E_CANCELLED as the caller wants. Bounded in time (dial_timeout) and number; a paused guest is waited for.
 */
int kata_again__call (struct kata_again *again, kata_link **link, int r, kata_error **error);

#endif
