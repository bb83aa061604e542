/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-snapshot: a paused sandbox goes into a directory and comes back; failures and deaths on both ways leave nothing; nothing there is believed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "fixture.h"

#define NONE      "shared_fs = \"none\"\n"
#define STEPS_MAX 100

static char *dir, *image;

static bool
over_null (void)
{
  return g_getenv ("KATA_TESTS_FAKE") == NULL;
}

static void
setup (void)
{
  fixture_setup ();
  fixture_disk_guest ();
  fixture_configure (NONE);
  dir = g_build_filename (life->dir, "snapshot", NULL);
  image = g_build_filename (life->dir, "image", NULL);
  ck_assert (g_file_set_contents (image, "an image", -1, NULL));
  ck_assert_int_eq (g_mkdir (dir, 0700), 0);
}

static void
teardown (void)
{
  g_free (dir);
  g_free (image);
  fixture_teardown ();
}

/* The options that a sandbox with the disk is made with. */
static kata_sandbox_options *
options (void)
{
  static kata_disk disk;
  static const kata_disk *disks[] = { &disk, NULL };
  static kata_sandbox_options out;
  disk = (kata_disk){ .size = sizeof disk, .id = "root", .path = image, .flags = KATA_DISK_READONLY };
  out = (kata_sandbox_options) KATA_SANDBOX_OPTIONS_INIT;
  out.disks = disks;
  return &out;
}

/* Makes one, snapshots it, deletes it. */
static void
keep (void)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_cat (NULL, image);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_snapshot (sandbox, dir, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_PAUSED);
  fixture_end (sandbox);
}

static bool
is_empty (const char *path)
{
  GDir *entries = g_dir_open (path, 0, NULL);
  ck_assert_ptr_nonnull (entries);
  bool empty = g_dir_read_name (entries) == NULL;
  g_dir_close (entries);
  return empty;
}

/* Fails with @code (0 = any), names no sandbox afterwards. */
static void
refused (int code, const char *what)
{
  kata_sandbox *sandbox = NULL;
  kata_error *error = NULL;
  char **ids = NULL;
  int r = kata_sandbox_restore (&sandbox, runtime, dir, options (), LIFE_MS, &error);
  ck_assert_msg (code == 0 ? r < 0 : r == code, "%s: %s: %s", what, kata_error_code_name (r),
                 error != NULL ? kata_error_get_message (error) : "");
  printf ("%s: %s\n", what, kata_error_get_message (error));
  ck_assert_ptr_null (sandbox);
  bed_failed (r, &error, what);
  ck_ok (kata_runtime_list (&ids, runtime, &error), error);
  ck_assert_ptr_null (ids[0]);
  kata_strv_free (ids);
}

static char *
below (const char *name)
{
  return g_build_filename (dir, name, NULL);
}

/* ---- there and back ---- */

START_TEST (there_and_back)
{
  static const char *const args[] = { "echo", "again", NULL };
  kata_exec_options exec = KATA_EXEC_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_error *error = NULL;
  struct stat st;
  int status = -1;
  keep ();
  g_autofree char *manifest = below ("kata.json");
  ck_assert_int_eq (g_stat (manifest, &st), 0);
  ck_assert_int_eq (st.st_mode & 0777, 0600);
  /* Twice: a snapshot stays what it is. */
  for (int i = 0; i < 2; i++) {
    ck_ok (kata_sandbox_restore (&sandbox, runtime, dir, options (), LIFE_MS, &error), error);
    ck_assert_str_eq (kata_sandbox_get_id (sandbox), "s");
    ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_PAUSED);
    ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
    ck_ok (kata_container_open (&container, sandbox, "c", &error), error);
    ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_RUNNING);
    exec.args = args;
    ck_ok (kata_container_exec (&process, container, &exec, LIFE_MS, &error), error);
    GString *said = life_read_all (process, KATA_STDOUT);
    ck_assert_str_eq (said->str, "again\n");
    g_string_free (said, TRUE);
    ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
    kata_process_unref (process);
    ck_ok (kata_container_kill (container, SIGKILL, 0, LIFE_MS, &error), error);
    ck_ok (kata_container_get_process (&process, container, &error), error);
    ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
    ck_assert_int_eq (status, 128 + SIGKILL);
    kata_process_unref (process);
    kata_container_unref (container);
    ck_ok (kata_sandbox_stop (sandbox, LIFE_MS, &error), error);
    fixture_end (sandbox);
  }
}
END_TEST

