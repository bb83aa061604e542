/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* publish: one queue, one thread, one connection that is made again when it is lost. */
#include "publish.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ttrpc/ttrpc.h>

#include "messages/events.pb-c.h"
#include "say.h"

#define QUEUE_MAX 2048u
#define CALL_MS   5000
#define TRIES_MAX 5                          /* of an event that containerd refuses */
#define KEEP_US   (10 * 60 * G_USEC_PER_SEC) /* of an event that nobody takes */
#define PAUSE_MIN (G_USEC_PER_SEC / 10)
#define PAUSE_MAX (5 * G_USEC_PER_SEC)

struct item {
  uint8_t *data;
  size_t length;
  char *topic;
  gint64 born_us;
  int tries;
};

struct publisher {
  char *path, *namespace_name;
  GMutex lock;
  GCond changed;        /* the queue */
  GQueue queue;         /* the first one may be on its way */
  ttrpc_client *client; /* of the thread alone */
};

static void
item_free (gpointer data)
{
  struct item *item = data;
  g_free (item->data);
  g_free (item->topic);
  g_free (item);
}

static ttrpc_client *
dial (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct ttrpc_io io;
  ttrpc_client *client = NULL;
  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
    return NULL;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return NULL;
  if (connect (fd, (struct sockaddr *) &address, sizeof address) != 0) {
    close (fd);
    return NULL;
  }
  if (ttrpc_io_from_fd (&io, fd) != 0 || ttrpc_client_new (&client, &io) != 0)
    return NULL;
  return client;
}

/* TRUE when nothing more can be done for it: it is sent, or refused too often. */
static gboolean
deliver (publisher *publisher, struct item *item)
{
  struct ttrpc_reply reply = { 0 };
  if (publisher->client && ttrpc_client_is_closed (publisher->client, NULL)) {
    ttrpc_client_free (publisher->client);
    publisher->client = NULL;
  }
  if (!publisher->client)
    publisher->client = dial (publisher->path);
  if (!publisher->client)
    return FALSE;
  int r = ttrpc_client_call (publisher->client, "containerd.services.events.ttrpc.v1.Events", "Forward", item->data,
                             item->length, CALL_MS, &reply);
  gboolean done = r == 0;
  if (r != 0 && reply.local) { /* containerd went away, or hangs: the next try is on a new connection */
    ttrpc_client_free (publisher->client);
    publisher->client = NULL;
  } else if (r != 0 && ++item->tries >= TRIES_MAX) {
    say ("event %s: containerd refuses it: %s", item->topic, reply.message ? reply.message : "no reason given");
    done = TRUE;
  }
  ttrpc_reply_clear (&reply);
  return done;
}

/* Only the thread removes the first item, so it may use it without the lock; an overflow removes the second. */
static gpointer
run (gpointer data)
{
  publisher *publisher = data;
  gint64 pause = PAUSE_MIN;
  g_mutex_lock (&publisher->lock);
  for (;;) {
    while (g_queue_is_empty (&publisher->queue))
      g_cond_wait (&publisher->changed, &publisher->lock);
    struct item *item = g_queue_peek_head (&publisher->queue);
    g_mutex_unlock (&publisher->lock);
    gboolean done = deliver (publisher, item);
    if (!done && g_get_monotonic_time () - item->born_us > KEEP_US) {
      say ("event %s: dropped, nobody took it for ten minutes", item->topic);
      done = TRUE;
    }
    if (!done)
      g_usleep ((gulong) pause);
    pause = done ? PAUSE_MIN : MIN (pause * 2, PAUSE_MAX);
    g_mutex_lock (&publisher->lock);
    if (done) {
      item_free (g_queue_pop_head (&publisher->queue));
      g_cond_broadcast (&publisher->changed);
    }
  }
  return NULL;
}

publisher *
publisher_new (const char *address, const char *namespace_name)
{
  publisher *publisher = g_new0 (struct publisher, 1);
  publisher->path = g_strdup (g_str_has_prefix (address, "unix://") ? address + strlen ("unix://") : address);
  publisher->namespace_name = g_strdup (namespace_name);
  g_mutex_init (&publisher->lock);
  g_cond_init (&publisher->changed);
  g_queue_init (&publisher->queue);
  if (*publisher->path)
    g_thread_unref (g_thread_new ("publish", run, publisher));
  return publisher;
}

static struct item *
pack (publisher *publisher, const char *topic, const char *type, const ProtobufCMessage *event)
{
  Shim__ForwardRequest request = SHIM__FORWARD_REQUEST__INIT;
  Shim__Envelope envelope = SHIM__ENVELOPE__INIT;
  Shim__Timestamp stamp = SHIM__TIMESTAMP__INIT;
  Shim__Any any = SHIM__ANY__INIT;
  gint64 now = g_get_real_time ();
  g_autofree char *url = g_strdup_printf ("containerd.events.%s", type);
  g_autofree uint8_t *value = g_malloc (protobuf_c_message_get_packed_size (event) + 1);
  stamp.seconds = now / G_USEC_PER_SEC;
  stamp.nanos = (int32_t) (now % G_USEC_PER_SEC) * 1000;
  any.type_url = url;
  any.value.data = value;
  any.value.len = protobuf_c_message_pack (event, value);
  envelope.timestamp = &stamp;
  envelope.namespace_name = publisher->namespace_name;
  envelope.topic = (char *) topic;
  envelope.event = &any;
  request.envelope = &envelope;
  struct item *item = g_new0 (struct item, 1);
  item->topic = g_strdup (topic);
  item->born_us = g_get_monotonic_time ();
  item->data = g_malloc (shim__forward_request__get_packed_size (&request));
  item->length = shim__forward_request__pack (&request, item->data);
  return item;
}

void
publisher_send (publisher *publisher, const char *topic, const char *type, const ProtobufCMessage *event)
{
  if (!*publisher->path)
    return;
  struct item *item = pack (publisher, topic, type, event);
  g_mutex_lock (&publisher->lock);
  g_queue_push_tail (&publisher->queue, item);
  gboolean over = g_queue_get_length (&publisher->queue) > QUEUE_MAX;
  if (over)
    item_free (g_queue_pop_nth (&publisher->queue, 1));
  g_cond_broadcast (&publisher->changed);
  g_mutex_unlock (&publisher->lock);
  if (over)
    say ("events: more than %u wait for containerd; the oldest was dropped", QUEUE_MAX);
}

void
publisher_flush (publisher *publisher, int timeout_ms)
{
  gint64 until = g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  g_mutex_lock (&publisher->lock);
  while (!g_queue_is_empty (&publisher->queue) && g_cond_wait_until (&publisher->changed, &publisher->lock, until))
    ;
  g_mutex_unlock (&publisher->lock);
}
