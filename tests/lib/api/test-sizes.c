/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-sizes: structs of older and newer programs, told apart by their size field; through the public functions alone. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

#include <kata/kata.h>

#include "api/argument.h"

#define MORE 16u /* bytes that a newer program's struct has */

static char *state_dir;
static kata_runtime *runtime;
static kata_sandbox
    *sandbox; /* CREATED: what is asked of its containers fails with KATA_E_STATE, after the arguments were looked at */

static void
setup (void)
{
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  kata_sandbox_options small = KATA_SANDBOX_OPTIONS_INIT;
  g_autoptr (kata_error) error = NULL;
  state_dir = g_dir_make_tmp ("kata-sizes-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (state_dir, "configuration.toml", NULL);
  ck_assert (g_file_set_contents (path, "", 0, NULL));
  options.state_dir = state_dir;
  options.config_path = path;
  options.hypervisor = "null";
  small.id = "s";
  ck_assert_msg (kata_runtime_new (&runtime, &options, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_msg (kata_sandbox_create (&sandbox, runtime, &small, &error) == 0, "%s", kata_error_get_message (error));
}

static void
teardown (void)
{
  const char *const args[] = { "rm", "-rf", state_dir, NULL };
  ck_assert_int_eq (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, NULL), 0);
  sandbox = kata_sandbox_unref (sandbox);
  runtime = kata_runtime_unref (runtime);
  ck_assert (g_spawn_sync (NULL, (char **) args, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  g_free (state_dir);
}

static int
ask_runtime (const void *options)
{
  kata_runtime *made = NULL;
  int r = kata_runtime_new (&made, options, NULL);
  kata_runtime_unref (made);
  return r;
}

static int
ask_sandbox (const void *options)
{
  char *json = NULL;
  int r = kata_sandbox_plan (&json, runtime, options, NULL);
  kata_free (json);
  return r;
}

static int
ask_disk (const void *disk)
{
  const kata_disk *const disks[] = { disk, NULL };
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *made = NULL;
  options.disks = disks;
  int r = kata_sandbox_create (&made, runtime, &options, NULL);
  if (r == 0) /* nobody has looked for the disk yet */
    ck_assert_int_eq (kata_sandbox_delete (made, KATA_DELETE_FORCE, NULL), 0);
  kata_sandbox_unref (made);
  return r;
}

static int
ask_container (const void *options)
{
  kata_container *made = NULL;
  int r = kata_container_create (&made, sandbox, options, 0, NULL);
  return r == KATA_E_STATE ? 0 : r;
}

static int
ask_volume (const void *volume)
{
  const kata_volume *const volumes[] = { volume, NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.volumes = volumes;
  return ask_container (&options);
}

static const kata_runtime_options runtime_init = KATA_RUNTIME_OPTIONS_INIT;
static const kata_sandbox_options sandbox_init = KATA_SANDBOX_OPTIONS_INIT;
static const kata_container_options container_init = KATA_CONTAINER_OPTIONS_INIT;
static const kata_disk disk_init = { sizeof (kata_disk), "d", "/nonexistent/disk", 0 };
static const kata_volume volume_init = { sizeof (kata_volume), "/", "/v", 0 };

static const struct {
  const char *name;
  const void *init;
  size_t known, first; /* today's size, the first release's */
  int (*ask) (const void *options);
} structs[] = {
  { "kata_runtime_options", &runtime_init, sizeof runtime_init, KATA_SIZE_TO (kata_runtime_options, hypervisor),
    ask_runtime },
  { "kata_sandbox_options", &sandbox_init, sizeof sandbox_init, KATA_SIZE_TO (kata_sandbox_options, network),
    ask_sandbox },
  { "kata_disk", &disk_init, sizeof disk_init, KATA_SIZE_TO (kata_disk, flags), ask_disk },
  { "kata_container_options", &container_init, sizeof container_init, KATA_SIZE_TO (kata_container_options, columns),
    ask_container },
  { "kata_volume", &volume_init, sizeof volume_init, KATA_SIZE_TO (kata_volume, flags), ask_volume },
};

START_TEST (taken)
{
  size_t known = structs[_i].known, size;
  unsigned char *bytes = g_malloc0 (known + MORE);
  const size_t good[] = { structs[_i].first, known, known + 1, known + MORE };
  const size_t bad[] = { 0, 1, sizeof (size_t), structs[_i].first - 1, 4097, SIZE_MAX };
  memcpy (bytes, structs[_i].init, known);
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++) {
    size = good[i];
    memcpy (bytes, &size, sizeof size);
    int r = structs[_i].ask (bytes);
    ck_assert_msg (r == 0, "%s with %zu of %zu bytes: %d", structs[_i].name, size, known, r);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    size = bad[i];
    memcpy (bytes, &size, sizeof size);
    int r = structs[_i].ask (bytes);
    ck_assert_msg (r == KATA_E_INVALID, "%s with %zu of %zu bytes: %d", structs[_i].name, size, known, r);
  }
  /* Something was asked for that this library does not know: not dropped in silence. */
  size = known + MORE;
  memcpy (bytes, &size, sizeof size);
  for (size_t at = known; at < size; at++) {
    bytes[at] = 1;
    ck_assert_int_eq (structs[_i].ask (bytes), KATA_E_INVALID);
    bytes[at] = 0;
  }
  /* Beyond a smaller size nothing is read. */
  memset (bytes + known, 0xff, MORE);
  memcpy (bytes, &known, sizeof known);
  ck_assert_int_eq (structs[_i].ask (bytes), 0);
  g_free (bytes);
}
END_TEST

static const char config_json[] =
    "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/\"},\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}";

/* What the library fills: a larger struct's rest is left alone, a smaller one is refused. */
START_TEST (filled)
{
  struct {
    kata_placement known;
    unsigned char more[MORE];
  } *placement = g_new0 (__typeof__ (*placement), 1);
  memset (placement->more, 0xa5, MORE);
  placement->known.size = sizeof *placement;
  ck_assert_int_eq (kata_placement_read (&placement->known, config_json, "c", NULL), 0);
  ck_assert_uint_eq (placement->known.size, sizeof *placement);
  ck_assert_int_eq (placement->known.role, KATA_PLACEMENT_SINGLE);
  ck_assert_uint_eq (placement->more[0], 0xa5);
  placement->known.size = KATA_SIZE_TO (kata_placement, cgroup) - 1;
  ck_assert_int_eq (kata_placement_read (&placement->known, config_json, "c", NULL), KATA_E_INVALID);
  g_free (placement);
  kata_event event = KATA_EVENT_INIT;
  ck_assert_int_eq (kata_sandbox_next_event (sandbox, &event, 0, NULL), 0);
  event.size = KATA_SIZE_TO (kata_event, container_id) - 1;
  ck_assert_int_eq (kata_sandbox_next_event (sandbox, &event, 0, NULL), KATA_E_INVALID);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("api/sizes");
  TCase *tcase = tcase_create ("sizes");
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, taken, 0, (int) G_N_ELEMENTS (structs));
  tcase_add_test (tcase, filled);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
