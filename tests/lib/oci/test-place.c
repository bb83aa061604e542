/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-place: pods as the engines write them into config.json, and what is refused. */
#include <kata/placement.h>

#include <glib.h>
#include <check.h>

#define PROCESS "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\",\"terminal\":true}"

static char *
spec (const char *annotations, const char *linux_)
{
  return g_strdup_printf (
      "{\"ociVersion\":\"1.0.2\",%s,\"root\":{\"path\":\"rootfs\"},\"hostname\":\"h\",\"annotations\":{%s},"
      "\"linux\":{%s}}",
      PROCESS, annotations, linux_);
}

static int
place (kata_placement *out, const char *annotations, const char *linux_, kata_error **err)
{
  g_autofree char *text = spec (annotations, linux_);
  *out = (kata_placement) KATA_PLACEMENT_INIT;
  return kata_placement_read (out, text, "c1", err);
}

static const struct pod {
  const char *annotations;
  int role;
  const char *sandbox;
} pods[] = {
  { "", KATA_PLACEMENT_SINGLE, "c1" },
  { "\"io.kubernetes.cri.container-type\":\"sandbox\",\"io.kubernetes.cri.sandbox-id\":\"c1\"", KATA_PLACEMENT_SANDBOX,
    "c1" },
  { "\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"p1\"",
    KATA_PLACEMENT_CONTAINER, "p1" },
  { "\"io.kubernetes.cri-o.ContainerType\":\"sandbox\"", KATA_PLACEMENT_SANDBOX, "c1" },
  { "\"io.kubernetes.cri-o.ContainerType\":\"container\",\"io.kubernetes.cri-o.SandboxID\":\"p1\"",
    KATA_PLACEMENT_CONTAINER, "p1" },
  { "\"io.kubernetes.docker.type\":\"podsandbox\"", KATA_PLACEMENT_SANDBOX, "c1" },
  { "\"io.katacontainers.pkg.oci.container_type\":\"single_container\"", KATA_PLACEMENT_SINGLE, "c1" },
};

START_TEST (test_roles)
{
  kata_placement placement;
  ck_assert_int_eq (place (&placement, pods[_i].annotations, "", NULL), 0);
  ck_assert_int_eq (placement.role, pods[_i].role);
  ck_assert_str_eq (placement.sandbox_id, pods[_i].sandbox);
  ck_assert_uint_eq (placement.flags, KATA_PLACEMENT_TERMINAL | KATA_PLACEMENT_PROCESS);
  ck_assert_str_eq (placement.hostname, "h");
}
END_TEST

START_TEST (test_vfio_groups)
{
  static const char groups[] = "\"devices\":[{\"path\":\"/dev/vfio/12\",\"type\":\"c\",\"major\":243,\"minor\":0},"
                               "{\"path\":\"/dev/vfio/vfio\",\"type\":\"c\",\"major\":10,\"minor\":196},"
                               "{\"path\":\"/dev/vfio/\",\"type\":\"c\"},{\"path\":\"/dev/vfio/4/x\",\"type\":\"c\"},"
                               "{\"path\":\"/dev/vfio/5\",\"type\":\"b\"},{\"path\":\"/dev/null\",\"type\":\"c\"},"
                               "{\"path\":\"/dev/vfio/7\",\"type\":\"c\"}]";
  kata_placement placement;
  g_autoptr (GString) many = g_string_new ("\"devices\":[");
  ck_assert_int_eq (place (&placement, "", groups, NULL), 0);
  ck_assert_str_eq (placement.vfio_groups, "/dev/vfio/12 /dev/vfio/7");
  ck_assert_uint_eq (placement.n_vfio_groups, 2);
  for (int i = 0; i < 30; i++)
    g_string_append_printf (many, "%s{\"path\":\"/dev/vfio/%d\",\"type\":\"c\"}", i > 0 ? "," : "", i + 10);
  g_string_append (many, "]");
  ck_assert_int_eq (place (&placement, "", many->str, NULL), KATA_E_LIMIT);
}
END_TEST

static const char *const refused[] = {
  "\"io.kubernetes.cri.container-type\":\"container\"",
  "\"io.kubernetes.cri.container-type\":\"\"",
  "\"io.kubernetes.cri.container-type\":\"pod\"",
  "\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"../p\"",
  "\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"\"",
  "\"io.kubernetes.cri-o.ContainerType\":\"container\",\"io.kubernetes.cri-o.SandboxID\":\"a/b\"",
  "\"io.kubernetes.cri.sandbox-memory\":\"1G\"",
  "\"io.kubernetes.cri.sandbox-cpu-quota\":\"99999999999999999999\"",
};

