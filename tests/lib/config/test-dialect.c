/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-dialect: files in Kata's dialect with every key that Kata's own files have: each is acted on or named in a warning, and none is unknown. */
#include <check.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/load.h"
#include "config/store.h"

static const char *const files[] = { "clh", "firecracker", "qemu", "stratovirt", "dragonball", "openvmm", "remote" };

static char *
read_whole (const char *name, size_t *len)
{
  g_autofree char *path = g_strdup_printf ("%s/%s.toml", getenv ("KATA_TEST_DIALECT"), name);
  char *text = NULL;
  ck_assert_msg (g_file_get_contents (path, &text, len, NULL), "%s cannot be read", path);
  return text;
}

/* As a word of a warning about @heading: "hypervisor.clh.rootless: …" or ", rootless, …". */
static bool
is_named (GPtrArray *warnings, const char *heading, const char *key)
{
  for (guint i = 0; i < warnings->len; i++) {
    const char *text = warnings->pdata[i];
    size_t len = strlen (key);
    if (strstr (text, heading) == NULL)
      continue;
    for (const char *at = strstr (text, key); at != NULL; at = strstr (at + 1, key))
      if (strchr (". ", at[-1]) != NULL && strchr (":, ", at[len]) != NULL)
        return true;
  }
  return false;
}

static enum kata_key_section
section_of (const char *heading)
{
  if (g_str_has_suffix (heading, "factory"))
    return KATA_KEY_FACTORY;
  if (g_str_has_prefix (heading, "hypervisor."))
    return KATA_KEY_HYPERVISOR;
  if (strcmp (heading, "runtime") == 0)
    return KATA_KEY_RUNTIME;
  return strcmp (heading, "agent.kata") == 0 ? KATA_KEY_AGENT : KATA_KEY_MEM_AGENT;
}

static bool
is_acted_on (const char *heading, const char *key)
{
  static const char *const lacking[] = { "dragonball", "openvmm", "remote", NULL };
  const struct kata_key *row = kata_store__find (section_of (heading), key);
  ck_assert_msg (row != NULL, "%s.%s: no such key", heading, key);
  if (row->offset == KATA_KEY_UNUSED)
    return false;
  if (section_of (heading) != KATA_KEY_HYPERVISOR)
    return true;
  const char *name = kata_config__canonical_name (heading + strlen ("hypervisor."));
  return !g_strv_contains (lacking, name) && kata_keys__acts (name, row);
}

/* The files are one key a line. */
START_TEST (each_key_counts_or_is_named)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *heading = g_strdup ("");
  kata_config *config = NULL;
  kata_error *error = NULL;
  size_t len = 0;
  int acted = 0, named = 0;
  g_autofree char *text = read_whole (files[_i], &len);
  int r = kata_config__parse (&config, files[_i], text, len, warnings, &error);
  ck_assert_msg (r == 0, "%s", kata_error_get_message (error));
  for (guint i = 0; i < warnings->len; i++)
    ck_assert_msg (strstr (warnings->pdata[i], "unknown") == NULL, "%s", (char *) warnings->pdata[i]);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    if (**line == '[') {
      g_free (heading);
      heading = g_strndup (*line + 1, strcspn (*line, "]") - 1);
      continue;
    }
    g_autofree char *key = g_strndup (*line, strcspn (*line, " "));
    if (!isalpha ((unsigned char) **line) || strstr (heading, "guest_extension_images") != NULL)
      continue;
    if (is_acted_on (heading, key))
      acted++;
    else if (is_named (warnings, g_str_has_suffix (heading, ".factory") ? "factory" : heading, key))
      named++;
    else
      ck_abort_msg ("%s: %s.%s is neither acted on nor named in a warning", files[_i], heading, key);
  }
  printf ("%s: %d keys acted on, %d named in %u warnings\n", files[_i], acted, named, warnings->len);
  ck_assert_int_ge (acted + named, 30);
  kata_config__unref (config);
}
END_TEST

START_TEST (passed_over_by_one)
{
  static const char text[] = "[hypervisor.clh]\nmsize_9p = 8192\ndisable_vhost_net = false\nnum_queues = 2\n"
                             "[hypervisor.acrn]\ndisable_vhost_net = true\n"
                             "[hypervisor.fc]\nenable_virtio_mem = true\n[hypervisor.builtin]\ndisk_ports = 2\n";
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  kata_config *config = NULL;
  ck_assert_int_eq (kata_config__parse (&config, "f", text, strlen (text), warnings, NULL), 0);
  ck_assert_uint_eq (warnings->len, 4);
  ck_assert_str_eq (warnings->pdata[0], "f:2: hypervisor.clh.msize_9p: hypervisor clh passes this key over");
  ck_assert (is_named (warnings, "hypervisor.clh", "disable_vhost_net"));
  ck_assert (!is_named (warnings, "hypervisor.clh", "num_queues"));
  ck_assert (!is_named (warnings, "hypervisor.acrn", "disable_vhost_net"));
  ck_assert (is_named (warnings, "hypervisor.fc", "enable_virtio_mem"));
  ck_assert (is_named (warnings, "hypervisor.builtin", "disk_ports"));
  kata_config__unref (config);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("config/dialect");
  TCase *tcase = tcase_create ("dialect");
  tcase_add_loop_test (tcase, each_key_counts_or_is_named, 0, (int) G_N_ELEMENTS (files));
  tcase_add_test (tcase, passed_over_by_one);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