/* The directories of a container in an image, which is the snapshot's then. */
START_TEST (packed)
{
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_error *error = NULL;
  char *tool = g_find_program_in_path ("mkfs.erofs");
  g_free (tool);
  if (tool == NULL)
    return;
  sandbox = fixture_sandbox ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_ok (life_container (&container, sandbox, life, "c", "sleep 100", &error), error);
  kata_container_unref (container);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_snapshot (sandbox, dir, LIFE_MS, &error), error);
  fixture_end (sandbox);
  g_autofree char *pack = below ("pack-1");
  g_autofree char *back = g_build_filename (life->state_dir, "s", "kata-pack-0", NULL);
  ck_ok (kata_sandbox_restore (&sandbox, runtime, dir, NULL, LIFE_MS, &error), error);
  char first[2048] = "", second[2048] = "x";
  FILE *files[] = { fopen (pack, "r"), fopen (back, "r") };
  ck_assert (files[0] != NULL && files[1] != NULL);
  ck_assert_uint_eq (fread (first, 1, sizeof first, files[0]), sizeof first);
  ck_assert_uint_eq (fread (second, 1, sizeof second, files[1]), sizeof second);
  ck_assert_mem_eq (first, second, sizeof first);
  ck_assert_uint_ne ((unsigned char) first[1024], 0); /* EROFS begins there */
  fclose (files[0]);
  fclose (files[1]);
  fixture_end (sandbox);
}
END_TEST

/* ---- what cannot be ---- */

START_TEST (only_paused)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_cat (NULL, image);
  int r = kata_sandbox_snapshot (sandbox, dir, LIFE_MS, &error);
  ck_assert_int_eq (r, KATA_E_STATE);
  bed_failed (r, &error, "running");
  ck_assert (is_empty (dir));
  fixture_end (sandbox);
}
END_TEST

START_TEST (nothing_shared)
{
  kata_error *error = NULL;
  if (!over_null ())
    return;
  fixture_configure ("");
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  int r = kata_sandbox_snapshot (sandbox, dir, LIFE_MS, &error);
  ck_assert_int_eq (r, KATA_E_UNSUPPORTED);
  bed_failed (r, &error, "shared");
  ck_assert (is_empty (dir));
  fixture_end (sandbox);
}
END_TEST

START_TEST (only_a_good_directory)
{
  g_autofree char *link = g_build_filename (life->dir, "link", NULL), *file = below ("file");
  const char *const wrong[] = { "relative", link, image, "/nowhere/at/all" };
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_cat (NULL, image);
  ck_assert_int_eq (symlink (dir, link), 0);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    int r = kata_sandbox_snapshot (sandbox, wrong[i], LIFE_MS, &error);
    ck_assert_int_lt (r, 0);
    bed_failed (r, &error, wrong[i]);
  }
  ck_assert_int_eq (g_chmod (dir, 0777), 0);
  ck_assert_int_eq (kata_sandbox_snapshot (sandbox, dir, LIFE_MS, NULL), KATA_E_PERMISSION);
  ck_assert_int_eq (g_chmod (dir, 0700), 0);
  ck_assert (g_file_set_contents (file, "the caller's", -1, NULL));
  ck_assert_int_eq (kata_sandbox_snapshot (sandbox, dir, LIFE_MS, NULL), KATA_E_EXISTS);
  ck_assert_int_eq (g_access (file, F_OK), 0);
  fixture_end (sandbox);
}
END_TEST

START_TEST (only_a_free_id)
{
  kata_error *error = NULL;
  kata_sandbox *other = NULL;
  kata_sandbox *sandbox = fixture_cat (NULL, image);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_snapshot (sandbox, dir, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_sandbox_restore (&other, runtime, dir, options (), LIFE_MS, NULL), KATA_E_EXISTS);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_PAUSED);
  ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  fixture_end (sandbox);
  kata_sandbox_options *made = options ();
  made->id = "another";
  ck_assert_int_eq (kata_sandbox_restore (&other, runtime, dir, made, LIFE_MS, NULL), KATA_E_UNSUPPORTED);
  made = options ();
  made->vcpus = 2;
  ck_assert_int_eq (kata_sandbox_restore (&other, runtime, dir, made, LIFE_MS, NULL), KATA_E_UNSUPPORTED);
  ck_assert_int_eq (kata_sandbox_restore (&other, runtime, dir, NULL, LIFE_MS, NULL), KATA_E_UNSUPPORTED); /* no disk */
}
END_TEST

