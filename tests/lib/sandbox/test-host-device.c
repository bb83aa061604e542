/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-host-device: a group's file becomes the functions in it, over a host made of files. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/pci.h"
#include "sandbox/host-device.h"

static char *root;

static void
function (const char *address, const char *class, int group)
{
  g_autofree char *dir = g_strdup_printf ("%s" KATA_PCI_DEVICES "/%s", root, address);
  g_autofree char *kind = g_strconcat (dir, "/class", NULL), *link = g_strconcat (dir, "/iommu_group", NULL);
  g_autofree char *target = g_strdup_printf ("../groups/%d", group);
  g_autofree char *members = g_strdup_printf ("%s/sys/kernel/iommu_groups/%d/devices", root, group);
  g_autofree char *member = g_strconcat (members, "/", address, NULL);
  ck_assert (g_mkdir_with_parents (dir, 0700) == 0 && g_mkdir_with_parents (members, 0700) == 0);
  ck_assert (g_file_set_contents (kind, class, -1, NULL));
  ck_assert (symlink (target, link) == 0 && symlink ("x", member) == 0);
}

START_TEST (groups)
{
  root = g_dir_make_tmp ("kata-groups-XXXXXX", NULL);
  function ("0000:00:1c.0", "0x060400\n", 12);
  function ("0000:01:00.0", "0x010802\n", 12);
  function ("0000:01:00.1", "0x0c0330\n", 12);
  function ("0000:02:00.0", "0x020000\n", 3);
  function ("0000:03:00.0", "0x060400\n", 4);
  const kata_host_device group = { sizeof group, "id", "/dev/vfio/12", 0 }, odd = { sizeof odd, NULL, "nvme", 0 };
  const kata_host_device card = { sizeof card, "card", "02:00.0", 0 }, none = { sizeof none, NULL, "/dev/vfio/7", 0 };
  const kata_host_device bridge = { sizeof bridge, NULL, "/dev/vfio/4", 0 };
  const kata_host_device *const devices[] = { &card, &group, &odd, NULL }, *one[] = { &none, NULL };
  const kata_host_device *const *out = NULL;
  const int64_t *numbers = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_sandbox__host_devices (&out, &numbers, arena, root, devices, NULL), 0);
  ck_assert_str_eq (out[0]->id, "card");
  ck_assert_str_eq (out[0]->address, "02:00.0");
  ck_assert_ptr_null (out[1]->id);
  ck_assert_str_eq (out[1]->address, "0000:01:00.0");
  ck_assert_str_eq (out[2]->address, "0000:01:00.1");
  ck_assert_str_eq (out[3]->address, "nvme");
  ck_assert_ptr_null (out[4]);
  ck_assert (numbers[0] == 3 && numbers[1] == 12 && numbers[2] == 12 && numbers[3] == -1);
  ck_assert_int_eq (kata_sandbox__host_devices (&out, &numbers, arena, root, one, &error), KATA_E_NOT_FOUND);
  ck_assert_str_eq (kata_error_get_key (error), "/dev/vfio/7");
  one[0] = &bridge;
  ck_assert_int_eq (kata_sandbox__host_devices (&out, &numbers, arena, root, one, NULL), KATA_E_NOT_FOUND);
  ck_assert_int_eq (kata_sandbox__host_devices (&out, &numbers, arena, root, NULL, NULL), 0);
  ck_assert_ptr_null (out[0]);
  const char *const argv[] = { "rm", "-r", root, NULL };
  ck_assert (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  g_free (root);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sandbox/host-device");
  TCase *tcase = tcase_create ("host-device");
  tcase_add_test (tcase, groups);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
