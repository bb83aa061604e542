/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Annotations: default deny, exact names, patterns for paths, no arguments for helpers, limits. */
#include "support.h"

#define P "io.katacontainers.config."

static int
apply (const char *list, const char *key, const char *value, kata_config **out, GPtrArray *warnings, kata_error **err)
{
  g_autofree char *text = g_strdup_printf ("[hypervisor.qemu]\nenable_annotations = [%s]\n"
                                           "valid_hypervisor_paths = ['/usr/bin/qemu-system-*', '/opt/kata/bin/qemu']\n"
                                           "valid_entropy_sources = ['/dev/urandom']\n",
                                           list);
  const char *pairs[] = { key, value, NULL };
  g_autoptr (kata_config) base = parse (text, NULL);
  return kata_config__apply_annotations (out, base, "qemu", pairs, warnings, err);
}

static void
denied (const char *list, const char *key, const char *value, int code, const char *part)
{
  g_autoptr (kata_error) err = NULL;
  kata_config *config = NULL;
  int r = apply (list, key, value, &config, NULL, &err);
  ck_assert_msg (r == code, "%s = %s: %d %s", key, value, r, kata_error_get_message (err));
  ck_assert_ptr_null (config);
  ck_assert_str_eq (kata_error_get_key (err), key);
  ck_assert_msg (strstr (kata_error_get_message (err), key) != NULL, "%s", kata_error_get_message (err));
  ck_assert_msg (strstr (kata_error_get_message (err), part) != NULL, "%s", kata_error_get_message (err));
}

static kata_config *
allowed (const char *list, const char *key, const char *value)
{
  g_autoptr (kata_error) err = NULL;
  kata_config *config = NULL;
  int r = apply (list, key, value, &config, NULL, &err);
  ck_assert_msg (r == 0, "%s = %s: %s", key, value, kata_error_get_message (err));
  return config;
}

static const struct kata_hypervisor_config *
qemu (const kata_config *config)
{
  return kata_config__hypervisor (config, "qemu");
}

START_TEST (every_known_key_is_denied_by_default)
{
  static const struct {
    enum kata_key_section section;
    const char *name;
  } sections[] = { { KATA_KEY_HYPERVISOR, "hypervisor" },
                   { KATA_KEY_RUNTIME, "runtime" },
                   { KATA_KEY_AGENT, "agent" } };
  for (size_t i = 0; i < G_N_ELEMENTS (sections); i++)
    for (const struct kata_key *key = kata_keys__of (sections[i].section); key->name != NULL; key++) {
      g_autofree char *name = g_strdup_printf (P "%s.%s", sections[i].name, key->name);
      denied ("", name, "1", KATA_E_PERMISSION, key->name);
    }
}
END_TEST

START_TEST (a_name_matches_exactly)
{
  static const char key[] = P "hypervisor.path", path[] = "/usr/bin/qemu-system-x86_64";
  denied ("'jailer_path'", key, path, KATA_E_PERMISSION, "add \"path\" to enable_annotations in [hypervisor.qemu]");
  denied ("'.*'", key, path, KATA_E_PERMISSION, "not allowed");
  denied ("'pat.'", key, path, KATA_E_PERMISSION, "not allowed");
  denied ("'*', ''", key, path, KATA_E_PERMISSION, "not allowed");
  denied ("'Path'", key, path, KATA_E_PERMISSION, "not allowed");
  denied ("'path '", key, path, KATA_E_PERMISSION, "not allowed");
  /* A hypervisor's key does not open the same name of another table. */
  denied ("'kernel_modules', 'enable_debug'", P "agent.kernel_modules", "x", KATA_E_PERMISSION,
          "\"agent.kernel_modules\"");
  g_autoptr (kata_config) config = allowed ("'path'", key, path);
  ck_assert_str_eq (qemu (config)->path, path);
}
END_TEST

