/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listen: the ways in: vsock, virtio-serial ports, and a unix socket in tests. */
#ifndef AGENT_LISTEN_H
#define AGENT_LISTEN_H

#include "agent.h"

/** Listens at agent.server_addr "unix://…". 0 or -1 (logged). */
int listen_unix (struct agent *agent, const char *path);
/** Listens at vsock port 1024. 0 or -1 (logged). */
int listen_vsock (struct agent *agent);
/** Serves every port named org.libkata.agent.*; starts a thread that looks for them, as they appear some time after boot. */
int listen_serial (struct agent *agent);

#endif