/* ---- what is not believed ---- */

static const struct {
  const char *file, *from, *to;
  int code;
} changes[] = {
  { "kata.json", NULL, "", KATA_E_CORRUPT },
  { "kata.json", NULL, "[[[[[[[[", KATA_E_CORRUPT },
  { "kata.json", NULL, "[]", KATA_E_CORRUPT },
  { "kata.json", NULL, "{\"format\":1}", KATA_E_CORRUPT },
  { "kata.json", "\"format\": 1", "\"format\": 2", KATA_E_UNSUPPORTED },
  { "kata.json", "\"format\": 1", "\"format\": -1", KATA_E_CORRUPT },
  { "kata.json", "\"libkata\": \"", "\"libkata\": \"9", KATA_E_UNSUPPORTED },
  { "kata.json", "\"hypervisor_version\": \"", "\"hypervisor_version\": \"9", KATA_E_UNSUPPORTED },
  { "kata.json", "\"hypervisor\": \"", "\"hypervisor\": \"no", KATA_E_CORRUPT },
  { "kata.json", "\"id\": \"s\"", "\"id\": \"../../s\"", KATA_E_CORRUPT },
  { "kata.json", "\"id\": \"s\"", "\"id\": \"t\"", KATA_E_CORRUPT },
  { "kata.json", "\"id\": \"s\"", "\"id\": 7", KATA_E_CORRUPT },
  { "state.json", NULL, "{}", KATA_E_CORRUPT },
  { "state.json", "\"state\":3", "\"state\":2", KATA_E_CORRUPT },
  { "state.json", "\"id\":\"c\"", "\"id\":\"../c\"", KATA_E_CORRUPT },
  { "state.json", "\"id\":\"c\"", "\"id\":\"d\"", 0 },
  { "state.json", "\"pack\":0", "\"pack\":4000000000", KATA_E_CORRUPT },
  { "state.json", "\"memory_mib\":", "\"memory_mib\":1", KATA_E_UNSUPPORTED },
  { "state.json", "/image\"", "/../../../etc/shadow\"", KATA_E_UNSUPPORTED },
};

START_TEST (changed)
{
  if (!over_null ()) /* the library's files are the same for all */
    return;
  g_autofree char *path = below (changes[_i].file), *text = NULL;
  keep ();
  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  GString *made = g_string_new (changes[_i].from != NULL ? text : changes[_i].to);
  if (changes[_i].from != NULL)
    ck_assert_msg (g_string_replace (made, changes[_i].from, changes[_i].to, 0) > 0, "no %s in %s", changes[_i].from,
                   text);
  ck_assert (g_file_set_contents (path, made->str, (gssize) made->len, NULL));
  g_string_free (made, TRUE);
  refused (changes[_i].code, changes[_i].to);
}
END_TEST

START_TEST (replaced)
{
  static const char *const names[] = { "kata.json", "state.json", "vm" };
  g_autofree char *target = below ("vm/target");
  keep ();
  ck_assert_int_eq (symlink ("/etc/passwd", target), 0);
  refused (KATA_E_CORRUPT, "a link among the machine's files");
  ck_assert_int_eq (g_unlink (target), 0);
  ck_assert_int_eq (mkfifo (target, 0600), 0);
  refused (KATA_E_CORRUPT, "a FIFO among the machine's files");
  ck_assert_int_eq (g_unlink (target), 0);
  ck_assert (g_file_set_contents (target, "x", 1, NULL));
  ck_assert_int_eq (g_chmod (target, 0666), 0);
  refused (KATA_E_CORRUPT, "a file that anybody can write");
  ck_assert_int_eq (g_unlink (target), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = below (names[i]), *moved = g_build_filename (life->dir, "moved", NULL);
    ck_assert_int_eq (g_rename (path, moved), 0);
    refused (0, "something is missing");
    ck_assert_int_eq (symlink (moved, path), 0);
    refused (KATA_E_CORRUPT, "a link in its place");
    ck_assert_int_eq (g_unlink (path), 0);
    ck_assert_int_eq (g_rename (moved, path), 0);
  }
  ck_assert_int_eq (g_chmod (dir, 0770), 0);
  refused (KATA_E_PERMISSION, "others can write the directory");
}
END_TEST

