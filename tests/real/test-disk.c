/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-disk: a disk comes to a guest that runs, a container lives on it, and it goes again; the host's file is closed. Arguments: HYPERVISOR CONFIG. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-glib/json-glib.h>

#include "image.h"

static bool in_order; /* the guest has no serial numbers of disks */

static bool
process_has (const char *pid, const char *path)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%s/fd", pid);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    /* By what it is: in a jail it has another name. */
    g_autofree char *entry = g_build_filename (folder, name, NULL);
    struct stat wanted, open;
    if (stat (path, &wanted) == 0 && stat (entry, &open) == 0 && wanted.st_dev == open.st_dev &&
        wanted.st_ino == open.st_ino)
      return true;
  }
  return false;
}

/* Of the machine's processes on the host. */
static bool
machine_has (kata_sandbox *sandbox, const char *path)
{
  char *json = NULL;
  bool found = false;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  g_autoptr (JsonNode) root = json_from_string (json, NULL);
  JsonArray *pids = json_object_get_array_member (json_node_get_object (root), "pids");
  ck_assert_uint_ge (json_array_get_length (pids), 1);
  for (guint i = 0; i < json_array_get_length (pids); i++) {
    g_autofree char *pid = g_strdup_printf ("%d", (int) json_array_get_int_element (pids, i));
    found = found || process_has (pid, path);
  }
  kata_free (json);
  return found;
}

static void
add (kata_sandbox *sandbox, const char *id, const char *path, uint32_t flags)
{
  const kata_disk disk = { sizeof disk, id, path, flags };
  kata_error *error = NULL;
  ck_ok (kata_sandbox_add_disk (sandbox, &disk, LIFE_MS, &error), error);
  ck_assert (machine_has (sandbox, path));
}

static void
take_out (kata_sandbox *sandbox, const char *id, const char *path)
{
  kata_error *error = NULL;
  ck_ok (kata_sandbox_remove_disk (sandbox, id, LIFE_MS, &error), error);
  ck_assert (!machine_has (sandbox, path));
}

START_TEST (comes_and_goes)
{
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  kata_error *error = NULL;
  g_autofree char *image = real_image ("image"), *other = real_image ("other");
  add (sandbox, "data", image, 0);
  add (sandbox, "other", other, KATA_DISK_READONLY);
  g_autofree char *said = real_run_on (sandbox, "data", "cat /mark; echo changed >/mark; cat /sys/block/*/serial");
  ck_assert_msg (g_str_has_prefix (said, "from the disk\n"), "%s", said);
  ck_assert_msg (in_order || (strstr (said, "data") != NULL && strstr (said, "other") != NULL), "%s", said);
  g_autofree char *readonly = real_run_on (sandbox, "other", "cat /mark; echo x 2>/dev/null >/mark || echo refused");
  ck_assert_str_eq (readonly, "from the disk\nrefused\n");
  take_out (sandbox, "data", image);
  ck_assert (machine_has (sandbox, other));
  /* What was written is there when it comes again, under another name and from another handle. */
  kata_sandbox *again = NULL;
  ck_ok (kata_sandbox_open (&again, runtime, "s", &error), error);
  add (again, "renamed", image, 0);
  g_autofree char *kept = real_run_on (again, "renamed", "cat /mark");
  ck_assert_str_eq (kept, "changed\n");
  take_out (again, "renamed", image);
  take_out (again, "other", other);
  kata_sandbox_unref (again);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "disk", LIFE_MS / 1000 * 2, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, comes_and_goes);
  return suite;
}

int
main (int argc, char **argv)
{
  if (!real_image_possible ())
    return 77;
  in_order = argc == 3 && strcmp (argv[1], "fc") == 0;
  g_autofree char *why = argc == 3 ? life_over (argv[1], argv[2]) : g_strdup ("which hypervisor, which configuration?");
  if (why != NULL) {
    printf ("SKIP: %s\n", why);
    return 77;
  }
  return bed_run (make);
}
