/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-record: a container's process survives the file that an exec from another process starts from. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "host/beneath.h"
#include "sandbox/process-file.h"

static const char text[] =
    "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"terminal\":true,\"user\":{\"uid\":5,\"gid\":6,"
    "\"umask\":18,\"additionalGids\":[7,8]},\"args\":[\"a\",\"b \\u0001\\\"\"],\"env\":[\"X=1\",\"Y=\"],\"cwd\":\"/w\","
    "\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"ambient\":[]},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":"
    "18446744073709551615,\"soft\":5}],\"noNewPrivileges\":true,\"apparmorProfile\":\"p\",\"oomScoreAdj\":-7,"
    "\"selinuxLabel\":\"l\"}}";

START_TEST (process)
{
  g_autofree char *dir = g_dir_make_tmp ("kata-record-XXXXXX", NULL);
  int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (kata_oci_spec) spec = NULL, back = NULL;
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_oci_spec__parse (&spec, text, strlen (text), &error) == 0, "%s", kata_error_get_message (error));
  g_autofree char *written = kata_process_file__format (&spec->process);
  g_autofree char *name = kata_process_file__name ("c1");
  ck_assert_int_eq (kata_beneath__replace (fd, name, written, strlen (written)), 0);
  ck_assert_msg (kata_process_file__read (&back, fd, "c1", &error) == 0, "%s", kata_error_get_message (error));
  const kata_oci_process *p = &back->process;
  ck_assert (p->terminal && p->no_new_privileges);
  ck_assert_uint_eq (p->user.uid, 5);
  ck_assert_uint_eq (p->user.umask.value, 18);
  ck_assert_uint_eq (p->user.n_additional_gids, 2);
  ck_assert_str_eq (p->args[1], "b \001\"");
  ck_assert_str_eq (p->env[1], "Y=");
  ck_assert_str_eq (p->cwd, "/w");
  ck_assert_str_eq (p->capabilities.bounding[0], "CAP_KILL");
  ck_assert_uint_eq (p->rlimits[0].hard, UINT64_MAX);
  ck_assert_int_eq (p->oom_score_adj.value, -7);
  g_autofree char *again = kata_process_file__format (p);
  ck_assert_str_eq (written, again);
  for (size_t n = 0; n < strlen (g_strchomp (written)); n++) {
    kata_oci_spec *none = NULL;
    ck_assert_int_eq (kata_beneath__replace (fd, name, written, n), 0);
    ck_assert_int_eq (kata_process_file__read (&none, fd, "c1", NULL), KATA_E_CORRUPT);
  }
  ck_assert_int_eq (unlinkat (fd, name, 0), 0);
  close (fd);
  ck_assert_int_eq (rmdir (dir), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sandbox/record");
  TCase *tcase = tcase_create ("record");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, process);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
