/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-vfio: PCI addresses, and hosts made of files: what keeps a device from a guest, and what is said about it. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "host/pci.h"
#include "host/vfio.h"

#define DISK "0000:01:00.0"

static char *root;

static void
put (const char *path, const char *text)
{
  g_autofree char *full = g_strconcat (root, path, NULL), *dir = g_path_get_dirname (full);
  ck_assert_int_eq (g_mkdir_with_parents (dir, 0700), 0);
  ck_assert (g_file_set_contents (full, text, -1, NULL));
}

static void
point (const char *path, const char *target)
{
  g_autofree char *full = g_strconcat (root, path, NULL), *dir = g_path_get_dirname (full);
  ck_assert_int_eq (g_mkdir_with_parents (dir, 0700), 0);
  unlink (full);
  ck_assert_int_eq (symlink (target, full), 0);
}

static void
forget (const char *path)
{
  g_autofree char *full = g_strconcat (root, path, NULL);
  ck_assert_int_eq (unlink (full), 0);
}

/* @driver, @group: NULL = none. */
static void
function (const char *address, const char *class, const char *driver, const char *group)
{
  g_autofree char *dir = g_strdup_printf (KATA_PCI_DEVICES "/%s", address);
  g_autofree char *kind = g_strconcat (dir, "/class", NULL), *link = g_strconcat (dir, "/driver", NULL);
  g_autofree char *where = g_strconcat (dir, "/iommu_group", NULL);
  put (kind, class);
  if (driver != NULL) {
    g_autofree char *target = g_strconcat ("../../../../bus/pci/drivers/", driver, NULL);
    point (link, target);
  }
  if (group == NULL)
    return;
  g_autofree char *target = g_strconcat ("../../../../kernel/iommu_groups/", group, NULL);
  g_autofree char *member = g_strdup_printf ("/sys/kernel/iommu_groups/%s/devices/%s", group, address);
  g_autofree char *file = g_strconcat ("/dev/vfio/", group, NULL);
  point (where, target);
  point (member, "x");
  put (file, "");
}

static void
set_up (void)
{
  root = g_dir_make_tmp ("kata-vfio-XXXXXX", NULL);
  put (KATA_VFIO_CONTAINER, "");
  function (DISK, "0x010802\n", "vfio-pci", "12");
}

static void
tear_down (void)
{
  const char *const argv[] = { "rm", "-r", root, NULL };
  ck_assert (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  g_free (root);
}

static int
check_at (const char *address, uint64_t mib, kata_error **err)
{
  return kata_vfio__check (root, &address, 1, mib, err);
}

static void
fine (const char *address)
{
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (check_at (address, 256, &error) == 0, "%s", kata_error_get_message (error));
}

static void
refused (const char *address, int code, const char *text)
{
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (check_at (address, 256, &error), code);
  ck_assert_str_eq (kata_error_get_key (error), address);
  ck_assert_msg (strstr (kata_error_get_message (error), text) != NULL, "%s", kata_error_get_message (error));
}

START_TEST (addresses)
{
  static const struct {
    const char *text, *address;
  } rows[] = { { "0000:01:00.0", "0000:01:00.0" },
               { "01:00.0", "0000:01:00.0" },
               { "0000:AF:1f.7", "0000:af:1f.7" },
               { "10000:E1:00.0", "10000:e1:00.0" },
               { "FFFFFFFF:ff:1f.7", "ffffffff:ff:1f.7" },
               { "123456789:01:00.0", NULL },
               { "000:01:00.0", NULL },
               { "0000:01:20.0", NULL },
               { "0000:01:00.8", NULL },
               { "0000:01:00.", NULL },
               { "0000:01:00.0,x", NULL },
               { "0000:01:00.0 ", NULL },
               { " 01:00.0", NULL },
               { "1:0.0", NULL },
               { "nvme0", NULL },
               { "", NULL },
               { NULL, NULL } };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    char out[KATA_PCI_ADDRESS_MAX + 1] = "untouched";
    bool ok = kata_pci__parse (out, rows[i].text);
    ck_assert_msg (ok == (rows[i].address != NULL), "%s", rows[i].text);
    ck_assert_str_eq (out, ok ? rows[i].address : "untouched");
  }
}
END_TEST

