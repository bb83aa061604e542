/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest that lies: every reply that makes no sense is an error of its kind, and its words are harmless where they are shown. */
#include <string.h>

#include "base/error.h"
#include "guest.h"
#include "proto/health.pb-c.h"

START_TEST (codes)
{
  static const struct {
    int32_t status;
    int code;
  } table[] = {
    { TTRPC_CANCELLED, KATA_E_CANCELLED },
    { TTRPC_UNKNOWN, KATA_E_AGENT },
    { TTRPC_INVALID_ARGUMENT, KATA_E_AGENT },
    { TTRPC_DEADLINE_EXCEEDED, KATA_E_TIMEOUT },
    { TTRPC_NOT_FOUND, KATA_E_NOT_FOUND },
    { TTRPC_ALREADY_EXISTS, KATA_E_EXISTS },
    { TTRPC_PERMISSION_DENIED, KATA_E_PERMISSION },
    { TTRPC_RESOURCE_EXHAUSTED, KATA_E_LIMIT },
    { TTRPC_FAILED_PRECONDITION, KATA_E_STATE },
    { TTRPC_UNIMPLEMENTED, KATA_E_UNSUPPORTED },
    { TTRPC_INTERNAL, KATA_E_AGENT },
    { TTRPC_UNAVAILABLE, KATA_E_AGENT },
    { 99999, KATA_E_AGENT },
    { -1, KATA_E_AGENT },
    { INT32_MIN, KATA_E_AGENT },
  };
  struct guest guest;
  guest_open (&guest);
  for (size_t i = 0; i < G_N_ELEMENTS (table); i++) {
    kata_error *err = NULL;
    guest_fail (&guest, table[i].status, "because");
    int r = kata_agent__start_container (guest.agent, "c1", 5000, &err);
    ck_assert_str_eq (kata_error_get_key (err), "c1");
    expect_error (r, &err, table[i].code, "StartContainer: the guest says");
    ck_assert_int_eq (kata_agent__start_container (guest.agent, "c1", 5000, NULL), table[i].code);
  }
  guest_close (&guest);
}
END_TEST

START_TEST (text_is_cut_and_escaped)
{
  struct guest guest;
  kata_error *err = NULL;
  g_autofree char *text = g_malloc ((4 << 20) - 99);
  guest_open (&guest);
  memset (text, 27, (4 << 20) - 100);
  text[(4 << 20) - 100] = '\0';
  guest_fail (&guest, TTRPC_INTERNAL, text);
  expect_error (kata_agent__destroy_sandbox (guest.agent, 20000, &err), &err, KATA_E_AGENT, "\\x1b\\x1b");
  guest_fail (&guest, TTRPC_INTERNAL, "a\r\nb\x1b]0;title\x07 \xff\xfe %s%n");
  expect_error (kata_agent__destroy_sandbox (guest.agent, 20000, &err), &err, KATA_E_AGENT, "%s%n");
  guest_close (&guest);
}
END_TEST

START_TEST (bytes_that_do_not_decode)
{
  struct guest guest;
  kata_error *err = NULL;
  int status = 4711;
  guest_open (&guest);
  guest_bytes (&guest, "\xff\xff\xff\xff", 4);
  expect_error (kata_agent__wait (guest.agent, "c1", "", &status, 5000, &err), &err, KATA_E_PROTOCOL, "decode");
  ck_assert_int_eq (status, 4711);
  struct kata_agent_stats stats = { .pids = 4711 };
  expect_error (kata_agent__stats (guest.agent, "c1", &stats, 5000, &err), &err, KATA_E_PROTOCOL, "decode");
  ck_assert_uint_eq (stats.pids, 4711);
  /* Two million empty interfaces: 250 MiB, if they were made. */
  g_autofree uint8_t *many = g_malloc (4000000);
  for (size_t i = 0; i < 4000000; i += 2) {
    many[i] = 0x0a;
    many[i + 1] = 0;
  }
  guest_bytes (&guest, many, 4000000);
  Grpc__Interfaces *interfaces = NULL;
  expect_error (kata_agent__list_interfaces (guest.agent, &interfaces, 20000, &err), &err, KATA_E_PROTOCOL, "decode");
  guest_bytes (&guest, many, 10000);
  expect_error (kata_agent__list_interfaces (guest.agent, &interfaces, 20000, &err), &err, KATA_E_PROTOCOL, "too many");
  ck_assert_ptr_null (interfaces);
  guest_close (&guest);
}
END_TEST

START_TEST (exit_status)
{
  static const int32_t bad[] = { -1, 256, INT32_MAX, INT32_MIN };
  struct guest guest;
  guest_open (&guest);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    kata_error *err = NULL;
    int status = 4711;
    Grpc__WaitProcessResponse reply = GRPC__WAIT_PROCESS_RESPONSE__INIT;
    reply.has_status = 1;
    reply.status = bad[i];
    guest_message (&guest, &reply);
    expect_error (kata_agent__wait (guest.agent, "c1", "", &status, 5000, &err), &err, KATA_E_PROTOCOL, "exit status");
    ck_assert_int_eq (status, 4711);
  }
  guest_close (&guest);
}
END_TEST

