/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection: wraps a stream so that the agent knows when a reply has left; that is when it may power off. */
#include "connection.h"

#include "mem.h"

struct connection {
  struct agent *agent;
  struct ttrpc_io io;
};

static int64_t
connection_read (void *ctx, void *buffer, size_t len)
{
  struct connection *connection = ctx;
  return connection->io.read (connection->io.ctx, buffer, len);
}

static int64_t
connection_write (void *ctx, const void *buffer, size_t len)
{
  struct connection *connection = ctx;
  int64_t n = connection->io.write (connection->io.ctx, buffer, len);
  if (n == (int64_t) len)
    atomic_fetch_add (&connection->agent->replies_written, 1);
  return n;
}

static void
connection_shutdown (void *ctx)
{
  struct connection *connection = ctx;
  connection->io.shutdown (connection->io.ctx);
}

static void
connection_close (void *ctx)
{
  struct connection *connection = ctx;
  connection->io.close (connection->io.ctx);
  free (connection);
}

void
connection_serve (struct agent *agent, const struct ttrpc_io *io)
{
  struct connection *connection = mem_zero (sizeof *connection);
  connection->agent = agent;
  connection->io = *io;
  struct ttrpc_io counted = { connection, connection_read, connection_write, connection_shutdown, connection_close };
  ttrpc_server_serve (agent->server, &counted);
}
