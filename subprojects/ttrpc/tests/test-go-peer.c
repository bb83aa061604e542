/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Against containerd's ttrpc, in both directions: our client with its server, its client with ours. argv[1] is the built go-peer. */
#include "bed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *peer;
static char folder[] = "/tmp/ttrpc-peer-XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };

static pid_t
peer_start (const char *mode)
{
  pid_t pid = fork ();
  if (pid == 0) {
    execl (peer, peer, mode, address.sun_path, (char *) NULL);
    _exit (127);
  }
  ck_assert_int_gt (pid, 0);
  return pid;
}

static ttrpc_client *
client_to_peer (void)
{
  struct ttrpc_io io;
  ttrpc_client *client;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int r = -1;
  for (int i = 0; i < 1000 && r < 0; i++) {
    r = connect (fd, (struct sockaddr *) &address, sizeof address);
    if (r < 0)
      usleep (10000);
  }
  ck_assert_int_eq (r, 0);
  ck_assert_int_eq (ttrpc_io_from_fd (&io, fd), 0);
  ck_assert_int_eq (ttrpc_client_new (&client, &io), 0);
  return client;
}

/* A google.protobuf.BytesValue: what the peer's methods take and give. */
static size_t
bytes_value (uint8_t *out, const void *data, size_t len)
{
  size_t at = 0;
  out[at++] = 0x0a;
  for (size_t rest = len;; rest >>= 7) {
    out[at++] = (uint8_t) ((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f)
      break;
  }
  memcpy (out + at, data, len);
  return at + len;
}

static void
expect (ttrpc_client *client, const char *method, const char *text, int64_t timeout_ms, int32_t code,
        const char *message)
{
  uint8_t request[256];
  struct ttrpc_reply reply;
  size_t len = bytes_value (request, text, strlen (text));
  ttrpc_client_call (client, "t", method, request, len, timeout_ms, &reply);
  ck_assert_msg (reply.code == code, "%s: %d %s", method, reply.code, reply.message);
  if (code == TTRPC_OK) {
    ck_assert_uint_eq (reply.payload_len, len);
    ck_assert_mem_eq (reply.payload, request, len);
  } else if (message != NULL)
    ck_assert_str_eq (reply.message, message);
  ttrpc_reply_clear (&reply);
}

static void *
hammer (void *data)
{
  char text[32];
  for (int i = 0; i < 100; i++) {
    snprintf (text, sizeof text, "%d-%p", i, (void *) text);
    expect (data, "echo", text, 20000, TTRPC_OK, NULL);
  }
  return NULL;
}

START_TEST (our_client)
{
  pid_t pid = peer_start ("serve");
  ttrpc_client *client = client_to_peer ();
  expect (client, "echo", "hello", 5000, TTRPC_OK, NULL);
  expect (client, "fail", "no such thing", 5000, TTRPC_NOT_FOUND, "no such thing");
  expect (client, "none", "", 5000, TTRPC_UNIMPLEMENTED, NULL);
  expect (client, "hang", "", 100, TTRPC_DEADLINE_EXCEEDED, NULL);

  size_t len = 4190000;
  uint8_t *data = malloc (len), *request = malloc (len + 8);
  struct ttrpc_reply reply;
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t) (i * 31);
  size_t size = bytes_value (request, data, len);
  ck_assert_int_eq (ttrpc_client_call (client, "t", "echo", request, size, 20000, &reply), 0);
  ck_assert_uint_eq (reply.payload_len, size);
  ck_assert_mem_eq (reply.payload, request, size);
  ttrpc_reply_clear (&reply);
  free (data);
  free (request);

  pthread_t threads[8];
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, hammer, client), 0);
  for (int i = 0; i < 8; i++)
    pthread_join (threads[i], NULL);

  kill (pid, SIGKILL);
  ck_assert_int_eq (waitpid (pid, NULL, 0), pid);
  expect (client, "echo", "", 5000, TTRPC_UNAVAILABLE, NULL);
  ttrpc_client_free (client);
  unlink (address.sun_path);
}
END_TEST

