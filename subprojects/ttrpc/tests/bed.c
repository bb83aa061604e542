/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests share: a server with a few methods on one end of a socket pair; the other end is the test's. */
#include "bed.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t
now_ms (void)
{
  struct timespec ts;
  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
get (atomic_int *value)
{
  return atomic_load (value);
}

void
wait_for (atomic_int *value, int want)
{
  for (int i = 0; i < 10000 && atomic_load (value) < want; i++)
    usleep (1000);
  ck_assert_int_ge (get (value), want);
}

long
number (const uint8_t *data, size_t len)
{
  char text[32] = { 0 };
  memcpy (text, data, len < sizeof text - 1 ? len : sizeof text - 1);
  return strtol (text, NULL, 10);
}

static int32_t
method_echo (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
             size_t *payload_len, char **message)
{
  *payload = malloc (len + 1);
  if (len > 0)
    memcpy (*payload, data, len);
  *payload_len = len;
  return TTRPC_OK;
}

static void
answered (void *user, int written)
{
  struct bed *bed = user;
  atomic_fetch_add (written ? &bed->written : &bed->unwritten, 1);
}

/* As echo, from where the server keeps it; what begins with '!' fails after it had the room. */
static int32_t
method_room (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
             size_t *payload_len, char **message)
{
  ttrpc_request_on_answer (request, answered, user);
  uint8_t *room = ttrpc_request_room (request, len + 3);
  if (room == NULL)
    return TTRPC_RESOURCE_EXHAUSTED;
  if (len > 0 && data[0] == '!') {
    *message = strdup ("it fails");
    return 42;
  }
  if (len > 0)
    memcpy (room + 3, data, len);
  *payload = room + 3;
  *payload_len = len;
  return ttrpc_request_room (request, 1) == NULL ? TTRPC_OK : TTRPC_INTERNAL;
}

static int32_t
method_fail (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
             size_t *payload_len, char **message)
{
  *message = strndup ((const char *) data, len);
  return 42;
}

static int32_t
method_hang (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
             size_t *payload_len, char **message)
{
  struct bed *bed = user;
  struct pollfd p = { .fd = ttrpc_request_cancel_fd (request), .events = POLLIN };
  ttrpc_request_on_answer (request, answered, user);
  atomic_fetch_add (&bed->started, 1);
  if (poll (&p, 1, 20000) == 1 && ttrpc_request_is_cancelled (request))
    atomic_fetch_add (&bed->cancelled, 1);
  return TTRPC_CANCELLED;
}

static int32_t
method_sleep (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
              size_t *payload_len, char **message)
{
  usleep ((useconds_t) number (data, len) * 1000);
  return method_echo (user, request, data, len, payload, payload_len, message);
}

static int32_t
method_large (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
              size_t *payload_len, char **message)
{
  *payload_len = (size_t) number (data, len);
  *payload = malloc (*payload_len + 1);
  memset (*payload, 'x', *payload_len);
  return TTRPC_OK;
}

static int32_t
method_left (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
             size_t *payload_len, char **message)
{
  char text[32];
  *payload_len = (size_t) snprintf (text, sizeof text, "%lld", (long long) ttrpc_request_time_left_ms (request));
  *payload = (uint8_t *) strdup (text);
  return TTRPC_OK;
}

static const struct ttrpc_method methods[] = {
  { "t", "echo", method_echo },   { "t", "fail", method_fail },   { "t", "hang", method_hang },
  { "t", "sleep", method_sleep }, { "t", "large", method_large }, { "t", "left", method_left },
  { "t", "room", method_room },   { NULL, NULL, NULL },
};

void
bed_methods (struct ttrpc_method out[2])
{
  out[0] = methods[0];
  out[1] = methods[2];
}

static void *
serve (void *data)
{
  struct bed *bed = data;
  struct ttrpc_io io;
  if (ttrpc_io_from_fd (&io, bed->server_fd) == 0)
    ttrpc_server_serve (bed->server, &io);
  return NULL;
}

void
bed_open (struct bed *bed, uint32_t max_in_flight)
{
  int pair[2];
  struct ttrpc_server_options options = {
    .size = sizeof options, .methods = methods, .user = bed, .max_in_flight = max_in_flight
  };
  memset (bed, 0, sizeof *bed);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  bed->fd = pair[0];
  bed->server_fd = pair[1];
  ck_assert_int_eq (ttrpc_server_new (&bed->server, &options), 0);
  ck_assert_int_eq (pthread_create (&bed->thread, NULL, serve, bed), 0);
}

ttrpc_client *
bed_client (struct bed *bed)
{
  struct ttrpc_io io;
  ttrpc_client *client;
  ck_assert_int_eq (ttrpc_io_from_fd (&io, bed->fd), 0);
  bed->fd = -1;
  ck_assert_int_eq (ttrpc_client_new (&client, &io), 0);
  return client;
}

void
bed_close (struct bed *bed)
{
  if (bed->fd >= 0)
    close (bed->fd);
  pthread_join (bed->thread, NULL);
  ttrpc_server_free (bed->server);
}

int
run_suite (Suite *suite)
{
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
