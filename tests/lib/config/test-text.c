/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What configuration texts mean: both dialects, wrong values, unknown keys, what a warning says. */
#include "support.h"

#include <stdio.h>

static const char go_text[] = "[hypervisor.qemu]\n"
                              "path = \"/usr/bin/qemu-system-x86_64\"\n"
                              "kernel = \"/k\"\n"
                              "image = \"/i.img\"\n"
                              "machine_type = \"q35\"\n"
                              "enable_annotations = [\"enable_iommu\", \"kernel_params\"]\n"
                              "seccompsandbox = \"on\"\n"
                              "default_vcpus = 2\n"
                              "default_memory = 1024\n"
                              "disable_selinux = false\n"
                              "memory_offset = 0\n"
                              "default_bridges = 1\n"
                              "virtio_fs_extra_args = [\"--thread-pool-size=1\", \"--announce-submounts\"]\n"
                              "[factory]\n"
                              "enable_template = false\n"
                              "template_path = \"/run/vc/vm/template\"\n"
                              "[agent.kata]\n"
                              "dial_timeout = 45\n"
                              "kernel_modules = [\"e1000e InterruptThrottleRate=3000\"]\n"
                              "[runtime]\n"
                              "internetworking_model = \"tcfilter\"\n"
                              "create_container_timeout = 90\n";

static const char rust_text[] = "[hypervisor.cloud-hypervisor]\n"
                                "path = \"/usr/bin/cloud-hypervisor\"\n"
                                "seccomp_sandbox = \"\"\n"
                                "log_level = \"info\"\n"
                                "default_vcpus = 1.5\n"
                                "vm_rootfs_driver = \"virtio-blk-pci\"\n"
                                "[hypervisor.cloud-hypervisor.factory]\n"
                                "enable_template = true\n"
                                "[agent.kata]\n"
                                "dial_timeout_ms = 10\n"
                                "reconnect_timeout_ms = 3000\n"
                                "create_container_timeout = 30\n"
                                "[agent.kata.mem_agent]\n"
                                "mem_agent_enable = false\n"
                                "compact_force_times = 9223372036854775807\n"
                                "[runtime]\n"
                                "name = \"virt_container\"\n"
                                "hypervisor_name = \"cloud-hypervisor\"\n"
                                "agent_name = \"kata\"\n";

START_TEST (go_dialect)
{
  g_autoptr (GPtrArray) warnings = new_warnings ();
  g_autoptr (kata_config) config = parse (go_text, warnings);
  const struct kata_hypervisor_config *h = kata_config__hypervisor (config, "qemu");
  ck_assert_str_eq (kata_config__hypervisor_name (config), "qemu");
  ck_assert_str_eq (h->path, "/usr/bin/qemu-system-x86_64");
  ck_assert_str_eq (h->seccomp_sandbox, "on");
  ck_assert_double_eq (h->default_vcpus, 2);
  ck_assert_int_eq (h->default_memory, 1024);
  ck_assert_str_eq (h->virtio_fs_extra_args[1], "--announce-submounts");
  ck_assert_ptr_null (h->virtio_fs_extra_args[2]);
  ck_assert_int_eq (kata_config__agent (config)->dial_timeout, 45);
  ck_assert_str_eq (kata_config__agent (config)->kernel_modules[0], "e1000e InterruptThrottleRate=3000");
  ck_assert_int_eq (kata_config__runtime (config)->create_container_timeout, 90);
  /* What is off is told once for its table, what asks for something on its own; nothing is left out. */
  ck_assert (warned (warnings,
                     "x.toml:1: hypervisor.qemu: these keys of Kata's are not acted on; all are empty or off: "
                     "disable_selinux, memory_offset"));
  ck_assert (
      warned (warnings, "x.toml:12: hypervisor.qemu.default_bridges: Kata knows this key; libkata does not act"));
  ck_assert (warned (warnings, "x.toml:16: factory.template_path: Kata knows"));
  ck_assert_str_eq (kata_config__runtime (config)->internetworking_model, "tcfilter");
  ck_assert_int_eq (warnings->len, 4);
}
END_TEST