START_TEST (files_of_groups)
{
  ck_assert_int_eq (kata_pci__group_of_file ("/dev/vfio/12"), 12);
  ck_assert_int_eq (kata_pci__group_of_file ("/dev/vfio/0"), 0);
  static const char *const others[] = {
    "/dev/vfio/vfio", "/dev/vfio/", "/dev/vfio/1x", "/dev/vfio/-1", "0000:01:00.0", "/dev/vfio/99999999999", NULL
  };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    ck_assert_int_eq (kata_pci__group_of_file (others[i]), -1);
}
END_TEST

START_TEST (looks)
{
  function ("0000:01:00.1", "0x0c0330\n", NULL, "12");
  g_autoptr (GPtrArray) members = kata_pci__members (root, 12), none = kata_pci__members (root, 13);
  ck_assert_uint_eq (members->len, 2);
  ck_assert_str_eq (members->pdata[1], "0000:01:00.1");
  ck_assert_uint_eq (none->len, 0);
  ck_assert_int_eq (kata_pci__group (root, DISK), 12);
  ck_assert_int_eq (kata_pci__group (root, "0000:7f:00.0"), -1);
  ck_assert_ptr_null (kata_pci__driver (root, "0000:01:00.1"));
  ck_assert (!kata_pci__is_bridge (root, DISK));
  point (KATA_PCI_DEVICES "/" DISK "/iommu_group", "groups/none");
  ck_assert_int_eq (kata_pci__group (root, DISK), -1);
  point (KATA_PCI_DEVICES "/" DISK "/iommu_group", "groups/99999999999");
  ck_assert_int_eq (kata_pci__group (root, DISK), -1);
}
END_TEST

START_TEST (drivers)
{
  fine (DISK);
  function (DISK, "0x010802\n", "mlx5_vfio_pci", "12");
  fine (DISK);
  function (DISK, "0x010802\n", "nvme", "12");
  refused (DISK, KATA_E_HOST, "is bound to nvme, not to vfio-pci");
  refused (DISK, KATA_E_HOST, "echo 0000:01:00.0 > /sys/bus/pci/devices/0000:01:00.0/driver/unbind;");
  refused (DISK, KATA_E_HOST, "echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override;");
  refused (DISK, KATA_E_HOST, "driverctl set-override 0000:01:00.0 vfio-pci");
  forget (KATA_PCI_DEVICES "/" DISK "/driver");
  refused (DISK, KATA_E_HOST, "is bound to no driver, not to vfio-pci");
}
END_TEST

START_TEST (groups)
{
  function ("0000:00:1c.0", "0x060400\n", "pcieport", "12"); /* a port is no obstacle */
  function ("0000:01:00.1", "0x0c0330\n", NULL, "12");
  function ("0000:01:00.2", "0x0c0330\n", "pci-stub", "12");
  fine (DISK);
  function ("0000:01:00.3", "0x040300\n", "snd_hda_intel", "12");
  refused (DISK, KATA_E_HOST, "its IOMMU group 12 also has 0000:01:00.3, which snd_hda_intel drives");
  refused (DISK, KATA_E_HOST, "driverctl set-override 0000:01:00.3 vfio-pci");
  function ("0000:01:00.3", "0x040300\n", "vfio-pci", "12");
  fine (DISK);
  refused ("0000:00:1c.0", KATA_E_INVALID, "is a bridge");
  refused ("0000:02:00.0", KATA_E_NOT_FOUND, "no such PCI function");
  function ("0000:02:00.0", "0x010802\n", "vfio-pci", NULL);
  refused ("0000:02:00.0", KATA_E_HOST, "has no IOMMU group");
}
END_TEST

START_TEST (files)
{
  forget ("/dev/vfio/12");
  refused (DISK, KATA_E_HOST, "/dev/vfio/12");
  forget (KATA_VFIO_CONTAINER);
  refused (DISK, KATA_E_HOST, "load the module vfio-pci");
  char reason[256];
  ck_assert (!kata_vfio__usable (root, reason, sizeof reason));
  ck_assert_ptr_nonnull (strstr (reason, KATA_VFIO_CONTAINER));
  ck_assert_int_eq (kata_vfio__check (root, NULL, 0, 256, NULL), 0); /* who wants none needs nothing */
}
END_TEST

/* What somebody who is not root is told. */
static int
told (const char *part)
{
  const char *address = DISK;
  pid_t child = fork ();
  if (child == 0) {
    kata_error *error = NULL;
    if (setgid (65534) != 0 || setuid (65534) != 0)
      _exit (100);
    int code = kata_vfio__check (root, &address, 1, 256, &error);
    _exit (part != NULL && strstr (kata_error_get_message (error), part) == NULL ? 101 : -code);
  }
  int status = -1;
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert (WIFEXITED (status));
  return -WEXITSTATUS (status);
}

