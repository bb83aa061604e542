/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-null: a null guest's agent, spoken to as the library would, and its end. */
#include <check.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ttrpc/ttrpc.h>

#include "backend/registry.h"
#include "proto/agent.pb-c.h"

struct fixture {
  char *dir;
  void *runtime_data, *vm;
  kata_vm_plan plan;
  kata_backend_env env;
  ttrpc_client *client;
  int records;
};

static int
record (void *journal, const kata_undo *undo, kata_error **err)
{
  struct fixture *f = journal;
  f->records++;
  ck_assert_int_eq (undo->kind, KATA_UNDO_FILE);
  return 0;
}

static void
setup (struct fixture *f, const char *cmdline, uint32_t fail_at)
{
  kata_stream stream;
  struct ttrpc_io io;
  memset (f, 0, sizeof *f);
  f->dir = g_dir_make_tmp ("kata-null-XXXXXX", NULL);
  f->plan =
      (kata_vm_plan){ .size = sizeof f->plan, .id = "t", .dir = f->dir, .cmdline = cmdline, .null_fail_at = fail_at };
  ck_assert_int_eq (kata_backend_null.open (&f->runtime_data, NULL), 0);
  f->env = (kata_backend_env){ .size = sizeof f->env,
                               .deadline_us = g_get_monotonic_time () + 5 * G_USEC_PER_SEC,
                               .journal = f,
                               .record = record,
                               .runtime_data = f->runtime_data };
  ck_assert_int_eq (kata_backend_null.launch (&f->vm, &f->plan, &f->env, NULL), 0);
  ck_assert_int_eq (f->records, 2);
  ck_assert_int_eq (kata_backend_null.connect (f->vm, &stream, &f->env, NULL), 0);
  io = (struct ttrpc_io){ stream.ctx, stream.read, stream.write, stream.shutdown, stream.close };
  ck_assert_int_eq (ttrpc_client_new (&f->client, &io), 0);
}

static void
teardown (struct fixture *f)
{
  struct pollfd fd = { kata_backend_null.exit_fd (f->vm), POLLIN, 0 };
  ttrpc_client_free (f->client);
  ck_assert_int_eq (kata_backend_null.stop (f->vm, 0, &f->env, NULL), 0);
  ck_assert_int_eq (poll (&fd, 1, 0), 1);
  kata_backend_null.detach (f->vm);
  kata_backend_null.close (f->runtime_data);
  g_autofree char *agent = g_build_filename (f->dir, "null-agent.sock", NULL);
  g_autofree char *control = g_build_filename (f->dir, "null-control.sock", NULL);
  ck_assert_int_eq (remove (agent) | remove (control) | remove (f->dir), 0);
  g_free (f->dir);
}

static int32_t
call (struct fixture *f, const char *method, const ProtobufCMessage *message, struct ttrpc_reply *reply,
      int64_t timeout)
{
  g_autofree uint8_t *data = g_malloc (protobuf_c_message_get_packed_size (message) + 1);
  size_t len = protobuf_c_message_pack (message, data);
  ttrpc_client_call (f->client, "grpc.AgentService", method, data, len, timeout, reply);
  return reply->code;
}

static void
create (struct fixture *f, char **args, size_t n)
{
  struct ttrpc_reply reply;
  Grpc__CreateContainerRequest create = GRPC__CREATE_CONTAINER_REQUEST__INIT;
  Grpc__StartContainerRequest start = GRPC__START_CONTAINER_REQUEST__INIT;
  Grpc__Spec spec = GRPC__SPEC__INIT;
  Grpc__Process process = GRPC__PROCESS__INIT;
  process.args = args;
  process.n_args = n;
  spec.process = &process;
  create.oci = &spec;
  create.container_id = start.container_id = (char *) "c";
  ck_assert_int_eq (call (f, "CreateContainer", &create.base, &reply, 5000), 0);
  ttrpc_reply_clear (&reply);
  ck_assert_int_eq (call (f, "StartContainer", &start.base, &reply, 5000), 0);
  ttrpc_reply_clear (&reply);
}

static char *
read_all (struct fixture *f, const char *method)
{
  GString *text = g_string_new (NULL);
  Grpc__ReadStreamRequest read = GRPC__READ_STREAM_REQUEST__INIT;
  read.container_id = (char *) "c";
  for (gboolean end = FALSE; !end;) {
    struct ttrpc_reply reply;
    ck_assert_int_eq (call (f, method, &read.base, &reply, 5000), 0);
    Grpc__ReadStreamResponse *answer = grpc__read_stream_response__unpack (NULL, reply.payload_len, reply.payload);
    g_string_append_len (text, (char *) answer->data.data, (gssize) answer->data.len);
    end = answer->data.len == 0;
    grpc__read_stream_response__free_unpacked (answer, NULL);
    ttrpc_reply_clear (&reply);
  }
  return g_string_free (text, FALSE);
}

