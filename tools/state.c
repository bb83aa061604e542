/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: the names of states. */
#include "state.h"

const char *
state_name (int state)
{
  switch (state) {
  case KATA_STATE_CREATED:
    return "created";
  case KATA_STATE_RUNNING:
    return "running";
  case KATA_STATE_PAUSED:
    return "paused";
  case KATA_STATE_STOPPED:
    return "stopped";
  case KATA_E_NOT_FOUND:
    return "gone";
  default:
    return "corrupt";
  }
}