/* In a process of its own, as check runs each test. */
START_TEST (rights)
{
  const struct rlimit little = { 4 << 20, 4 << 20 }, enough = { (rlim_t) 512 << 20, (rlim_t) 512 << 20 };
  g_autofree char *group = g_strconcat (root, "/dev/vfio/12", NULL);
  const char *const open_up[] = { "chmod", "-R", "a+rwX", root, NULL };
  if (geteuid () != 0)
    return;
  ck_assert (g_spawn_sync (NULL, (char **) open_up, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  if (setrlimit (RLIMIT_MEMLOCK, &enough) == 0)
    ck_assert_int_eq (told (NULL), 0);
  ck_assert_int_eq (setrlimit (RLIMIT_MEMLOCK, &little), 0);
  ck_assert_int_eq (told ("allow 512 (LimitMEMLOCK="), KATA_E_HOST);
  ck_assert_int_eq (chmod (group, 0600), 0);
  ck_assert_int_eq (told ("needs root, or rights"), KATA_E_PERMISSION);
}
END_TEST

/* A VMM that runs: another process, with the limit that it was started with. */
static pid_t
run_vmm (bool small)
{
  const struct rlimit little = { 4 << 20, 4 << 20 };
  int ready[2];
  char byte;
  ck_assert_int_eq (pipe (ready), 0);
  pid_t child = fork ();
  if (child == 0) {
    bool ok = !small || (setrlimit (RLIMIT_MEMLOCK, &little) == 0 && setgid (65534) == 0 && setuid (65534) == 0);
    _exit (!ok || write (ready[1], "", 1) != 1 || pause () != 0);
  }
  close (ready[1]);
  ck_assert_int_eq (read (ready[0], &byte, 1), 1);
  close (ready[0]);
  return child;
}

START_TEST (late)
{
  kata_error *error = NULL;
  struct kata_vfio_machine machine = { .pid = run_vmm (false), .memory_mib = 256 };
  ck_assert_int_eq (kata_vfio__check_late (root, DISK, &machine, NULL), 0);
  kill ((pid_t) machine.pid, SIGKILL);
  waitpid ((pid_t) machine.pid, NULL, 0);
  machine.pid = 0;
  forget ("/dev/vfio/12");
  ck_assert_int_eq (kata_vfio__check_late (root, DISK, &machine, NULL), KATA_E_HOST);
  machine.has_group = true; /* by this machine: nobody else could open it either */
  ck_assert_int_eq (kata_vfio__check_late (root, DISK, &machine, NULL), 0);
  if (geteuid () == 0) {
    machine.pid = run_vmm (true);
    ck_assert_int_eq (kata_vfio__check_late (root, DISK, &machine, &error), KATA_E_HOST);
    ck_assert_ptr_nonnull (
        strstr (kata_error_get_message (error), "the virtual machine's process may lock 4 MiB only (RLIMIT_MEMLOCK)"));
    kata_error_unrefp (&error);
    kill ((pid_t) machine.pid, SIGKILL);
    waitpid ((pid_t) machine.pid, NULL, 0);
  }
  forget (KATA_VFIO_CONTAINER);
  ck_assert_int_eq (kata_vfio__check_late (root, DISK, &machine, &error), KATA_E_HOST);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "load the module vfio-pci"));
  kata_error_unref (error);
}
END_TEST

START_TEST (holds)
{
  g_autofree char *group = g_strconcat (root, "/dev/vfio/12", NULL);
  ck_assert (!kata_vfio__holds (root, getpid (), 12));
  int fd = open (group, O_RDWR | O_CLOEXEC);
  ck_assert_int_ge (fd, 0);
  ck_assert (kata_vfio__holds (root, getpid (), 12));
  ck_assert (!kata_vfio__holds (root, getpid (), 1));
  close (fd);
  ck_assert (!kata_vfio__holds (root, getpid (), 12));
  ck_assert (!kata_vfio__holds (root, 999999999, 12)); /* cannot be looked at */
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("host/vfio");
  TCase *tcase = tcase_create ("vfio");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, addresses);
  tcase_add_test (tcase, files_of_groups);
  tcase_add_test (tcase, looks);
  tcase_add_test (tcase, drivers);
  tcase_add_test (tcase, groups);
  tcase_add_test (tcase, files);
  tcase_add_test (tcase, rights);
  tcase_add_test (tcase, late);
  tcase_add_test (tcase, holds);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