START_TEST (test_refused)
{
  kata_placement placement;
  kata_error *err = NULL;
  ck_assert_int_eq (place (&placement, refused[_i], "", &err), KATA_E_SPEC);
  ck_assert_ptr_nonnull (strstr (kata_error_get_key (err), "$.annotations"));
  ck_assert_int_eq (placement.role, 0);
  kata_error_unref (err);
}
END_TEST

START_TEST (test_size)
{
  kata_placement placement;
  ck_assert_int_eq (
      place (&placement, "",
             "\"resources\":{\"cpu\":{\"quota\":150000,\"period\":100000},\"memory\":{\"limit\":1048576}}", NULL),
      0);
  ck_assert_uint_eq (placement.cpu_milli, 1500);
  ck_assert_uint_eq (placement.memory_bytes, 1048576);
  ck_assert_int_eq (
      place (&placement,
             "\"io.kubernetes.cri.container-type\":\"sandbox\",\"io.kubernetes.cri.sandbox-cpu-quota\":\"50001\","
             "\"io.kubernetes.cri.sandbox-cpu-period\":\"100000\",\"io.kubernetes.cri.sandbox-memory\":\"4096\"",
             "\"resources\":{\"cpu\":{\"quota\":-1}}", NULL),
      0);
  ck_assert_uint_eq (placement.cpu_milli, 501);
  ck_assert_uint_eq (placement.container_cpu_milli, 0);
  ck_assert_uint_eq (placement.memory_bytes, 4096);
  ck_assert_int_eq (
      place (&placement, "", "\"resources\":{\"cpu\":{\"quota\":9223372036854775807,\"period\":1}}", NULL), 0);
  ck_assert_uint_eq (placement.cpu_milli, UINT32_MAX);
}
END_TEST

START_TEST (test_network)
{
  kata_placement placement;
  ck_assert_int_eq (place (&placement, "", "\"namespaces\":[{\"type\":\"pid\"}]", NULL), 0);
  ck_assert_uint_eq (placement.flags & KATA_PLACEMENT_NETWORK_NEW, 0);
  ck_assert_str_eq (placement.network_namespace, "");
  ck_assert_int_eq (place (&placement, "", "\"namespaces\":[{\"type\":\"network\"}],\"cgroupsPath\":\"/a/b\"", NULL),
                    0);
  ck_assert_uint_ne (placement.flags & KATA_PLACEMENT_NETWORK_NEW, 0);
  ck_assert_str_eq (placement.cgroup, "/a/b");
  ck_assert_int_eq (place (&placement, "", "\"namespaces\":[{\"type\":\"network\",\"path\":\"/run/netns/x\"}]", NULL),
                    0);
  ck_assert_str_eq (placement.network_namespace, "/run/netns/x");
  g_autofree char *path = g_strnfill (5000, 'x');
  g_autofree char *linux_ = g_strdup_printf ("\"namespaces\":[{\"type\":\"network\",\"path\":\"/%s\"}]", path);
  ck_assert_int_lt (place (&placement, "", linux_, NULL), 0);
}
END_TEST

START_TEST (test_arguments)
{
  kata_placement placement = KATA_PLACEMENT_INIT;
  g_autofree char *text = spec ("", "");
  ck_assert_int_eq (kata_placement_read (NULL, text, "c", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_placement_read (&placement, NULL, "c", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_placement_read (&placement, text, NULL, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_placement_read (&placement, text, "a/b", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_placement_read (&placement, "{", "c", NULL), KATA_E_SPEC);
  placement.size = 8;
  ck_assert_int_eq (kata_placement_read (&placement, text, "c", NULL), KATA_E_INVALID);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("oci/place");
  TCase *tc = tcase_create ("place");
  tcase_add_loop_test (tc, test_roles, 0, G_N_ELEMENTS (pods));
  tcase_add_loop_test (tc, test_refused, 0, G_N_ELEMENTS (refused));
  tcase_add_test (tc, test_size);
  tcase_add_test (tc, test_network);
  tcase_add_test (tc, test_vfio_groups);
  tcase_add_test (tc, test_arguments);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? 1 : 0;
}