START_TEST (rust_dialect)
{
  g_autoptr (GPtrArray) warnings = new_warnings ();
  g_autoptr (kata_config) config = parse (rust_text, warnings);
  const struct kata_hypervisor_config *h = kata_config__find_hypervisor (config, "clh");
  ck_assert_str_eq (kata_config__hypervisor_name (config), "clh");
  ck_assert_ptr_nonnull (h);
  ck_assert_ptr_eq (h, kata_config__find_hypervisor (config, "cloud-hypervisor"));
  ck_assert_str_eq (h->name, "clh");
  ck_assert_double_eq (h->default_vcpus, 1.5);
  ck_assert_int_eq (kata_config__agent (config)->create_container_timeout, 30);
  ck_assert (warned (warnings, "hypervisor.cloud-hypervisor.log_level: Kata knows"));
  ck_assert (warned (warnings, "hypervisor.cloud-hypervisor.factory.enable_template: Kata knows"));
  ck_assert (warned (warnings, "agent.kata.mem_agent.compact_force_times"));
  ck_assert (warned (warnings, "agent.kata.reconnect_timeout_ms"));
}
END_TEST

START_TEST (nothing_given)
{
  g_autoptr (kata_config) config = parse ("", NULL);
  const struct kata_hypervisor_config *h = kata_config__hypervisor (config, "qemu");
  ck_assert_str_eq (kata_config__hypervisor_name (config), "");
  ck_assert_ptr_null (kata_config__find_hypervisor (config, "qemu"));
  ck_assert_str_eq (h->shared_fs, "virtio-fs");
  ck_assert_str_eq (h->path, "");
  ck_assert_ptr_null (h->enable_annotations[0]);
  ck_assert_str_eq (kata_config__path (config), "");
  ck_assert_ptr_null (kata_config__files (config)[0]);
}
END_TEST

START_TEST (several_hypervisors)
{
  g_autoptr (kata_config) first = parse ("[hypervisor.firecracker]\n[hypervisor.qemu]\n", NULL);
  g_autoptr (kata_config) named =
      parse ("[hypervisor.fc]\n[hypervisor.qemu]\n[runtime]\nhypervisor_name = 'qemu'", NULL);
  g_autoptr (GPtrArray) warnings = new_warnings ();
  g_autoptr (kata_config) others =
      parse ("[hypervisor.dragonball]\n[hypervisor.qemuu]\n[hypervisor.remote]\nshared_fs = 'x'\n", warnings);
  g_autoptr (kata_config) lone = parse ("[hypervisor.dragonball]\n", warnings);
  ck_assert_str_eq (kata_config__hypervisor_name (first), "");
  ck_assert_str_eq (kata_config__hypervisor_name (named), "qemu");
  ck_assert (warned (warnings, "x.toml:1: hypervisor.dragonball: Kata knows this hypervisor"));
  ck_assert (warned (warnings, "x.toml:2: hypervisor.qemuu: no hypervisor of libkata's own"));
  ck_assert_str_eq (kata_config__hypervisor_name (others), "");
  ck_assert_str_eq (kata_config__hypervisor_name (lone), "dragonball");
  refused ("[hypervisor.fc]\n[hypervisor.firecracker]\n", KATA_E_CONFIG, "are one table");
}
END_TEST

