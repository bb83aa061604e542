/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The default specification, and what run and exec options change. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "oci/spec.h"

START_TEST (defaults)
{
  g_autoptr (kata_oci_spec) spec = kata_oci_spec__default ("/r");
  ck_assert_str_eq (spec->root_path, "/r");
  ck_assert_str_eq (spec->process.args[0], "sh");
  ck_assert_uint_eq (spec->n_mounts, 7);
  ck_assert_uint_eq (g_strv_length (spec->process.capabilities.bounding), 14);
  for (size_t i = 0; i < spec->linux_.n_namespaces; i++)
    ck_assert_str_ne (spec->linux_.namespaces[i].type, "network");
}
END_TEST

START_TEST (applies)
{
  static const char *const args[] = { "echo", "hi", NULL }, *const env[] = { "PATH=/x", "A=1", "A=2", NULL };
  const kata_volume volume = { sizeof volume, "/src", "/dst", KATA_VOLUME_READONLY },
                    shm = { sizeof shm, "/s2", "/dev/shm", 0 };
  const kata_volume *const volumes[] = { &volume, &shm, NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.args = args;
  options.env = env;
  options.cwd = "/tmp";
  options.user = "5:6";
  options.hostname = "box";
  options.rootfs = "/other";
  options.volumes = volumes;
  options.memory_bytes = 1 << 20;
  options.cpu_milli = 1500;
  options.pids = 9;
  options.flags = KATA_CONTAINER_TERMINAL | KATA_CONTAINER_READONLY;
  g_autoptr (kata_oci_spec) spec = kata_oci_spec__default ("/r");
  ck_assert_int_eq (kata_oci_spec__apply_options (spec, &options, NULL), 0);
  ck_assert_str_eq (spec->root_path, "/other");
  ck_assert (spec->root_readonly && spec->process.terminal);
  ck_assert_str_eq (spec->process.args[1], "hi");
  ck_assert_str_eq (spec->process.env[0], "PATH=/x");
  ck_assert_str_eq (spec->process.env[1], "A=2");
  ck_assert_str_eq (spec->process.env[2], "TERM=xterm");
  ck_assert_ptr_null (spec->process.env[3]);
  ck_assert (spec->process.user.uid == 5 && spec->process.user.gid == 6);
  ck_assert (spec->process.capabilities.bounding != NULL && spec->process.capabilities.effective == NULL);
  ck_assert (spec->process.console_height == 24 && spec->process.console_width == 80);
  ck_assert_uint_eq (spec->n_mounts, 8);
  ck_assert_str_eq (spec->mounts[3].source, "/s2");
  ck_assert_str_eq (spec->mounts[7].options[2], "ro");
  ck_assert_int_eq (spec->linux_.resources.memory.limit.value, 1 << 20);
  ck_assert_int_eq (spec->linux_.resources.cpu.quota.value, 150000);
  ck_assert_int_eq (spec->linux_.resources.pids_limit.value, 9);
}
END_TEST

#define REFUSES(member, bad, error_key)                                                                                \
  do {                                                                                                                 \
    kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;                                                      \
    g_autoptr (kata_error) err = NULL;                                                                                 \
    g_autoptr (kata_oci_spec) spec = kata_oci_spec__default ("/r");                                                    \
    options.member = bad;                                                                                              \
    ck_assert_int_eq (kata_oci_spec__apply_options (spec, &options, &err), KATA_E_INVALID);                            \
    ck_assert_str_eq (kata_error_get_key (err), error_key);                                                            \
  } while (0)

START_TEST (refuses)
{
  static const char *const no_args[] = { NULL }, *const no_name[] = { "=x", NULL }, *const no_equals[] = { "x", NULL },
                           *const latin1[] = { "caf\xe9", NULL };
  const kata_volume relative = { sizeof relative, "src", "/dst", 0 }, flags = { sizeof flags, "/src", "/dst", 8 };
  const kata_volume *const v1[] = { &relative, NULL }, *const v2[] = { &flags, NULL };
  REFUSES (args, no_args, "args");
  REFUSES (args, latin1, "args");
  REFUSES (env, no_name, "env");
  REFUSES (env, no_equals, "env");
  REFUSES (cwd, "tmp", "cwd");
  REFUSES (user, "root", "user");
  REFUSES (user, "4294967295", "user");
  REFUSES (user, "1:", "user");
  REFUSES (user, "", "user");
  REFUSES (hostname, "a b", "hostname");
  REFUSES (rootfs, "rel", "rootfs");
  REFUSES (volumes, v1, "volume source");
  REFUSES (volumes, v2, "volume flags");
  REFUSES (cpu_milli, 1, "cpu_milli");
  REFUSES (memory_bytes, UINT64_MAX, "memory_bytes");
  REFUSES (flags, 1u << 31, "flags");
}
END_TEST

START_TEST (execs)
{
  static const char *const args[] = { "id", NULL }, *const env[] = { "B=2", NULL };
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  g_autoptr (kata_oci_spec) container = kata_oci_spec__default ("/r"), spec = NULL, json = NULL, none = NULL;
  container->process.terminal = true;
  ck_assert_int_eq (kata_oci_spec__exec (&none, container, &options, NULL), KATA_E_INVALID);
  options.args = args;
  options.env = env;
  ck_assert_int_eq (kata_oci_spec__exec (&spec, container, &options, NULL), 0);
  ck_assert_str_eq (spec->process.args[0], "id");
  ck_assert_str_eq (spec->process.env[1], "B=2");
  ck_assert (!spec->process.terminal && spec->process.capabilities.have);
  ck_assert_str_eq (container->process.args[0], "sh");
  options.args = NULL;
  options.process_json = "{\"args\":[\"x\"],\"cwd\":\"/y\"}";
  ck_assert_int_eq (kata_oci_spec__exec (&json, container, &options, NULL), 0);
  ck_assert_str_eq (json->process.cwd, "/y");
  ck_assert (!json->process.capabilities.have);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("oci/options");
  TCase *tcase = tcase_create ("options");
  tcase_add_test (tcase, defaults);
  tcase_add_test (tcase, applies);
  tcase_add_test (tcase, refuses);
  tcase_add_test (tcase, execs);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