static int
wait_exit (struct fixture *f)
{
  struct ttrpc_reply reply;
  Grpc__WaitProcessRequest wait = GRPC__WAIT_PROCESS_REQUEST__INIT;
  wait.container_id = (char *) "c";
  ck_assert_int_eq (call (f, "WaitProcess", &wait.base, &reply, 5000), 0);
  Grpc__WaitProcessResponse *answer = grpc__wait_process_response__unpack (NULL, reply.payload_len, reply.payload);
  int status = answer->status;
  grpc__wait_process_response__free_unpacked (answer, NULL);
  ttrpc_reply_clear (&reply);
  return status;
}

START_TEST (a_script_writes_both_streams_and_exits)
{
  struct fixture f;
  char *args[] = { (char *) "/bin/sh", (char *) "-c", (char *) "echo out; echo err >&2; exit 7" };
  setup (&f, "", 0);
  create (&f, args, 3);
  g_autofree char *out = read_all (&f, "ReadStdout");
  g_autofree char *errors = read_all (&f, "ReadStderr");
  ck_assert_str_eq (out, "out\n");
  ck_assert_str_eq (errors, "err\n");
  ck_assert_int_eq (wait_exit (&f), 7);
  teardown (&f);
}
END_TEST

START_TEST (a_killed_process_ends_with_its_signal)
{
  struct fixture f;
  struct ttrpc_reply reply;
  char *args[] = { (char *) "sleep", (char *) "100" };
  Grpc__SignalProcessRequest signal = GRPC__SIGNAL_PROCESS_REQUEST__INIT;
  setup (&f, "", 0);
  create (&f, args, 2);
  signal.container_id = (char *) "c";
  signal.has_signal = 1;
  signal.signal = 9;
  ck_assert_int_eq (call (&f, "SignalProcess", &signal.base, &reply, 5000), 0);
  ttrpc_reply_clear (&reply);
  ck_assert_int_eq (wait_exit (&f), 137);
  teardown (&f);
}
END_TEST

START_TEST (a_read_that_times_out_takes_nothing)
{
  struct fixture f;
  struct ttrpc_reply reply;
  char *args[] = { (char *) "sh", (char *) "-c", (char *) "sleep 0.4; echo late" };
  Grpc__ReadStreamRequest read = GRPC__READ_STREAM_REQUEST__INIT;
  setup (&f, "", 0);
  create (&f, args, 3);
  read.container_id = (char *) "c";
  ck_assert_int_eq (call (&f, "ReadStdout", &read.base, &reply, 50), TTRPC_DEADLINE_EXCEEDED);
  ttrpc_reply_clear (&reply);
  g_autofree char *out = read_all (&f, "ReadStdout");
  ck_assert_str_eq (out, "late\n");
  teardown (&f);
}
END_TEST

START_TEST (the_request_told_to_fails)
{
  struct fixture f;
  struct ttrpc_reply reply;
  Grpc__CreateSandboxRequest create = GRPC__CREATE_SANDBOX_REQUEST__INIT;
  setup (&f, "", 2);
  ck_assert_int_eq (call (&f, "CreateSandbox", &create.base, &reply, 5000), 0);
  ttrpc_reply_clear (&reply);
  ck_assert_int_eq (call (&f, "CreateSandbox", &create.base, &reply, 5000), TTRPC_INTERNAL);
  ttrpc_reply_clear (&reply);
  teardown (&f);
}
END_TEST

START_TEST (a_bad_agent_fails_in_time)
{
  static const char *const manners[] = { "null.agent=silent", "null.agent=hangs-up", "null.agent=garbage" };
  struct fixture f;
  struct ttrpc_reply reply;
  Grpc__CreateSandboxRequest create = GRPC__CREATE_SANDBOX_REQUEST__INIT;
  setup (&f, manners[_i], 0);
  gint64 start = g_get_monotonic_time ();
  ck_assert_int_ne (call (&f, "CreateSandbox", &create.base, &reply, 200), 0);
  ck_assert_int_lt (g_get_monotonic_time () - start, 2 * G_USEC_PER_SEC);
  ttrpc_reply_clear (&reply);
  teardown (&f);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("backend/null");
  TCase *tc = tcase_create ("agent");
  tcase_add_test (tc, a_script_writes_both_streams_and_exits);
  tcase_add_test (tc, a_killed_process_ends_with_its_signal);
  tcase_add_test (tc, a_read_that_times_out_takes_nothing);
  tcase_add_test (tc, the_request_told_to_fails);
  tcase_add_loop_test (tc, a_bad_agent_fails_in_time, 0, 3);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