START_TEST (paths_match_the_patterns)
{
  static const char key[] = P "hypervisor.path";
  g_autoptr (kata_config) exact G_GNUC_UNUSED = allowed ("'path'", key, "/opt/kata/bin/qemu");
  static const char *const wrong[] = { "/bin/sh",
                                       "/usr/bin/qemu-system-x/../../bin/sh",
                                       "/usr/bin/qemu-system-x/sh",
                                       "/usr/bin/../bin/qemu-system-x",
                                       "usr/bin/qemu-system-x",
                                       "/opt/kata/bin/qemu2",
                                       "",
                                       "/usr/bin/qemu-system-x/..",
                                       " /opt/kata/bin/qemu",
                                       "/opt/kata/bin/qemu\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (kata_error) err = NULL;
    kata_config *config = NULL;
    int r = apply ("'path'", key, wrong[i], &config, NULL, &err);
    ck_assert_msg (r == KATA_E_PERMISSION || r == KATA_E_CONFIG, "\"%s\" gave %d", wrong[i], r);
  }
  denied ("'entropy_source'", P "hypervisor.entropy_source", "/dev/sda", KATA_E_PERMISSION, "matches none");
  g_autoptr (kata_config) entropy G_GNUC_UNUSED =
      allowed ("'entropy_source'", P "hypervisor.entropy_source", "/dev/urandom");
  /* No list of patterns, no path. */
  denied ("'virtio_fs_daemon'", P "hypervisor.virtio_fs_daemon", "/usr/libexec/virtiofsd", KATA_E_PERMISSION,
          "matches none");
  denied ("'jailer_path'", P "hypervisor.jailer_path", "/usr/bin/jailer", KATA_E_PERMISSION, "matches none");
}
END_TEST

START_TEST (some_are_never_set)
{
  denied ("'virtio_fs_extra_args'", P "hypervisor.virtio_fs_extra_args", "-o source=/", KATA_E_PERMISSION,
          "never set by annotation");
  denied ("'enable_annotations'", P "hypervisor.enable_annotations", "path", KATA_E_PERMISSION,
          "never set by annotation");
  denied ("'valid_hypervisor_paths'", P "hypervisor.valid_hypervisor_paths", "/*", KATA_E_PERMISSION, "never");
  denied ("'seccomp_sandbox'", P "hypervisor.seccomp_sandbox", "off", KATA_E_PERMISSION, "never");
  denied ("'disable_seccomp'", P "hypervisor.disable_seccomp", "true", KATA_E_PERMISSION, "never");
  denied ("'accel', 'fail_at'", P "hypervisor.accel", "tcg", KATA_E_PERMISSION, "never");
  denied ("'machine_accelerators'", P "hypervisor.machine_accelerators", "dumpdtb=/x", KATA_E_PERMISSION, "never");
  denied ("'kernel'", P "hypervisor.kernel", "/etc/shadow", KATA_E_PERMISSION, "never");
  denied ("'kernel_hash'", P "hypervisor.kernel_hash", "00", KATA_E_UNSUPPORTED, "hashes");
}
END_TEST