/* What a fake Cloud Hypervisor wrote would have it open a file that the sandbox does not name, or write to one that it names, or go without its jail. */
START_TEST (machine_of_others)
{
  static const char *const edits[][2] = { { NULL, "/etc/shadow" },
                                          { "\"readonly\":true", "\"readonly\":false" },
                                          { "\"landlock_enable\":true", "\"landlock_enable\":false" },
                                          { "\"landlock_enable\":true", "\"landlock_enable\":null" } };
  g_autofree char *path = below ("vm/config.json"), *text = NULL;
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  if (fake == NULL || !g_str_has_prefix (fake, "clh:"))
    return;
  keep ();
  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  for (size_t i = 0; i < G_N_ELEMENTS (edits); i++) {
    g_autoptr (GString) made = g_string_new (text);
    ck_assert_uint_gt (g_string_replace (made, edits[i][0] != NULL ? edits[i][0] : image, edits[i][1], 0), 0);
    ck_assert (g_file_set_contents (path, made->str, (gssize) made->len, NULL));
    refused (KATA_E_CORRUPT, edits[i][1]);
  }
  g_autofree char *console = g_strdup_printf ("\"file\":\"%s\"", image);
  g_autoptr (GString) made = g_string_new (text);
  ck_assert_uint_gt (g_string_replace (made, "\"file\":\"./console.log\"", console, 0), 0);
  ck_assert (g_file_set_contents (path, made->str, (gssize) made->len, NULL));
  refused (KATA_E_CORRUPT, "the console's output into a disk's file");
  ck_assert (g_file_set_contents (path, "{", 1, NULL));
  refused (KATA_E_CORRUPT, "no JSON");
}
END_TEST

/* Firecracker is asked what it has from its own file: another disk, one that can be written to now, a socket elsewhere, one disk less. */
START_TEST (machine_of_another)
{
  static const struct {
    const char *from, *to;
  } edits[] = { { "\"is_read_only\":true", "\"is_read_only\":false" },
                { "\"uds_path\":\"vsock.sock\"", "\"uds_path\":\"elsewhere\"" },
                { "\"drive_id\":\"root\"", "\"drive_id\":\"boot\"" },
                { NULL, "/etc/passwd" } };
  g_autofree char *path = NULL, *text = NULL;
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  if (fake == NULL || !g_str_has_prefix (fake, "fc:"))
    return;
  bool jailed = g_getenv ("KATA_TESTS_JAILER") != NULL;
  path = below (jailed ? "vm/machine-jailed" : "vm/machine");
  keep ();
  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  /* In a jail the first would fail before, since the disk is read-only there; and it has no such path. */
  for (size_t i = jailed; i < G_N_ELEMENTS (edits) - jailed; i++) {
    GString *made = g_string_new (text);
    ck_assert_uint_gt (g_string_replace (made, edits[i].from != NULL ? edits[i].from : image, edits[i].to, 0), 0);
    ck_assert (g_file_set_contents (path, made->str, (gssize) made->len, NULL));
    g_string_free (made, TRUE);
    refused (KATA_E_CORRUPT, edits[i].to);
  }
  ck_assert (g_file_set_contents (path, "{", 1, NULL));
  refused (KATA_E_VMM, "no machine");
}
END_TEST

/* In a jail the machine has other names for its disks. */
START_TEST (jail_of_another)
{
  const char *fake = g_getenv ("KATA_TESTS_FAKE"), *jailer = g_getenv ("KATA_TESTS_JAILER");
  if (fake == NULL || !g_str_has_prefix (fake, "fc:") || jailer == NULL)
    return;
  keep ();
  g_autofree char *kept = g_strdup (jailer);
  g_unsetenv ("KATA_TESTS_JAILER");
  fixture_configure (NONE);
  refused (KATA_E_UNSUPPORTED, "without a jail");
  g_setenv ("KATA_TESTS_JAILER", kept, TRUE);
}
END_TEST