START_TEST (lengths)
{
  struct guest guest;
  kata_error *err = NULL;
  GBytes *out = NULL;
  size_t written = 4711;
  guest_open (&guest);
  Grpc__ReadStreamResponse data = GRPC__READ_STREAM_RESPONSE__INIT;
  data.has_data = 1;
  data.data = (ProtobufCBinaryData){ 11, (uint8_t *) "12345678901" };
  guest_message (&guest, &data);
  expect_error (kata_agent__read_stdout (guest.agent, "c1", "", 10, 5000, &out, &err), &err, KATA_E_PROTOCOL,
                "11 bytes");
  ck_assert_ptr_null (out);
  static const uint32_t lens[] = { 0, 4, UINT32_MAX };
  for (size_t i = 0; i < G_N_ELEMENTS (lens); i++) {
    Grpc__WriteStreamResponse wrote = GRPC__WRITE_STREAM_RESPONSE__INIT;
    wrote.has_len = 1;
    wrote.len = lens[i];
    guest_message (&guest, &wrote);
    expect_error (kata_agent__write_stdin (guest.agent, "c1", "", "abc", 3, &written, 5000, &err), &err,
                  KATA_E_PROTOCOL, "taken");
    ck_assert_uint_eq (written, 4711);
  }
  guest_close (&guest);
}
END_TEST

START_TEST (names)
{
  static const char *const bad[] = { "", "\x1b[2J", "a\nb", "\xff\xfe" };
  struct guest guest;
  kata_error *err = NULL;
  guest_open (&guest);
  g_autofree char *long_name = g_strnfill (257, 'a');
  for (size_t i = 0; i <= G_N_ELEMENTS (bad); i++) {
    struct kata_agent_details details;
    Grpc__AgentDetails agent = GRPC__AGENT_DETAILS__INIT;
    Grpc__GuestDetailsResponse reply = GRPC__GUEST_DETAILS_RESPONSE__INIT;
    char *name = i < G_N_ELEMENTS (bad) ? (char *) bad[i] : long_name;
    agent.version = (char *) "1";
    agent.n_storage_handlers = 1;
    agent.storage_handlers = &name;
    reply.agent_details = &agent;
    guest_message (&guest, &reply);
    if (i == 0) {
      ck_assert_int_eq (kata_agent__guest_details (guest.agent, &details, 5000, NULL), 0);
      kata_agent_details__clear (&details);
      continue;
    }
    expect_error (kata_agent__guest_details (guest.agent, &details, 5000, &err), &err, KATA_E_PROTOCOL, "names");
    agent.version = name;
    guest_message (&guest, &reply);
    expect_error (kata_agent__guest_details (guest.agent, &details, 5000, &err), &err, KATA_E_PROTOCOL, "version");
    Types__Interface interface = TYPES__INTERFACE__INIT, *list[] = { &interface };
    Grpc__Interfaces interfaces = GRPC__INTERFACES__INIT, *out = NULL;
    interface.name = name;
    interfaces.n_interfaces = 1;
    interfaces.interfaces = list;
    guest_message (&guest, &interfaces);
    expect_error (kata_agent__list_interfaces (guest.agent, &out, 5000, &err), &err, KATA_E_PROTOCOL, "names");
    Types__Route route = TYPES__ROUTE__INIT, *routes_list[] = { &route };
    Grpc__Routes routes = GRPC__ROUTES__INIT, *routes_out = NULL;
    route.device = name;
    routes.n_routes = 1;
    routes.routes = routes_list;
    guest_message (&guest, &routes);
    expect_error (kata_agent__list_routes (guest.agent, &routes_out, 5000, &err), &err, KATA_E_PROTOCOL, "addresses");
  }
  guest_bytes (&guest, NULL, 0);
  g_autofree char *version = NULL;
  expect_error (kata_agent__version (guest.agent, &version, 5000, &err), &err, KATA_E_PROTOCOL, "version");
  expect_error (kata_agent__check (guest.agent, 5000, &err), &err, KATA_E_PROTOCOL, "status 0");
  guest_close (&guest);
}
END_TEST

struct oom {
  int ended, code;
  char id[200];
};

static void
oom (void *user, const char *container_id, const kata_error *error)
{
  struct oom *seen = user;
  seen->code = kata_error_get_code (error);
  g_strlcpy (seen->id, container_id != NULL ? container_id : "", sizeof seen->id);
  g_atomic_int_set (&seen->ended, 1);
}

