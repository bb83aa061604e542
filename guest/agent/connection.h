/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection: serves one byte stream and counts what is written to it. */
#ifndef AGENT_CONNECTION_H
#define AGENT_CONNECTION_H

#include "agent.h"

/** Serves until the stream ends; takes ownership of @io. */
void connection_serve (struct agent *agent, const struct ttrpc_io *io);

#endif