/* ---- failures ---- */

/* What fails first at fault point @at, from 1; 0 when there are not so many. */
static int
with_fault (int at, int (*call) (kata_sandbox **sandbox, kata_error **err), kata_sandbox **sandbox)
{
  kata_error *error = NULL;
  struct life_fault fault = { .at = at, .code = KATA_E_IO };
  life_fault (runtime, &fault);
  int r = call (sandbox, &error);
  runtime->fault = (struct kata_fault){ 0 };
  if (r < 0)
    bed_failed (r, &error, fault.name);
  return r;
}

static int
do_snapshot (kata_sandbox **sandbox, kata_error **err)
{
  return kata_sandbox_snapshot (*sandbox, dir, LIFE_MS, err);
}

static int
do_restore (kata_sandbox **sandbox, kata_error **err)
{
  return kata_sandbox_restore (sandbox, runtime, dir, options (), LIFE_MS, err);
}

START_TEST (fails_at_each_step)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_cat (NULL, image);
  int n = 1;
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  for (; with_fault (n, do_snapshot, &sandbox) < 0; n++)
    ck_assert (is_empty (dir) && n < STEPS_MAX);
  ck_assert_int_gt (n, 3);
  fixture_end (sandbox);
  sandbox = NULL;
  for (n = 1; with_fault (n, do_restore, &sandbox) < 0; n++) {
    g_autofree char *place = g_build_filename (life->state_dir, "s", NULL);
    ck_assert (sandbox == NULL && n < STEPS_MAX);
    ck_assert_int_ne (g_access (place, F_OK), 0);
  }
  ck_assert_int_gt (n, 6);
  ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  fixture_end (sandbox);
}
END_TEST

/* In the child. */
static int
live_open (kata_sandbox **sandbox)
{
  return kata_sandbox_open (sandbox, runtime, "s", NULL);
}

static int
live_snapshot (kata_sandbox **sandbox)
{
  return do_snapshot (sandbox, NULL);
}

static int
live_restore (kata_sandbox **sandbox)
{
  return do_restore (sandbox, NULL);
}

static int
live (char **argv)
{
  dir = g_build_filename (argv[2], "snapshot", NULL);
  image = g_build_filename (argv[2], "image", NULL);
  int r = strcmp (argv[4], "restore") == 0 ? fixture_live (argv, NULL, live_restore)
                                           : fixture_live (argv, live_open, live_snapshot);
  g_free (dir);
  g_free (image);
  return r;
}

/* What is half there is no snapshot, and the sandbox is as it was. */
START_TEST (killed)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_cat (NULL, image);
  g_autofree char *manifest = below ("kata.json");
  int n = 1;
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  for (; fixture_killed ("test-snapshot", n, "snapshot", 0); n++) {
    g_autofree char *command = g_strdup_printf ("rm -rf '%s'/*", dir);
    ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_PAUSED);
    ck_assert_int_eq (system (command), 0);
  }
  ck_assert_int_gt (n, 3);
  ck_assert_int_eq (g_access (manifest, F_OK), 0);
  ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  fixture_end (sandbox);
  ck_assert_int_gt (fixture_kill_each ("test-snapshot", "restore", 0, NULL), 5);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "snapshot", 180, setup, teardown);
  tcase_add_test (tcase, there_and_back);
  tcase_add_test (tcase, packed);
  tcase_add_test (tcase, only_paused);
  tcase_add_test (tcase, nothing_shared);
  tcase_add_test (tcase, only_a_good_directory);
  tcase_add_test (tcase, only_a_free_id);
  tcase_add_loop_test (tcase, changed, 0, (int) G_N_ELEMENTS (changes));
  tcase_add_test (tcase, replaced);
  tcase_add_test (tcase, machine_of_others);
  tcase_add_test (tcase, machine_of_another);
  tcase_add_test (tcase, jail_of_another);
  tcase_add_test (tcase, fails_at_each_step);
  tcase_add_test (tcase, killed);
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc >= 5 && strcmp (argv[1], "live") == 0)
    return live (argv);
  return bed_run (make);
}