static void
oom_run (struct guest *guest, const char *id, struct oom *seen)
{
  Grpc__OOMEvent event = GRPC__OOMEVENT__INIT;
  event.container_id = (char *) id;
  guest_message (guest, &event);
  memset (seen, 0, sizeof *seen);
  ck_assert_int_eq (kata_agent__oom_start (guest->agent, NULL, oom, seen, NULL), 0);
  for (int i = 0; i < 5000 && g_atomic_int_get (&seen->ended) == 0; i++)
    g_usleep (1000);
  ck_assert_int_eq (g_atomic_int_get (&seen->ended), 1);
}

START_TEST (oom_ids)
{
  static const char *const bad[] = { "", "../../etc", "a/b", "a\nb", ".hidden", "a b", "\xff" };
  struct guest guest;
  struct oom seen;
  guest_open (&guest);
  oom_run (&guest, "c1_a.b-C", &seen);
  ck_assert_str_eq (seen.id, "c1_a.b-C");
  ck_assert_int_eq (seen.code, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    oom_run (&guest, bad[i], &seen);
    ck_assert_int_eq (seen.code, KATA_E_PROTOCOL);
  }
  g_autofree char *long_id = g_strnfill (129, 'a');
  oom_run (&guest, long_id, &seen);
  ck_assert_int_eq (seen.code, KATA_E_PROTOCOL);
  guest_close (&guest);
}
END_TEST

static void
wait_ended (void *user, int status, const kata_error *error)
{
  g_atomic_int_set ((int *) user, kata_error_get_code (error));
}

START_TEST (never_answers)
{
  struct guest guest;
  kata_error *err = NULL;
  g_autoptr (kata_agent_pending) pending = NULL;
  int code = 0;
  guest_open (&guest);
  guest.delay_ms = 400;
  gint64 start = g_get_monotonic_time ();
  expect_error (kata_agent__start_container (guest.agent, "c1", 100, &err), &err, KATA_E_TIMEOUT, "StartContainer");
  ck_assert_int_lt (g_get_monotonic_time () - start, 350000);
  expect_error (kata_agent__start_container (guest.agent, "c1", 0, &err), &err, KATA_E_TIMEOUT, "StartContainer");
  ck_assert_int_eq (kata_agent__wait_start (guest.agent, &pending, "c1", "", wait_ended, &code, &err), 0);
  kata_agent_pending__cancel (pending);
  for (int i = 0; i < 300 && g_atomic_int_get (&code) == 0; i++)
    g_usleep (1000);
  ck_assert_int_eq (g_atomic_int_get (&code), KATA_E_CANCELLED);
  guest_close (&guest);
}
END_TEST

START_TEST (connection_lost)
{
  struct guest guest;
  kata_error *err = NULL;
  const char *why = NULL;
  int code = 0;
  guest_open (&guest);
  guest.delay_ms = 100;
  ck_assert (!kata_agent__is_lost (guest.agent, NULL));
  ck_assert_int_eq (kata_agent__wait_start (guest.agent, NULL, "c1", "", wait_ended, &code, &err), 0);
  ttrpc_server_shutdown (guest.server);
  for (int i = 0; i < 5000 && g_atomic_int_get (&code) == 0; i++)
    g_usleep (1000);
  ck_assert_int_eq (g_atomic_int_get (&code), KATA_E_AGENT);
  ck_assert (kata_agent__is_lost (guest.agent, &why));
  ck_assert_ptr_nonnull (why);
  expect_error (kata_agent__start_container (guest.agent, "c1", 5000, &err), &err, KATA_E_AGENT,
                "connection to the guest is lost");
  expect_error (kata_agent__wait_start (guest.agent, NULL, "c1", "", wait_ended, &code, &err), &err, KATA_E_AGENT,
                "lost");
  guest_close (&guest);
}
END_TEST

START_TEST (too_large_a_request)
{
  struct guest guest;
  kata_error *err = NULL;
  g_autofree char *data = g_malloc0 (5 << 20);
  guest_open (&guest);
  expect_error (kata_agent__reseed (guest.agent, data, 5 << 20, 5000, &err), &err, KATA_E_LIMIT, "4 MiB");
  expect_error (kata_agent__signal (guest.agent, "c1", "", 65, 5000, &err), &err, KATA_E_INVALID, "signal 65");
  guest_close (&guest);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("agent/hostile");
  TCase *tc = tcase_create ("hostile");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, codes);
  tcase_add_test (tc, text_is_cut_and_escaped);
  tcase_add_test (tc, bytes_that_do_not_decode);
  tcase_add_test (tc, exit_status);
  tcase_add_test (tc, lengths);
  tcase_add_test (tc, names);
  tcase_add_test (tc, oom_ids);
  tcase_add_test (tc, never_answers);
  tcase_add_test (tc, connection_lost);
  tcase_add_test (tc, too_large_a_request);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