/* The same wrong frames to both servers: what the other one answers, ours answers. */
static int
answer_to (int fd, const uint8_t *frame, size_t len)
{
  uint8_t bytes[1024];
  struct ttrpc_header header;
  ck_assert_int_eq (send (fd, frame, len, MSG_NOSIGNAL), (ssize_t) len);
  ck_assert_int_eq (recv (fd, bytes, TTRPC_HEADER_LEN, MSG_WAITALL), TTRPC_HEADER_LEN);
  ttrpc_header_decode (&header, bytes);
  ck_assert_uint_le (header.len, sizeof bytes);
  if (header.len > 0) /* a recv of nothing would wait all the same */
    ck_assert_int_eq (recv (fd, bytes, header.len, MSG_WAITALL), header.len);
  return header.len > 3 && bytes[0] == 0x0a && bytes[2] == 0x08 ? bytes[3] : TTRPC_OK;
}

START_TEST (same_answers)
{
  static const struct {
    const char *name;
    uint8_t frame[40];
    size_t len;
  } frames[] = {
    { "fine", { 0, 0, 0, 9, 0, 0, 0, 1, 1, 0, 0x0a, 1, 't', 0x12, 4, 'e', 'c', 'h', 'o' }, 19 },
    { "reused", { 0, 0, 0, 9, 0, 0, 0, 1, 1, 0, 0x0a, 1, 't', 0x12, 4, 'e', 'c', 'h', 'o' }, 19 },
    { "even", { 0, 0, 0, 9, 0, 0, 0, 2, 1, 0, 0x0a, 1, 't', 0x12, 4, 'e', 'c', 'h', 'o' }, 19 },
    { "empty", { 0, 0, 0, 0, 0, 0, 0, 3, 1, 0 }, 10 },
    { "no protobuf", { 0, 0, 0, 3, 0, 0, 0, 5, 1, 0, 0xff, 0xff, 0xff }, 13 },
    { "no method", { 0, 0, 0, 9, 0, 0, 0, 7, 1, 0, 0x0a, 1, 't', 0x12, 4, 'n', 'o', 'n', 'e' }, 19 },
  };
  struct bed bed;
  bed_open (&bed, 0);
  pid_t pid = peer_start ("serve");
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  for (int i = 0; i < 1000 && connect (fd, (struct sockaddr *) &address, sizeof address) < 0; i++)
    usleep (10000);
  for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
    int theirs = answer_to (fd, frames[i].frame, frames[i].len);
    int ours = answer_to (bed.fd, frames[i].frame, frames[i].len);
    ck_assert_msg (theirs == ours, "%s: theirs %d, ours %d", frames[i].name, theirs, ours);
  }
  close (fd);
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  bed_close (&bed);
  unlink (address.sun_path);
}
END_TEST

static int32_t
peer_fail (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload, size_t *payload_len,
           char **message)
{
  *message = len > 2 ? strndup ((const char *) data + 2, len - 2) : NULL;
  return TTRPC_NOT_FOUND;
}

START_TEST (our_server)
{
  ttrpc_server *server;
  struct ttrpc_method methods[4] = { { 0 } };
  struct ttrpc_io io;
  int status;
  bed_methods (methods);
  methods[2] = (struct ttrpc_method){ "t", "fail", peer_fail };
  struct bed counters = { 0 };
  struct ttrpc_server_options options = { .size = sizeof options, .methods = methods, .user = &counters };
  ck_assert_int_eq (ttrpc_server_new (&server, &options), 0);
  int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (listener, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (listener, 1), 0);
  pid_t pid = peer_start ("call");
  int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (ttrpc_io_from_fd (&io, fd), 0);
  ttrpc_server_serve (server, &io);
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert_int_eq (status, 0);
  ck_assert_int_eq (get (&counters.cancelled), 1);
  ttrpc_server_free (server);
  close (listener);
  unlink (address.sun_path);
}
END_TEST

int
main (int argc, char **argv)
{
  if (argc < 2) {
    printf ("SKIP: no go-peer program was given\n");
    return 77;
  }
  peer = argv[1];
  if (mkdtemp (folder) == NULL)
    return EXIT_FAILURE;
  snprintf (address.sun_path, sizeof address.sun_path, "%s/s", folder);
  Suite *suite = suite_create ("ttrpc/go-peer");
  TCase *tc = tcase_create ("peer");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, our_client);
  tcase_add_test (tc, same_answers);
  tcase_add_test (tc, our_server);
  suite_add_tcase (suite, tc);
  int r = run_suite (suite);
  unlink (address.sun_path);
  rmdir (folder);
  return r;
}
