/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-disk: disks that come to a sandbox and go from it: every failure and every kill leaves what the next call puts in order. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static bool
over (const char *name)
{
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  return name == NULL ? fake == NULL : fake != NULL && g_str_has_prefix (fake, name);
}

/* Each adapter but Firecracker's; ACRN takes none back. */
static bool
able (void)
{
  return over (NULL) || over ("clh:") || over ("fc:") || over ("stratovirt:");
}

/* Two disks of one file, both written to, are no good to anybody: each has its own. */
static char *
image (const char *name)
{
  static const char sector[512] = "a disk";
  char *path = g_build_filename (life->dir, name, NULL);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    ck_assert (g_file_set_contents (path, sector, sizeof sector, NULL));
  return path;
}

static int
add_at (kata_sandbox *sandbox, const char *id, const char *path, uint32_t flags, kata_error **err)
{
  const kata_disk disk = { sizeof disk, id, path, flags };
  return kata_sandbox_add_disk (sandbox, &disk, LIFE_MS, err);
}

static int
add (kata_sandbox *sandbox, const char *id, kata_error **err)
{
  g_autofree char *name = g_strconcat ("disk-", id, NULL), *path = image (name);
  return add_at (sandbox, id, path, 0, err);
}

static int
take_out (kata_sandbox *sandbox, const char *id, kata_error **err)
{
  return kata_sandbox_remove_disk (sandbox, id, LIFE_MS, err);
}

static bool
has (kata_sandbox *sandbox, const char *id)
{
  char *json = NULL;
  g_autofree char *text = g_strdup_printf ("\"id\": \"%s\"", id);
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  bool found = strstr (json, text) != NULL;
  kata_free (json);
  return found;
}

static int
container_on (kata_container **out, kata_sandbox *sandbox, const char *disk, kata_error **err)
{
  const char *const args[] = { "sleep", "100", NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.id = "c";
  options.args = args;
  options.rootfs_disk = disk;
  return kata_container_create (out, sandbox, &options, LIFE_MS, err);
}

START_TEST (come_and_gone)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s"), *again = NULL;
  for (int i = 0; i < 3; i++) {
    ck_ok (add (sandbox, "data", &error), error);
    ck_assert (has (sandbox, "data"));
    ck_ok (kata_sandbox_open (&again, runtime, "s", &error), error); /* as another process would */
    fixture_refused (add (again, "data", &error), KATA_E_EXISTS, "data", &error);
    ck_ok (take_out (again, "data", &error), error);
    ck_assert (!has (sandbox, "data"));
    fixture_refused (take_out (sandbox, "data", &error), KATA_E_NOT_FOUND, "data", &error);
    kata_sandbox_unrefp (&again);
  }
  fixture_end (sandbox);
}
END_TEST

