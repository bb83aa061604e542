/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: the object that stands for one connection to a guest's agent: made, shared, lost. The calls are in the files of their nouns. */
#include "agent/call.h"

#include "base/error.h"

int
kata_agent__new (kata_agent **out, const struct ttrpc_io *io, kata_error **err)
{
  ttrpc_client *client;
  int r = ttrpc_client_new (&client, io);
  if (r < 0)
    return kata_error__errno (err, KATA_E_AGENT, NULL, -r, "agent: the connection's threads cannot be started");
  kata_agent *agent = g_new0 (kata_agent, 1);
  g_atomic_ref_count_init (&agent->refs);
  agent->client = client;
  *out = agent;
  return 0;
}

kata_agent *
kata_agent__ref (kata_agent *agent)
{
  g_atomic_ref_count_inc (&agent->refs);
  return agent;
}

kata_agent *
kata_agent__unref (kata_agent *agent)
{
  if (agent != NULL && g_atomic_ref_count_dec (&agent->refs)) {
    ttrpc_client_free (agent->client);
    g_free (agent);
  }
  return NULL;
}

bool
kata_agent__is_lost (kata_agent *agent, const char **why)
{
  return ttrpc_client_is_closed (agent->client, why) != 0;
}