START_TEST (values_are_checked)
{
  denied ("'default_vcpus'", P "hypervisor.default_vcpus", "two", KATA_E_CONFIG, "\"two\" given; a number from ");
  denied ("'default_vcpus'", P "hypervisor.default_vcpus", "1e1", KATA_E_CONFIG, "given");
  denied ("'default_vcpus'", P "hypervisor.default_vcpus", "2 # x", KATA_E_CONFIG, "given");
  denied ("'default_vcpus'", P "hypervisor.default_vcpus", "nan", KATA_E_CONFIG, "given");
  denied ("'default_vcpus'", P "hypervisor.default_vcpus", "", KATA_E_CONFIG, "given");
  denied ("'default_memory'", P "hypervisor.default_memory", "99999999999999999999", KATA_E_CONFIG, "given");
  denied ("'default_memory'", P "hypervisor.default_memory", "512\nx = 1", KATA_E_CONFIG, "given");
  denied ("'default_memory'", P "hypervisor.default_memory", " 512", KATA_E_CONFIG, "given");
  denied ("'enable_hugepages'", P "hypervisor.enable_hugepages", "yes", KATA_E_CONFIG, "true or false");
  denied ("'shared_fs'", P "hypervisor.shared_fs", "\"none\"", KATA_E_CONFIG, "one of");
  denied ("'kernel_params'", P "hypervisor.kernel_params", "a\nb", KATA_E_CONFIG, "given");
  denied ("'kernel_params'", P "hypervisor.kernel_params", "\xff", KATA_E_CONFIG, "given");
  denied ("'default_vcpus'", P "hypervisor.default_vcpus", "-2", KATA_E_CONFIG, "given");
  g_autoptr (kata_config) number = allowed ("'default_vcpus'", P "hypervisor.default_vcpus", "2.5");
  ck_assert_double_eq (qemu (number)->default_vcpus, 2.5);
  g_autoptr (kata_config) truth = allowed ("'enable_hugepages'", P "hypervisor.enable_hugepages", "true");
  ck_assert_int_eq (qemu (truth)->enable_hugepages, 1);
  g_autoptr (kata_config) text = allowed ("'kernel_params'", P "hypervisor.kernel_params", "dyndbg=\"file x +p\" a=\\");
  ck_assert_str_eq (qemu (text)->kernel_params, "dyndbg=\"file x +p\" a=\\");
  g_autoptr (kata_config) list = allowed ("'agent.kernel_modules'", P "agent.kernel_modules", "e1000e a=1;ext4");
  ck_assert_str_eq (kata_config__agent (list)->kernel_modules[0], "e1000e a=1");
  ck_assert_str_eq (kata_config__agent (list)->kernel_modules[1], "ext4");
  ck_assert_ptr_null (kata_config__agent (list)->kernel_modules[2]);
  g_autoptr (kata_config) runtime =
      allowed ("'runtime.create_container_timeout'", P "runtime.create_container_timeout", "5");
  ck_assert_int_eq (kata_config__runtime (runtime)->create_container_timeout, 5);
  g_autoptr (kata_config) alias = allowed ("'default_max_vcpus'", P "hypervisor.default_max_vcpus", "3");
  ck_assert_int_eq (qemu (alias)->default_maxvcpus, 3);
  /* The whole is checked again: more vCPUs than the configuration's most is an error. */
  denied ("'nothing'", P "hypervisor.default_memory", "64", KATA_E_PERMISSION, "not allowed");
}
END_TEST

START_TEST (unknown_ones)
{
  denied ("'default_vcpu'", P "hypervisor.default_vcpu", "1", KATA_E_INVALID, "the nearest known key is default_vcpus");
  denied ("", P "nothing.x", "1", KATA_E_INVALID, "unknown");
  denied ("", P "hypervisor.", "1", KATA_E_INVALID, "unknown");
  denied ("", P "hypervisor.qemu.path", "1", KATA_E_INVALID, "unknown");
  g_autoptr (kata_config) config G_GNUC_UNUSED = allowed ("", "io.kubernetes.cri.sandbox-name", "x");
  g_autoptr (kata_config) other G_GNUC_UNUSED = allowed ("", "io.katacontainers.pkg.oci.container_type", "pod_sandbox");
}
END_TEST

START_TEST (known_but_not_acted_on)
{
  g_autoptr (GPtrArray) warnings = new_warnings ();
  g_autoptr (kata_config) config = NULL;
  ck_assert_int_eq (apply ("'memory_offset'", P "hypervisor.memory_offset", "1", &config, warnings, NULL), 0);
  ck_assert (warned (warnings, "annotation " P "hypervisor.memory_offset: Kata knows this key"));
  const char *pairs[] = { P "hypervisor.msize_9p", "8192", P "hypervisor.num_queues", "2", NULL };
  g_autoptr (GPtrArray) said = new_warnings ();
  g_autoptr (kata_config) base = parse ("[hypervisor.clh]\nenable_annotations = ['msize_9p', 'num_queues']\n", NULL);
  g_autoptr (kata_config) clh = NULL;
  ck_assert_int_eq (kata_config__apply_annotations (&clh, base, "clh", pairs, said, NULL), 0);
  ck_assert_uint_eq (said->len, 1);
  ck_assert (warned (said, "annotation " P "hypervisor.msize_9p: hypervisor clh passes this key over"));
}
END_TEST