START_TEST (a_container_has_it)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  fixture_refused (container_on (&container, sandbox, "data", &error), KATA_E_INVALID, "data", &error);
  ck_ok (add (sandbox, "data", &error), error);
  ck_ok (container_on (&container, sandbox, "data", &error), error);
  fixture_refused (take_out (sandbox, "data", &error), KATA_E_BUSY, "container \"c\"", &error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  fixture_refused (take_out (sandbox, "data", &error), KATA_E_BUSY, "container \"c\"", &error);
  ck_ok (kata_container_delete (container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
  ck_ok (take_out (sandbox, "data", &error), error);
  kata_container_unref (container);
  fixture_end (sandbox);
}
END_TEST

START_TEST (more_than_ports)
{
  static const char *const ids[] = { "a", "b", "c", "d" };
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  for (size_t i = 0; i < G_N_ELEMENTS (ids); i++)
    ck_ok (add (sandbox, ids[i], &error), error);
  fixture_refused (add (sandbox, "e", &error), KATA_E_LIMIT, "4 ports", &error);
  ck_ok (take_out (sandbox, "b", &error), error);
  ck_ok (add (sandbox, "e", &error), error);
  ck_assert (has (sandbox, "a") && !has (sandbox, "b") && has (sandbox, "d") && has (sandbox, "e"));
  fixture_end (sandbox);
}
END_TEST

START_TEST (mistakes)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  g_autofree char *path = image ("image"), *fifo = g_build_filename (life->dir, "fifo", NULL);
  const kata_disk small = { 20, "data", path, 0 };
  ck_assert_int_eq (mkfifo (fifo, 0600), 0);
  static const char *const ids[] = { "", "Data", "a b", "a\"b", "a,b", "../x", "012345678901234567890", NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (ids); i++) {
    ck_assert_int_eq (add_at (sandbox, ids[i], path, 0, &error), KATA_E_INVALID);
    kata_error_unrefp (&error);
  }
  static const char *const paths[] = { "", "image", "/a/../b", "/a\nb", "/a,b", NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++) {
    ck_assert_int_eq (add_at (sandbox, "data", paths[i], 0, &error), KATA_E_INVALID);
    kata_error_unrefp (&error);
  }
  fixture_refused (add_at (sandbox, "kata-pack-0", path, 0, &error), KATA_E_INVALID, "libkata's own", &error);
  fixture_refused (add_at (sandbox, "data", path, 4, &error), KATA_E_INVALID, "disk", &error);
  fixture_refused (add_at (sandbox, "data", "/nowhere/at/all", 0, &error), KATA_E_NOT_FOUND, "/nowhere", &error);
  fixture_refused (add_at (sandbox, "data", fifo, 0, &error), KATA_E_INVALID, "neither", &error);
  fixture_refused (add_at (sandbox, "data", life->dir, 0, &error), KATA_E_INVALID, "neither", &error);
  ck_assert_int_eq (kata_sandbox_add_disk (sandbox, &small, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_add_disk (sandbox, NULL, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_add_disk (NULL, &small, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_remove_disk (sandbox, NULL, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_remove_disk (sandbox, "data", -7, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_remove_disk (sandbox, "no such", LIFE_MS, NULL), KATA_E_NOT_FOUND);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  fixture_refused (add (sandbox, "data", &error), KATA_E_STATE, "paused", &error);
  ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_stop (sandbox, LIFE_MS, &error), error);
  fixture_refused (add (sandbox, "data", &error), KATA_E_STATE, "stopped", &error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (before_the_start)
{
  kata_error *error = NULL;
  g_free (image ("image"));
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (add (sandbox, "data", &error), error);
  ck_ok (add (sandbox, "other", &error), error);
  fixture_refused (add (sandbox, "data", &error), KATA_E_EXISTS, "data", &error);
  ck_ok (take_out (sandbox, "other", &error), error);
  ck_assert (has (sandbox, "data") && !has (sandbox, "other"));
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_assert (has (sandbox, "data"));
  fixture_refused (take_out (sandbox, "data", &error), KATA_E_UNSUPPORTED, "from its start", &error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (no_ports)
{
  kata_error *error = NULL;
  fixture_configure ("disk_ports = 0");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  fixture_refused (add (sandbox, "data", &error), KATA_E_UNSUPPORTED, "disk_ports", &error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (lacking)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  fixture_refused (add (sandbox, "data", &error), KATA_E_UNSUPPORTED, "cannot add a disk to a running guest: ", &error);
  fixture_end (sandbox);
}
END_TEST

/* ---- failures and kills ---- */

static int
add_data (kata_sandbox *sandbox, kata_error **err)
{
  return add (sandbox, "data", err);
}

static int
take_out_data (kata_sandbox *sandbox, kata_error **err)
{
  return take_out (sandbox, "data", err);
}

static void
see_data (kata_sandbox *sandbox, bool there, const char *point)
{
  ck_assert_msg (has (sandbox, "data") == there, "after \"%s\"", point);
}

static const struct fixture_thing data_disk = { add_data, take_out_data, see_data };

START_TEST (every_point_fails)
{
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  int points = fixture_thing_fail_each (&data_disk, sandbox);
  printf ("disk: %d points of coming and going, each failed once, the next call mended it\n", points);
  ck_assert_int_ge (points, 8);
  fixture_end (sandbox);
}
END_TEST

/* In the child. */
static int
live_go (kata_sandbox **sandbox)
{
  return fixture_thing_go (&data_disk, *sandbox);
}

static void
mend (const char *point)
{
  fixture_thing_mend (&data_disk, point);
}

START_TEST (killed_at_every_point)
{
  g_free (image ("disk-data")); /* the child runs no test, and so asserts nothing */
  int points = fixture_kill_each ("test-disk", NULL, 0, mend);
  printf ("disk: SIGKILL at each of %d points, mended and recovered\n", points);
  ck_assert_int_ge (points, 8);
}
END_TEST

/* ---- ACRN, which keeps what it was given ---- */

START_TEST (kept)
{
  static const char *const ids[] = { "a", "b", "c", "d" };
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s"), *again = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (ids); i++) {
    ck_ok (add (sandbox, ids[i], &error), error);
    fixture_refused (take_out (sandbox, ids[i], &error), KATA_E_UNSUPPORTED, "takes no disk", &error);
    ck_assert (has (sandbox, ids[i]));
  }
  fixture_refused (add (sandbox, "e", &error), KATA_E_LIMIT, "4 ports", &error);
  ck_ok (kata_sandbox_open (&again, runtime, "s", &error), error);
  fixture_refused (take_out (again, "a", &error), KATA_E_UNSUPPORTED, "takes no disk", &error);
  fixture_refused (add (again, "a", &error), KATA_E_EXISTS, "a", &error);
  kata_sandbox_unref (again);
  fixture_end (sandbox);
}
END_TEST

static rlim_t
longest_file (kata_sandbox *sandbox)
{
  char *json = NULL;
  struct rlimit limit;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  const char *pids = strstr (json, "\"pids\"");
  ck_assert_ptr_nonnull (pids);
  pid_t pid = (pid_t) g_ascii_strtoll (pids + strcspn (pids, "0123456789"), NULL, 10);
  ck_assert_int_eq (prlimit (pid, RLIMIT_FSIZE, NULL, &limit), 0);
  kata_free (json);
  return limit.rlim_cur;
}

/* A process that has known the machine for longer does not know that disk, and must not make it shorter. */
START_TEST (long_one_stays_so)
{
  static const off_t length = 16 << 20; /* more than a log may have */
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s"), *other = NULL;
  g_autofree char *path = image ("long");
  ck_assert_int_eq (truncate (path, length), 0);
  ck_ok (kata_sandbox_open (&other, runtime, "s", &error), error);
  ck_ok (add (other, "a", &error), error);
  ck_assert_uint_lt (longest_file (sandbox), (rlim_t) length);
  ck_ok (add_at (sandbox, "long", path, 0, &error), error);
  ck_assert_uint_ge (longest_file (sandbox), (rlim_t) length);
  ck_ok (add (other, "b", &error), error);
  ck_assert_uint_ge (longest_file (sandbox), (rlim_t) length);
  kata_sandbox_unref (other);
  fixture_end (sandbox);
}
END_TEST

START_TEST (odd_files)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  g_autofree char *odd = g_build_filename (life->dir, "odd", NULL), *word = image ("nodisk");
  ck_assert (g_file_set_contents (odd, "no sector", -1, NULL));
  fixture_refused (add_at (sandbox, "data", odd, 0, &error), KATA_E_INVALID, "512", &error);
  fixture_refused (add_at (sandbox, "data", word, 0, &error), KATA_E_CONFIG, "nodisk", &error);
  ck_ok (add (sandbox, "data", &error), error); /* the port was not lost */
  fixture_end (sandbox);
}
END_TEST

/* What a failure has left in a port, or may have, stays there; the other ports go on. */
START_TEST (kept_at_every_point)
{
  kata_error *error = NULL;
  struct life_fault fault = { 0 }; /* the runtime keeps it */
  bool struck = true;
  int n = 1;
  life_fault (runtime, &fault);
  for (; struck; n++) {
    fault.at = 0;
    kata_sandbox *sandbox = life_sandbox (runtime, "s");
    fault = (struct life_fault){ .at = n, .code = KATA_E_NO_MEMORY };
    int r = add (sandbox, "data", &error);
    struck = fault.name[0] != '\0';
    ck_assert_msg (r == (struck ? KATA_E_NO_MEMORY : 0), "at \"%s\": %d", fault.name, r);
    kata_error_unrefp (&error);
    fault.at = 0;
    ck_assert_msg (has (sandbox, "data") == !struck, "after \"%s\"", fault.name);
    ck_ok (add (sandbox, "other", &error), error);
    ck_assert (has (sandbox, "other"));
    fixture_end (sandbox);
  }
  printf ("disk: %d points of coming, each failed once\n", n - 2);
  ck_assert_int_ge (n, 4);
}
END_TEST

static void
add_other (const char *point)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  ck_ok (kata_sandbox_open (&sandbox, runtime, "s", &error), error);
  if (kata_sandbox_get_state (sandbox) == KATA_STATE_RUNNING)
    ck_ok (add (sandbox, "other", &error), error);
  kata_sandbox_unref (sandbox);
}

/* The last step, the removal, is refused. */
START_TEST (killed_and_kept)
{
  g_free (image ("disk-data")); /* the child runs no test, and so asserts nothing */
  int points = fixture_kill_each ("test-disk", NULL, 1, add_other);
  printf ("disk: SIGKILL at each of %d points, another disk added\n", points);
  ck_assert_int_ge (points, 4);
}
END_TEST

START_TEST (answer_is_late)
{
  kata_error *error = NULL;
  fixture_misbehave ("blkrescan", "hang");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  g_autofree char *path = image ("image");
  const kata_disk disk = { sizeof disk, "data", path, 0 };
  fixture_refused (kata_sandbox_add_disk (sandbox, &disk, 500, &error), KATA_E_TIMEOUT, "does not answer", &error);
  ck_assert (!has (sandbox, "data")); /* nobody knows; the name is not given again */
  fixture_refused (kata_sandbox_add_disk (sandbox, &disk, 500, &error), KATA_E_BUSY, "data", &error);
  fixture_end (sandbox);
}
END_TEST

/* ---- a VMM that does it badly, a guest that does not let go ---- */

START_TEST (refused_by_the_machine)
{
  static const char *const hows[] = { "refuse", "junk", "hang-up", "deep", "long" };
  const char *action = over ("clh:")    ? "vm.add-disk"
                       : over ("acrn:") ? "blkrescan"
                       : over ("fc:")   ? "patch-drives"
                       : _i < 5         ? "blockdev-add"
                                        : "device_add";
  kata_error *error = NULL;
  fixture_misbehave (action, hows[_i % 5]);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  bed_failed (add (sandbox, "data", &error), &error, hows[_i % 5]);
  ck_assert (!has (sandbox, "data"));
  int r = take_out (sandbox, "data", &error);
  if (over ("fc:")) /* is asked the same to put the empty file back, and nobody knows what it did the first time */
    bed_failed (r, &error, hows[_i]);
  else
    fixture_refused (r, KATA_E_NOT_FOUND, "data", &error);
  ck_assert (!has (sandbox, "data"));
  fixture_end (sandbox);
}
END_TEST

/* Twice in vain. On a machine that stands still the time may be over before the guest was asked. */
static void
remove_in_vain (kata_sandbox *sandbox)
{
  for (int asked = 0, i = 0; asked < 2; i++) {
    kata_error *error = NULL;
    int r = kata_sandbox_remove_disk (sandbox, "data", 300, &error);
    asked += r != 0 && strstr (kata_error_get_message (error), "did not let go") != NULL;
    ck_assert_msg (r == KATA_E_TIMEOUT && i < 20, "%d %s", r, error != NULL ? kata_error_get_message (error) : "");
    kata_error_unref (error);
  }
}

START_TEST (guest_does_not_let_go)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  fixture_misbehave ("eject", "hang");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, "data", &error), error);
  remove_in_vain (sandbox);
  ck_assert (!has (sandbox, "data"));
  fixture_refused (container_on (&container, sandbox, "data", &error), KATA_E_INVALID, "no disk", &error);
  const kata_disk same = { sizeof same, "data", "/dev/null", 0 };
  fixture_refused (kata_sandbox_add_disk (sandbox, &same, 300, &error), KATA_E_BUSY, "let go", &error);
  fixture_end (sandbox);
}
END_TEST

/* It is done, whatever was said of it: the next call finds that out. */
START_TEST (removal_answered_badly)
{
  static const char *const hows[] = { "refuse", "junk", "hang-up", "deep", "long" };
  kata_error *error = NULL;
  fixture_misbehave ("device_del", hows[_i]);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, "data", &error), error);
  bed_failed (take_out (sandbox, "data", &error), &error, hows[_i]);
  ck_assert (!has (sandbox, "data"));
  ck_ok (take_out (sandbox, "data", &error), error);
  fixture_end (sandbox);
}
END_TEST

/* StratoVirt's places are four, those of the start among them; and one file that is written to is one disk's. */
START_TEST (places_run_out)
{
  kata_error *error = NULL;
  g_autofree char *shared = image ("shared");
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (add (sandbox, "first", &error), error);
  ck_ok (add (sandbox, "net0", &error), error); /* a network device has this name */
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_ok (add_at (sandbox, "a", shared, 0, &error), error);
  fixture_refused (add_at (sandbox, "b", shared, KATA_DISK_READONLY, &error), KATA_E_VMM, "shared with read_only",
                   &error);
  ck_ok (add (sandbox, "b", &error), error);
  fixture_refused (add (sandbox, "c", &error), KATA_E_LIMIT, "2 of them are there from its start", &error);
  ck_ok (take_out (sandbox, "a", &error), error);
  ck_ok (add_at (sandbox, "c", shared, KATA_DISK_READONLY, &error), error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (event_is_lost)
{
  kata_error *error = NULL;
  fixture_misbehave ("eject", "silent");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, "data", &error), error);
  ck_ok (take_out (sandbox, "data", &error), error);
  fixture_end (sandbox);
}
END_TEST

/* Two devices and twelve disks leave three places: two of them for disks that are written to. */
START_TEST (more_than_devices)
{
  kata_error *error = NULL;
  g_autofree char *path = image ("image");
  fixture_configure ("packed_containers = 0");
  kata_sandbox *sandbox = fixture_sandbox ();
  for (int i = 0; i < 12; i++) {
    g_autofree char *id = g_strdup_printf ("d%d", i);
    ck_ok (add_at (sandbox, id, path, KATA_DISK_READONLY, &error), error);
  }
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_ok (add (sandbox, "a", &error), error);
  ck_ok (add (sandbox, "b", &error), error);
  for (int i = 0; i < 2; i++)
    fixture_refused (add (sandbox, "c", &error), KATA_E_LIMIT, "3 are places", &error);
  ck_assert (!has (sandbox, "c"));
  ck_ok (add_at (sandbox, "e", path, KATA_DISK_READONLY, &error), error);
  ck_ok (take_out (sandbox, "a", &error), error);
  ck_ok (add (sandbox, "c", &error), error);
  fixture_end (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "disk", 120, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, before_the_start);
  if (over ("acrn:")) {
    tcase_add_test (tcase, kept);
    tcase_add_test (tcase, long_one_stays_so);
    tcase_add_test (tcase, odd_files);
    tcase_add_test (tcase, no_ports);
    tcase_add_test (tcase, kept_at_every_point);
    tcase_add_test (tcase, killed_and_kept);
    tcase_add_loop_test (tcase, refused_by_the_machine, 0, 5);
    tcase_add_test (tcase, answer_is_late);
    return suite;
  }
  if (!able ()) {
    tcase_add_test (tcase, lacking);
    return suite;
  }
  tcase_add_test (tcase, come_and_gone);
  if (over (NULL) ||
      over ("fc:")) /* the fakes' guests have no manifest that says that their agent finds disks by their id */
    tcase_add_test (tcase, a_container_has_it);
  tcase_add_test (tcase, more_than_ports);
  tcase_add_test (tcase, mistakes);
  tcase_add_test (tcase, no_ports);
  tcase_add_test (tcase, every_point_fails);
  tcase_add_test (tcase, killed_at_every_point);
  if (over ("clh:") || over ("fc:"))
    tcase_add_loop_test (tcase, refused_by_the_machine, 0, 5);
  if (over ("fc:"))
    tcase_add_test (tcase, more_than_devices);
  if (over ("clh:")) {
    tcase_add_test (tcase, guest_does_not_let_go);
    tcase_add_test (tcase, event_is_lost);
  }
  if (over ("stratovirt:")) {
    tcase_add_loop_test (tcase, refused_by_the_machine, 0, 10);
    tcase_add_loop_test (tcase, removal_answered_badly, 0, 5);
    tcase_add_test (tcase, places_run_out);
  }
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc >= 4 && strcmp (argv[1], "live") == 0)
    return fixture_live (argv, fixture_live_running, live_go);
  return bed_run (make);
}