START_TEST (wrong_values)
{
  static const struct {
    const char *text, *message;
  } cases[] = {
    { "[hypervisor.qemu]\n\ndefault_vcpus = 'two'\n",
      "x.toml:3: hypervisor.qemu.default_vcpus: string \"two\" given; a number from " },
    { "[hypervisor.qemu]\ndefault_vcpus = 1e9", "hypervisor.qemu.default_vcpus: float 1000000000 given" },
    { "[hypervisor.qemu]\ndefault_vcpus = nan", "hypervisor.qemu.default_vcpus" },
    { "[hypervisor.qemu]\ndefault_memory = 2.5", "float 2.5 given; a whole number from " },
    { "[hypervisor.qemu]\ndefault_memory = 9223372036854775807", "integer 9223372036854775807 given" },
    { "[hypervisor.qemu]\nshared_fs = 'nfs'",
      "string \"nfs\" given; one of \"virtio-fs\", \"virtio-9p\", \"none\" is allowed" },
    { "[hypervisor.qemu]\npath = 'qemu'", "an absolute path without \"..\", or \"\" is allowed" },
    { "[hypervisor.qemu]\nkernel = '/a/../b'", "an absolute path without" },
    { "[hypervisor.qemu]\nkernel = '/a/..'", "an absolute path without" },
    { "[hypervisor.qemu]\nguest_hook_path = 'hooks'", "an absolute path without" },
    { "[hypervisor.qemu]\nkernel_params = \"a\\nb\"", "hypervisor.qemu.kernel_params" },
    { "[hypervisor.qemu]\nkernel_params = \"a\\u0000b\"", "hypervisor.qemu.kernel_params" },
    { "[hypervisor.qemu]\nkernel_params = \"a\\u007Fb\"", "hypervisor.qemu.kernel_params" },
    { "[hypervisor.qemu]\nenable_hugepages = 1", "integer 1 given; true or false is allowed" },
    { "[hypervisor.qemu]\nenable_annotations = 'x'", "a list of strings is allowed" },
    { "[hypervisor.qemu]\nenable_annotations = ['x', 1]", "array given; a list of strings is allowed" },
    { "[hypervisor.qemu]\nvirtio_fs_queue_size = 1000", "a power of two is allowed" },
    { "[hypervisor.qemu]\nmemory_slots = 'x'", "hypervisor.qemu.memory_slots" },
    { "[hypervisor.qemu]\nimage = '/a'\ninitrd = '/b'",
      "hypervisor.qemu.image: image \"/a\" and initrd \"/b\" are both set" },
    { "[hypervisor.qemu]\ndefault_vcpus = 4\ndefault_maxvcpus = 2", "4 is more than default_maxvcpus, 2" },
    { "[hypervisor.qemu]\ndefault_memory = 512\ndefault_maxmemory = 256", "512 is more than default_maxmemory, 256" },
    { "[hypervisor.qemu]\nseccompsandbox = ''\nseccomp_sandbox = ''",
      "x.toml:2: hypervisor.qemu: seccomp_sandbox and seccompsandbox are one key" },
    { "hypervisor = 1", "x.toml:1: hypervisor: integer given; a table is allowed" },
    { "[hypervisor]\nqemu = 1", "x.toml:2: hypervisor.qemu: integer given" },
    { "[[hypervisor.qemu]]", "hypervisor.qemu: array given" },
    { "[hypervisor.qemu]\nfactory = 1", "hypervisor.qemu.factory: integer given" },
    { "[agent]\nkata = 1", "agent.kata: integer given" },
    { "[agent.kata]\nmem_agent = []", "agent.kata.mem_agent: array given" },
    { "[runtime]\n[runtime]", "x.toml:2:2: \"runtime\" is defined already" },
    { "[runtime\n", "x.toml:1:9: " },
    { "a = \"\xff\"", "x.toml:1:6: byte 0xFF" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    refused (cases[i].text, KATA_E_CONFIG, cases[i].message);
}
END_TEST

START_TEST (error_has_its_key)
{
  static const char text[] = "[hypervisor.qemu]\npath = 1";
  g_autoptr (kata_error) err = NULL;
  kata_config *config = NULL;
  ck_assert_int_eq (kata_config__parse (&config, "x.toml", text, strlen (text), NULL, &err), KATA_E_CONFIG);
  ck_assert_str_eq (kata_error_get_key (err), "hypervisor.qemu.path");
  ck_assert_int_eq (kata_config__parse (&config, "x.toml", text, strlen (text), NULL, NULL), KATA_E_CONFIG);
}
END_TEST

START_TEST (unknown_keys)
{
  static const char text[] =
      "[hypervisor.qemu]\ndefault_vcpu = 1\nzzzzzzzzzzzzzzzzzzzz = 1\n[agents]\n[agent.kat]\n[runtime]\n"
      "enable_debg = true\n\"\" = 1\n";
  g_autoptr (GPtrArray) warnings = new_warnings ();
  g_autoptr (kata_config) config G_GNUC_UNUSED = parse (text, warnings);
  ck_assert (
      warned (warnings, "x.toml:2: hypervisor.qemu.default_vcpu: unknown key; the nearest known one is default_vcpus"));
  ck_assert (warned (warnings, "x.toml:3: hypervisor.qemu.zzzzzzzzzzzzzzzzzzzz: unknown key; see docs"));
  ck_assert (warned (warnings, "x.toml:4: agents: unknown table"));
  ck_assert (warned (warnings, "x.toml:5: agent.kat: unknown agent"));
  ck_assert (warned (warnings, "x.toml:7: runtime.enable_debg: unknown key; the nearest known one is enable_debug"));
  ck_assert_int_eq (warnings->len, 6);
}
END_TEST

START_TEST (warnings_are_bounded)
{
  g_autoptr (GString) text = g_string_new ("[runtime]\n");
  g_autoptr (GPtrArray) warnings = new_warnings ();
  for (int i = 0; i < 1000; i++)
    g_string_append_printf (text, "unknown%d = 1\n", i);
  g_autoptr (kata_config) config G_GNUC_UNUSED = parse (text->str, warnings);
  ck_assert_int_eq (warnings->len, 257);
  ck_assert (warned (warnings, "more warnings than 256"));
}
END_TEST

/* A text of one pair, in the table of @section. */
static char *
pair_text (enum kata_key_section section, const char *key, const char *value)
{
  static const char *const headings[] = { "hypervisor.null", "factory", "agent.kata", "agent.kata.mem_agent",
                                          "runtime" };
  return g_strdup_printf ("[%s]\n%s = %s\n", headings[section], key, value);
}

START_TEST (every_key_right_and_wrong)
{
  static const char *const right[] = { "true", "0", "1", "\"\"", "[]", "{}" };
  static const char *const wrong[] = { "1", "\"1\"", "\"1\"", "1", "1", "1" };
  int keys = 0;
  for (int section = 0; section < KATA_KEY_SECTIONS; section++)
    for (const struct kata_key *key = kata_keys__of (section); key->name != NULL; key++, keys++) {
      const char *names[] = { key->name, key->alias };
      for (int i = 0; i < 2 && names[i] != NULL; i++) {
        const char *value = key->fallback != NULL ? key->fallback : right[key->type];
        g_autofree char *fine = pair_text (section, names[i], value);
        g_autofree char *bad = pair_text (section, names[i], wrong[key->type]);
        g_autofree char *date = pair_text (section, names[i], "2026-01-01");
        g_autoptr (GPtrArray) warnings = new_warnings ();
        g_autoptr (kata_config) config G_GNUC_UNUSED = parse (fine, warnings);
        ck_assert_msg (warnings->len == (key->offset == KATA_KEY_UNUSED), "%s", fine);
        ck_assert (!warned (warnings, "unknown"));
        refused (bad, KATA_E_CONFIG, names[i]);
        refused (date, KATA_E_CONFIG, names[i]);
      }
    }
  printf ("%d keys\n", keys);
  ck_assert_int_gt (keys, 170);
}
END_TEST

START_TEST (truncated_at_every_byte)
{
  const char *texts[] = { go_text, rust_text };
  for (int i = 0; i < 2; i++)
    for (size_t len = 0; len <= strlen (texts[i]); len++) {
      g_autoptr (kata_config) config = NULL;
      g_autoptr (kata_error) err = NULL;
      g_autofree char *part = g_malloc (len > 0 ? len : 1); /* of exact size, so that a sanitizer sees a read past it */
      memcpy (part, texts[i], len);
      int r = kata_config__parse (&config, "x.toml", part, len, NULL, &err);
      ck_assert ((r == 0) == (config != NULL) && (r == 0) == (err == NULL));
      ck_assert (r == 0 || r == KATA_E_CONFIG);
    }
}
END_TEST

START_TEST (hostile_size)
{
  g_autoptr (GString) deep = g_string_new ("a = ");
  g_autofree char *large = g_strnfill (KATA_CONFIG_BYTES_MAX + 1, '\n');
  for (int i = 0; i < 10000; i++)
    g_string_append_c (deep, '[');
  refused (deep->str, KATA_E_LIMIT, "deeper than 16");
  refused (large, KATA_E_LIMIT, "more than 1048576 bytes");
  g_autoptr (GString) many = g_string_new ("a = [");
  for (int i = 0; i < 30000; i++)
    g_string_append (many, "1,");
  g_string_append (many, "]");
  refused (many->str, KATA_E_LIMIT, "values");
  refused ("[hypervisor.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]", KATA_E_LIMIT, "1 to 32 characters");
  refused ("[hypervisor.\"\"]", KATA_E_LIMIT, "1 to 32 characters");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("config/text");
  TCase *tests = tcase_create ("text");
  tcase_set_timeout (tests, 60);
  tcase_add_test (tests, go_dialect);
  tcase_add_test (tests, rust_dialect);
  tcase_add_test (tests, nothing_given);
  tcase_add_test (tests, several_hypervisors);
  tcase_add_test (tests, wrong_values);
  tcase_add_test (tests, error_has_its_key);
  tcase_add_test (tests, unknown_keys);
  tcase_add_test (tests, warnings_are_bounded);
  tcase_add_test (tests, every_key_right_and_wrong);
  tcase_add_test (tests, truncated_at_every_byte);
  tcase_add_test (tests, hostile_size);
  suite_add_tcase (suite, tests);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
