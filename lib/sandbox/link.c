/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* link: a backend's stream handed to the agent's client, and kept within reach so that a stop can cut it. */
#include "sandbox/link.h"

/* The client owns its end and closes it when it likes; the link may want to shut it down at that very moment. */
struct wire {
  gatomicrefcount refs;
  GMutex lock; /* guards @closed against a shutdown of a stream that is gone */
  gboolean closed;
  kata_stream stream;
};

struct kata_link {
  gatomicrefcount refs;
  struct wire *wire;
  kata_agent *agent;
  kata_machine *machine; /* the stream may be part of it */
};

static void
wire_unref (struct wire *wire)
{
  if (!g_atomic_ref_count_dec (&wire->refs))
    return;
  g_mutex_clear (&wire->lock);
  g_free (wire);
}

static int64_t
wire_read (void *ctx, void *buf, size_t len)
{
  struct wire *wire = ctx;
  return wire->stream.read (wire->stream.ctx, buf, len);
}

static int64_t
wire_write (void *ctx, const void *buf, size_t len)
{
  struct wire *wire = ctx;
  return wire->stream.write (wire->stream.ctx, buf, len);
}

static void
wire_shutdown (void *ctx)
{
  struct wire *wire = ctx;
  g_mutex_lock (&wire->lock);
  if (!wire->closed)
    wire->stream.shutdown (wire->stream.ctx);
  g_mutex_unlock (&wire->lock);
}

static void
wire_close (void *ctx)
{
  struct wire *wire = ctx;
  g_mutex_lock (&wire->lock);
  wire->closed = TRUE;
  g_mutex_unlock (&wire->lock);
  wire->stream.close (wire->stream.ctx);
  wire_unref (wire);
}

int
kata_link__new (kata_link **out, kata_machine *machine, const kata_backend_env *env, kata_error **err)
{
  kata_stream stream = { 0 };
  int r = kata_vm__connect (kata_machine__vm (machine), &stream, env, err);
  if (r != 0)
    return r;
  struct wire *wire = g_new0 (struct wire, 1);
  g_atomic_ref_count_init (&wire->refs);
  g_atomic_ref_count_inc (&wire->refs); /* one for the client, dropped in wire_close() */
  g_mutex_init (&wire->lock);
  wire->stream = stream;
  struct ttrpc_io io = { wire, wire_read, wire_write, wire_shutdown, wire_close };
  kata_agent *agent = NULL;
  r = kata_agent__new (&agent, &io, err);
  if (r != 0) {
    wire_unref (wire);
    return r;
  }
  kata_link *link = g_new0 (kata_link, 1);
  g_atomic_ref_count_init (&link->refs);
  link->wire = wire;
  link->agent = agent;
  link->machine = kata_machine__ref (machine);
  *out = link;
  return 0;
}

kata_link *
kata_link__ref (kata_link *link)
{
  g_atomic_ref_count_inc (&link->refs);
  return link;
}

kata_link *
kata_link__unref (kata_link *link)
{
  if (link == NULL || !g_atomic_ref_count_dec (&link->refs))
    return NULL;
  kata_agent__unref (link->agent);
  wire_unref (link->wire);
  kata_machine__unref (link->machine);
  g_free (link);
  return NULL;
}

kata_agent *
kata_link__agent (kata_link *link)
{
  return link->agent;
}

void
kata_link__shutdown (kata_link *link)
{
  wire_shutdown (link->wire);
}
