/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network-dan: devices that a file describes; each is connected to a vhost-user server, which makes nothing on the host that would have to go again. */
#include "sandbox/dan.h"
#include "sandbox/stage.h"

int
kata_stage__dan_network (struct kata_operation *op, kata_error **err)
{
  const struct kata_network_plan *plan = &op->state->plan.network;
  struct kata_dan dan;
  int r = kata_dan__read (&dan, op->state->arena, plan->path, err);
  if (r != 0)
    return r;
  op->state->network = dan.net;
  for (size_t i = 0; i < dan.n_nics; i++)
    kata_stage__add_nic (op, &dan.nics[i]);
  return kata_operation__fault (op, "network:joined", err);
}
