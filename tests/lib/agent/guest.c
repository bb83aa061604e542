/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest for tests: answers every method of the agent with what the test has laid ready, and keeps the request. */
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"

static int32_t
answer (struct guest *guest, const char *method, const uint8_t *data, size_t len, uint8_t **payload,
        size_t *payload_len, char **message)
{
  pthread_mutex_lock (&guest->lock);
  g_free (guest->method);
  guest->method = g_strdup (method);
  GByteArray *copy = g_byte_array_new ();
  if (len > 0)
    g_byte_array_append (copy, data, (guint) len);
  g_ptr_array_add (guest->requests, copy);
  guest->request = copy;
  unsigned delay_ms = guest->delay_ms;
  int32_t code = guest->code;
  if (guest->message != NULL)
    *message = strdup (guest->message);
  if (guest->payload != NULL && guest->payload->len > 0) {
    *payload = malloc (guest->payload->len);
    memcpy (*payload, guest->payload->data, guest->payload->len);
    *payload_len = guest->payload->len;
  }
  pthread_mutex_unlock (&guest->lock);
  g_usleep (delay_ms * 1000UL);
  return code;
}

#define METHOD(name)                                                                                                   \
  static int32_t method_##name (void *user, ttrpc_request *request, const uint8_t *data, size_t len,                   \
                                uint8_t **payload, size_t *payload_len, char **message)                                \
  {                                                                                                                    \
    return answer (user, #name, data, len, payload, payload_len, message);                                             \
  }
#define METHODS(X)                                                                                                     \
  X (CreateSandbox)                                                                                                    \
  X (DestroySandbox)                                                                                                   \
  X (CreateContainer)                                                                                                  \
  X (StartContainer)                                                                                                   \
  X (RemoveContainer)                                                                                                  \
  X (ExecProcess)                                                                                                      \
  X (SignalProcess)                                                                                                    \
  X (WaitProcess)                                                                                                      \
  X (UpdateContainer)                                                                                                  \
  X (StatsContainer)                                                                                                   \
  X (PauseContainer)                                                                                                   \
  X (ResumeContainer)                                                                                                  \
  X (WriteStdin)                                                                                                       \
  X (ReadStdout)                                                                                                       \
  X (ReadStderr)                                                                                                       \
  X (CloseStdin)                                                                                                       \
  X (TtyWinResize)                                                                                                     \
  X (UpdateInterface)                                                                                                  \
  X (UpdateRoutes)                                                                                                     \
  X (ListInterfaces)                                                                                                   \
  X (ListRoutes)                                                                                                       \
  X (AddARPNeighbors)                                                                                                  \
  X (GetMetrics)                                                                                                       \
  X (OnlineCPUMem)                                                                                                     \
  X (ReseedRandomDev)                                                                                                  \
  X (GetGuestDetails)                                                                                                  \
  X (SetGuestDateTime)                                                                                                 \
  X (CopyFile)                                                                                                         \
  X (GetOOMEvent)
METHODS (METHOD)
METHOD (Check)
METHOD (Version)

#define ENTRY(name) { "grpc.AgentService", #name, method_##name },
static const struct ttrpc_method methods[] = {
  METHODS (ENTRY){ "grpc.Health", "Check", method_Check },
  { "grpc.Health", "Version", method_Version },
  { NULL, NULL, NULL },
};

static void *
serve (void *data)
{
  struct guest *guest = data;
  struct ttrpc_io io;
  if (ttrpc_io_from_fd (&io, guest->fd) == 0)
    ttrpc_server_serve (guest->server, &io);
  return NULL;
}

void
guest_open (struct guest *guest)
{
  int pair[2];
  struct ttrpc_io io;
  kata_error *err = NULL;
  struct ttrpc_server_options options = {
    .size = sizeof options, .methods = methods, .user = guest, .stack_size = 1 << 20
  };

  memset (guest, 0, sizeof *guest);
  pthread_mutex_init (&guest->lock, NULL);
  guest->payload = g_byte_array_new ();
  guest->requests = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  ck_assert_int_eq (ttrpc_server_new (&guest->server, &options), 0);
  guest->fd = pair[1];
  ck_assert_int_eq (pthread_create (&guest->thread, NULL, serve, guest), 0);
  ck_assert_int_eq (ttrpc_io_from_fd (&io, pair[0]), 0);
  ck_assert_int_eq (kata_agent__new (&guest->agent, &io, &err), 0);
}

void
guest_close (struct guest *guest)
{
  kata_agent__unref (guest->agent);
  pthread_join (guest->thread, NULL);
  ttrpc_server_free (guest->server);
  g_byte_array_unref (guest->payload);
  g_ptr_array_unref (guest->requests);
  g_free (guest->message);
  g_free (guest->method);
  pthread_mutex_destroy (&guest->lock);
}

void
guest_fail (struct guest *guest, int32_t code, const char *message)
{
  pthread_mutex_lock (&guest->lock);
  guest->code = code;
  g_free (guest->message);
  guest->message = g_strdup (message);
  pthread_mutex_unlock (&guest->lock);
}

void
guest_bytes (struct guest *guest, const void *data, size_t len)
{
  guest_fail (guest, TTRPC_OK, NULL);
  pthread_mutex_lock (&guest->lock);
  g_byte_array_set_size (guest->payload, 0);
  if (len > 0)
    g_byte_array_append (guest->payload, data, (guint) len);
  pthread_mutex_unlock (&guest->lock);
}

void
guest_message (struct guest *guest, const void *message)
{
  size_t len = protobuf_c_message_get_packed_size (message);
  g_autofree uint8_t *data = g_malloc (len + 1);
  protobuf_c_message_pack (message, data);
  guest_bytes (guest, data, len);
}

void *
guest_request (struct guest *guest, const char *method, const ProtobufCMessageDescriptor *type)
{
  pthread_mutex_lock (&guest->lock);
  ck_assert_str_eq (guest->method, method);
  void *message = protobuf_c_message_unpack (type, NULL, guest->request->len, guest->request->data);
  pthread_mutex_unlock (&guest->lock);
  ck_assert_ptr_nonnull (message);
  return message;
}

void
expect_error (int r, kata_error **err, int code, const char *part)
{
  ck_assert_ptr_nonnull (*err);
  const char *text = kata_error_get_message (*err);
  ck_assert_msg (r == code && kata_error_get_code (*err) == code && strstr (text, part) != NULL, "%d: %s", r, text);
  ck_assert_uint_le (strlen (text), 4200);
  for (const char *p = text; *p != '\0'; p++)
    ck_assert ((unsigned char) *p >= 0x20);
  kata_error_unrefp (err);
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
