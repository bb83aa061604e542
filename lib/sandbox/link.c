/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* link: a backend's stream handed to the agent's client, and kept within reach so that a stop can cut it. */
#include "sandbox/link.h"

#include <kata/sandbox.h>

#include "host/pidfd.h"

/* The client owns its end and closes it when it likes; the link may want to shut it down at that very moment. */
struct wire {
  gatomicrefcount refs;
  GMutex lock; /* guards @closed against a shutdown of a stream that is gone */
  gboolean closed;
  kata_stream stream;
};

/* Shared with the question that is under way. */
struct sign {
  gatomicrefcount refs;
  GMutex lock;
  GCond came;
  bool trusted, asking;
  uint64_t age, asked_age; /* how old the trust is, and what the question is about */
  int64_t asked_us;
};

struct kata_link {
  gatomicrefcount refs;
  struct wire *wire;
  struct sign *sign;
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

static void
sign_unref (struct sign *sign)
{
  if (!g_atomic_ref_count_dec (&sign->refs))
    return;
  g_mutex_clear (&sign->lock);
  g_cond_clear (&sign->came);
  g_free (sign);
}

static struct sign *
sign_new (void)
{
  struct sign *sign = g_new0 (struct sign, 1);
  g_atomic_ref_count_init (&sign->refs);
  g_mutex_init (&sign->lock);
  g_cond_init (&sign->came);
  return sign;
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
  link->sign = sign_new ();
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
  sign_unref (link->sign);
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

kata_machine *
kata_link__machine (kata_link *link)
{
  return link->machine;
}

void
kata_link__trust (kata_link *link, uint64_t age)
{
  g_mutex_lock (&link->sign->lock);
  link->sign->trusted = true;
  link->sign->age = age;
  g_mutex_unlock (&link->sign->lock);
}

/* A lost connection is no sign; whoever waits asks about that. */
static void
sign_came (void *user, const kata_error *error)
{
  struct sign *sign = user;
  g_mutex_lock (&sign->lock);
  sign->asking = false;
  sign->trusted = true;
  sign->age = sign->asked_age;
  g_cond_broadcast (&sign->came);
  g_mutex_unlock (&sign->lock);
  sign_unref (sign);
}

/* With the lock held, which the answer waits for. */
static void
ask (kata_link *link, uint64_t age)
{
  struct sign *sign = link->sign;
  g_atomic_ref_count_inc (&sign->refs);
  sign->asking = true;
  sign->asked_age = age;
  sign->asked_us = kata_deadline__now ();
  if (kata_agent__check_start (link->agent, KATA_TIMEOUT_NONE, sign_came, sign, NULL) != 0) {
    sign->asking = false;
    sign_unref (sign);
  }
}

enum kata_link_sign
kata_link__sign (kata_link *link, uint64_t age, int64_t until_us, int64_t *asked_us)
{
  struct sign *sign = link->sign;
  g_mutex_lock (&sign->lock);
  while (!(sign->trusted && sign->age == age) && !kata_agent__is_lost (link->agent, NULL)) {
    if (!sign->asking)
      ask (link, age);
    if (!sign->asking || !g_cond_wait_until (&sign->came, &sign->lock, until_us))
      break;
  }
  bool alive = sign->trusted && sign->age == age;
  if (asked_us != NULL)
    *asked_us = sign->asked_us;
  g_mutex_unlock (&sign->lock);
  if (kata_agent__is_lost (link->agent, NULL))
    return KATA_LINK_LOST;
  return alive ? KATA_LINK_ALIVE : KATA_LINK_SILENT;
}
