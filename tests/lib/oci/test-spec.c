/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole config.json arrives in the structs, and each mistake is named by its JSON path. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "full.h"
#include "oci/spec.h"

START_TEST (reads_process)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  ck_assert_int_eq (kata_oci_spec__parse (&spec, full_spec, strlen (full_spec), NULL), 0);
  const kata_oci_process *p = &spec->process;
  ck_assert (p->terminal && p->no_new_privileges && p->console_height == 24 && p->console_width == 80);
  ck_assert (p->user.uid == 1 && p->user.gid == 2 && p->user.umask.value == 18);
  ck_assert (p->user.n_additional_gids == 2 && p->user.additional_gids[1] == 4);
  ck_assert_str_eq (p->args[1], "-c");
  ck_assert_str_eq (p->args[2], "");
  ck_assert_ptr_null (p->args[3]);
  ck_assert_str_eq (p->env[0], "A=b");
  ck_assert_str_eq (p->capabilities.ambient[0], "CAP_KILL");
  ck_assert_uint_eq (p->rlimits[0].hard, UINT64_MAX);
  ck_assert_int_eq (p->oom_score_adj.value, -10);
  ck_assert_ptr_null (spec->warnings);
}
END_TEST

START_TEST (reads_rest)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  ck_assert_int_eq (kata_oci_spec__parse (&spec, full_spec, strlen (full_spec), NULL), 0);
  ck_assert_str_eq (spec->root_path, "rootfs");
  ck_assert (spec->root_readonly);
  ck_assert_str_eq (spec->mounts[0].options[0], "nosuid");
  ck_assert_int_eq (spec->hooks.prestart.items[0].timeout.value, 5);
  ck_assert_uint_eq (spec->hooks.poststop.n, 1);
  ck_assert_str_eq (kata_oci_spec__annotation (spec, "a"), "b");
  ck_assert_ptr_null (kata_oci_spec__annotation (spec, "c"));
  const struct kata_oci_linux *l = &spec->linux_;
  ck_assert_uint_eq (l->uid_mappings[0].host_id, 1000);
  ck_assert_str_eq (l->sysctl[0].name, "net.ipv4.ip_forward");
  ck_assert_int_eq (l->resources.memory.swap.value, -1);
  ck_assert (l->resources.cpu.quota.have && l->resources.cpu.quota.value == -1);
  ck_assert_int_eq (l->resources.pids_limit.value, 100);
  ck_assert_uint_eq (l->resources.block_io.write_iops.items[0].rate, 600);
  ck_assert_uint_eq (l->resources.hugepage_limits[0].limit, 9223372036854771712u);
  ck_assert_uint_eq (l->resources.network_priorities[0].priority, 500);
  ck_assert_str_eq (l->resources.unified[0].value, "1");
  ck_assert_str_eq (l->namespaces[1].path, "/var/run/n");
  ck_assert_int_eq (l->devices[0].minor, 229);
  ck_assert_uint_eq (l->seccomp.rules[0].args[0].value, UINT64_MAX);
  ck_assert_str_eq (l->masked_paths[0], "/proc/kcore");
  ck_assert_str_eq (l->intel_rdt.mem_bw_schema, "MB:0=20");
  ck_assert_int_eq (l->time_offsets[0].secs, 1);
}
END_TEST

#define PROCESS "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"}"
static const struct {
  const char *text, *key;
} wrong[] = {
  { "[]", "$" },
  { "{}", "$.ociVersion" },
  { "{\"ociVersion\":\"2.0.0\"}", "$.ociVersion" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{}}", "$.process.args" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[],\"cwd\":\"/\"}}", "$.process.args" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"\"],\"cwd\":\"/\"}}", "$.process.args[0]" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\",1],\"cwd\":\"/\"}}", "$.process.args[1]" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"]}}", "$.process.cwd" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"],\"cwd\":\"rel\"}}", "$.process.cwd" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":-1}}}",
    "$.process.user.uid" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/"
    "\",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":1},"
    "{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":1}]}}",
    "$.process.rlimits[1]" },
  { "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/"
    "\",\"capabilities\":{\"bounding\":[\"KILL\"]}}}",
    "$.process.capabilities.bounding" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"root\":{}}", "$.root.path" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"mounts\":[{\"source\":\"/\"}]}", "$.mounts[0].destination" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"mounts\":[{\"destination\":\"/\",\"options\":[0]}]}",
    "$.mounts[0].options[0]" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"hooks\":{\"prestart\":[{\"path\":\"x\"}]}}", "$.hooks.prestart[0].path" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"annotations\":{\"a.b/c\":1}}", "$.annotations[\"a.b/c\"]" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"linux\":{\"namespaces\":[{\"type\":\"x\"}]}}",
    "$.linux.namespaces[0].type" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]}}",
    "$.linux.namespaces[1]" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"linux\":{\"resources\":{\"cpu\":{\"cpus\":\"0;rm\"}}}}",
    "$.linux.resources.cpu.cpus" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"linux\":{\"resources\":{\"unified\":{\"../x\":\"1\"}}}}",
    "$.linux.resources.unified" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"linux\":{\"resources\":{\"memory\":{\"limit\":1e3}}}}",
    "$.linux.resources.memory.limit" },
  { "{\"ociVersion\":\"1.0.2\"," PROCESS ",\"linux\":{\"seccomp\":{}}}", "$.linux.seccomp.defaultAction" },
};

START_TEST (names_mistakes)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_error) err = NULL;
  ck_assert_int_eq (kata_oci_spec__parse (&spec, wrong[_i].text, strlen (wrong[_i].text), &err), KATA_E_SPEC);
  ck_assert_str_eq (kata_error_get_key (err), wrong[_i].key);
  ck_assert_ptr_null (spec);
}
END_TEST

START_TEST (warns)
{
  static const char text[] =
      "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"x\":1,\"scheduler\":{}},\"new\":1,"
      "\"linux\":{\"foo\":{}}}";
  g_autoptr (kata_oci_spec) spec = NULL;
  ck_assert_int_eq (kata_oci_spec__parse (&spec, text, strlen (text), NULL), 0);
  ck_assert_uint_eq (g_strv_length (spec->warnings), 4);
  ck_assert_str_eq (spec->warnings[0], "$.new: is not known and has no effect");
}
END_TEST

START_TEST (parts)
{
  g_autoptr (kata_oci_process) process = NULL;
  g_autoptr (kata_oci_resources) resources = NULL;
  g_autoptr (kata_error) err = NULL;
  ck_assert_int_eq (kata_oci_process__parse (&process, "{\"args\":[\"a\"],\"cwd\":\"/\"}", 24, NULL), 0);
  ck_assert_str_eq (process->cwd, "/");
  ck_assert_int_eq (kata_oci_resources__parse (&resources, "{\"pids\":{\"limit\":7}}", 20, NULL), 0);
  ck_assert_int_eq (resources->pids_limit.value, 7);
  g_autoptr (kata_oci_resources) none = NULL;
  ck_assert_int_eq (kata_oci_resources__parse (&none, "{\"pids\":7}", 10, &err), KATA_E_SPEC);
  ck_assert_str_eq (kata_error_get_key (err), "$.pids");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("oci/spec");
  TCase *tcase = tcase_create ("spec");
  tcase_add_test (tcase, reads_process);
  tcase_add_test (tcase, reads_rest);
  tcase_add_loop_test (tcase, names_mistakes, 0, G_N_ELEMENTS (wrong));
  tcase_add_test (tcase, warns);
  tcase_add_test (tcase, parts);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