START_TEST (the_base_does_not_change)
{
  g_autoptr (kata_config) base = parse ("[hypervisor.qemu]\nenable_annotations = ['kernel_params', 'default_vcpus']\n"
                                        "kernel_params = 'a'\ndefault_maxvcpus = 4\n",
                                        NULL);
  const char *pairs[] = { "other", "x", P "hypervisor.kernel_params", "b", P "hypervisor.default_vcpus", "3", NULL };
  const char *bad[] = { P "hypervisor.kernel_params", "c", P "hypervisor.machine_type", "q35", NULL };
  const char *large[] = { P "hypervisor.default_vcpus", "5", NULL };
  const char *odd[] = { P "hypervisor.default_vcpus", NULL };
  g_autoptr (kata_config) config = NULL;
  kata_config *none = NULL;
  ck_assert_int_eq (kata_config__apply_annotations (&config, base, "qemu", pairs, NULL, NULL), 0);
  ck_assert_str_eq (qemu (config)->kernel_params, "b");
  ck_assert_str_eq (qemu (base)->kernel_params, "a");
  ck_assert_int_eq (kata_config__apply_annotations (&none, base, "qemu", bad, NULL, NULL), KATA_E_PERMISSION);
  ck_assert_int_eq (kata_config__apply_annotations (&none, base, "qemu", large, NULL, NULL), KATA_E_CONFIG);
  ck_assert_int_eq (kata_config__apply_annotations (&none, base, "qemu", odd, NULL, NULL), KATA_E_INVALID);
  /* Another hypervisor's list does not count. */
  ck_assert_int_eq (kata_config__apply_annotations (&none, base, "clh", pairs, NULL, NULL), KATA_E_PERMISSION);
  ck_assert_ptr_null (none);
}
END_TEST

START_TEST (limits)
{
  g_autoptr (kata_config) base = parse ("[hypervisor.qemu]\nenable_annotations = ['kernel_params']\n", NULL);
  g_autofree char *value = g_strnfill (KATA_ANNOTATION_VALUE_MAX + 1, 'a');
  const char *large[] = { P "hypervisor.kernel_params", value, NULL };
  g_autoptr (GPtrArray) many = g_ptr_array_new ();
  g_autoptr (kata_error) err = NULL;
  kata_config *config = NULL;
  ck_assert_int_eq (kata_config__apply_annotations (&config, base, "qemu", large, NULL, &err), KATA_E_LIMIT);
  for (int i = 0; i <= KATA_ANNOTATIONS_MAX; i++) {
    g_ptr_array_add (many, (char *) P "hypervisor.kernel_params");
    g_ptr_array_add (many, (char *) "x");
  }
  g_ptr_array_add (many, NULL);
  ck_assert_int_eq (
      kata_config__apply_annotations (&config, base, "qemu", (const char *const *) many->pdata, NULL, NULL),
      KATA_E_LIMIT);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("config/annotations");
  TCase *tests = tcase_create ("annotations");
  tcase_set_timeout (tests, 60);
  tcase_add_test (tests, every_known_key_is_denied_by_default);
  tcase_add_test (tests, a_name_matches_exactly);
  tcase_add_test (tests, paths_match_the_patterns);
  tcase_add_test (tests, some_are_never_set);
  tcase_add_test (tests, values_are_checked);
  tcase_add_test (tests, unknown_ones);
  tcase_add_test (tests, known_but_not_acted_on);
  tcase_add_test (tests, the_base_does_not_change);
  tcase_add_test (tests, limits);
  suite_add_tcase (suite, tests);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
