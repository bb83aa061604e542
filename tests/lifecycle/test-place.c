/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-place: what others put where the library makes its files, mounts that stay below a sandbox, a full disk, no descriptors left. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "bed.h"
#include "host/cgroup.h"
#include "life.h"
#include "residue.h"
#include "sandbox/journal.h"

#define SLOW_MS    12000
#define LET_GO_MS  20000
#define SMALL_DISK (RESIDUE_FILES | RESIDUE_CHILDREN | RESIDUE_FDS)

static struct life *life;
static char *victim; /* a directory with a file in it: must never change */
static char *before;

static void
setup (void)
{
  kata_error *error = NULL;
  life = life_new ();
  victim = g_build_filename (life->dir, "victim", NULL);
  g_autofree char *file = g_build_filename (victim, "file", NULL);
  ck_assert_int_eq (g_mkdir (victim, 0755), 0);
  ck_assert (g_file_set_contents (file, "do not touch", -1, NULL));
  kata_runtime *runtime = life_runtime (life);
  ck_ok (life_run (life, runtime, "warm", &error), error);
  kata_runtime_unref (runtime);
  before = residue_take (life->dir, RESIDUE_ISOLATED);
}

/* Over a fake a life takes a tenth of a second and more: every one of so many is tried there. */
static int
stride (int fake)
{
  return g_getenv ("KATA_TESTS_FAKE") != NULL ? fake : 1;
}

static void
compare (const char *what)
{
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "%s: left behind:\n%s", what, after);
}

static void
teardown (void)
{
  compare ("the test");
  g_free (before);
  g_free (victim);
  life_free (life);
}

/* ---- a cgroup of somebody else's ---- */

/* Makes the sandbox's cgroup just after its record was written. */
static int
overtake (void *data, const char *name)
{
  const char *dir = data;
  if (strcmp (name, "journal:cgroup:" KATA_JOURNAL_CGROUP_OWN "0") == 0)
    mkdir (dir, 0755);
  return 0;
}

START_TEST (cgroup_taken_meanwhile)
{
  kata_error *error = NULL;
  g_autoptr (kata_cgroups) cgroups = NULL;
  kata_sandbox *sandbox = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  g_autofree char *path = g_strdup_printf ("/test-place-%d", (int) getpid ());
  if (kata_cgroups__find (&cgroups, NULL) != 0 || access (cgroups->items[0].dir, W_OK) != 0) {
    printf ("SKIP: cgroup taken meanwhile: there are none here that can be written\n");
    return;
  }
  g_autofree char *dir = g_strdup_printf ("%s/kata_%s", cgroups->items[0].dir, path + 1);
  kata_runtime *runtime = life_runtime (life);
  options.id = "s";
  options.cgroup = path;
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  runtime->fault = (struct kata_fault){ overtake, dir };
  int r = kata_sandbox_start (sandbox, LIFE_MS, &error);
  bool left = access (dir, F_OK) == 0;
  kata_error_unrefp (&error);
  int deleted = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error);
  bool stays = rmdir (dir) == 0;
  ck_ok (deleted, error);
  ck_assert_int_eq (r, KATA_E_EXISTS);
  ck_assert_msg (left && stays, "the other's was removed");
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* ---- things in the way ---- */

enum plant { LINK_TO_FILE, LINK_TO_DIR, LINK_TO_NOTHING, FIFO, DIRECTORY, HARD_LINK, SOCKET, FILE_OF_JUNK, PLANTS };
static const char *const plant_names[] = { "link to a file", "link to a directory", "dangling link", "fifo",
                                           "directory",      "hard link",           "socket",        "file of junk" };

static void
plant_socket (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_uint_lt (strlen (path), sizeof address.sun_path);
  memcpy (address.sun_path, path, strlen (path));
  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
  close (fd);
}

static void
plant (const char *path, enum plant what)
{
  g_autofree char *file = g_build_filename (victim, "file", NULL);
  g_autofree char *inside = g_build_filename (path, "inside", NULL);
  g_autofree char *nothing = g_build_filename (victim, "nothing", NULL);
  struct stat st;
  if (lstat (path, &st) == 0)
    ck_assert_int_eq (S_ISDIR (st.st_mode) ? rmdir (path) : unlink (path), 0);
  switch (what) {
  case LINK_TO_FILE:
    ck_assert_int_eq (symlink (file, path), 0);
    break;
  case LINK_TO_DIR:
    ck_assert_int_eq (symlink (victim, path), 0);
    break;
  case LINK_TO_NOTHING:
    ck_assert_int_eq (symlink (nothing, path), 0);
    break;
  case FIFO:
    ck_assert_int_eq (mkfifo (path, 0600), 0);
    break;
  case DIRECTORY:
    ck_assert_int_eq (mkdir (path, 0755), 0);
    ck_assert (g_file_set_contents (inside, "x", 1, NULL));
    break;
  case HARD_LINK:
    /* Not from one mount to another: then a file will do. */
    ck_assert (link (file, path) == 0 || (errno == EXDEV && g_file_set_contents (path, "x", 1, NULL)));
    break;
  case SOCKET:
    plant_socket (path);
    break;
  default:
    ck_assert (g_file_set_contents (path, "{]junk\n\x01\n", -1, NULL));
  }
}

/* The names that the library makes, the temporary ones too: seen in a living sandbox. Those below the shared directory come later. */
static GPtrArray *
names_made (void)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (&container, sandbox, life, "c", "sleep 100", &error), error);
  g_autofree char *path = g_build_filename (life->state_dir, "s", NULL);
  GDir *dir = g_dir_open (path, 0, NULL);
  ck_assert_ptr_nonnull (dir);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;) {
    g_ptr_array_add (names, g_strdup (name));
    g_ptr_array_add (names, g_strconcat (name, ".tmp", NULL));
  }
  g_dir_close (dir);
  ck_assert_uint_ge (names->len, 10);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  return names;
}

static void
unmount_shared (void)
{
  static const char *const names[] = { "shared/c/rootfs", "shared" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (life->state_dir, "s", names[i], NULL);
    umount2 (path, UMOUNT_NOFOLLOW);
  }
}

/* Goes as far as it can; what does not work is said, at once. Returns how many calls failed. */
static int
live_with (kata_runtime *runtime, const char *name, enum plant kind, bool while_running)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  g_autofree char *path = g_build_filename (life->state_dir, "s", name, NULL);
  g_autofree char *what = g_strdup_printf ("%s at \"%s\"", plant_names[kind], name);
  int failed = 0;
  options.id = "s";
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  if (!while_running)
    plant (path, kind);
  int64_t begin = g_get_monotonic_time ();
  int r = kata_sandbox_start (sandbox, LIFE_MS, &error);
  if (r != 0) {
    bed_failed (r, &error, what);
    failed++;
  } else {
    if (while_running)
      plant (path, kind);
    r = life_container (&container, sandbox, life, "c", "sleep 100", &error);
    if (r == 0)
      r = kata_container_start (container, LIFE_MS, &error);
    if (r != 0) {
      bed_failed (r, &error, what);
      failed++;
    }
  }
  r = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error);
  /* Without the journal nobody knows what the mounts are: they are not touched. */
  if (r == KATA_E_BUSY && while_running && g_str_equal (name, "journal")) {
    bed_failed (r, &error, what);
    unmount_shared ();
    r = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error);
    failed++;
  }
  ck_assert_msg (r == 0, "%s: delete: %s", what, kata_error_get_message (error));
  ck_assert_msg (g_get_monotonic_time () - begin < SLOW_MS * 1000, "%s: took too long", what);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  return failed;
}

START_TEST (planted_in_a_sandbox)
{
  g_autoptr (GPtrArray) names = names_made ();
  int tried = 0, failed = 0;
  g_ptr_array_add (names, g_strdup ("shared/c"));
  for (guint i = 0; i < names->len; i++)
    for (int kind = 0; kind < PLANTS; kind++)
      for (int running = 0; running < 2; running++) {
        const char *name = names->pdata[i];
        const bool below = strchr (name, '/') != NULL;
        /* A mount or a socket in use cannot be replaced, and what is below the shared directory only while it runs. */
        if ((below && !running) || (running && (g_str_equal (name, "shared") || g_str_has_suffix (name, ".sock"))))
          continue;
        if ((int) (i + (guint) kind) % stride (4) != 0)
          continue;
        g_autofree char *what = g_strdup_printf ("%s at \"%s\"", plant_names[kind], name);
        kata_runtime *runtime = life_runtime (life);
        failed += live_with (runtime, name, (enum plant) kind, running != 0);
        kata_runtime_unref (runtime);
        tried++;
        compare (what);
      }
  printf ("planted: %d things at the %u names that the library makes; %d calls refused, all deleted, nothing else "
          "touched\n",
          tried, names->len, failed);
  ck_assert_int_ge (failed, 20);
}
END_TEST

START_TEST (planted_in_the_state_directory)
{
  g_autofree char *path = g_build_filename (life->state_dir, "s", NULL);
  for (int kind = 0; kind < PLANTS; kind++) {
    kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
    kata_error *error = NULL;
    kata_sandbox *sandbox = NULL;
    kata_runtime *runtime = life_runtime (life);
    char **ids = NULL;
    options.id = "s";
    plant (path, (enum plant) kind);
    int r = kata_sandbox_create (&sandbox, runtime, &options, &error);
    ck_assert_msg (r == KATA_E_EXISTS, "%s: %d", plant_names[kind], r);
    bed_failed (r, &error, plant_names[kind]);
    r = kata_sandbox_open (&sandbox, runtime, "s", &error);
    ck_assert_msg (r == KATA_E_NOT_FOUND, "%s: %d", plant_names[kind], r);
    bed_failed (r, &error, plant_names[kind]);
    ck_ok (kata_runtime_list (&ids, runtime, &error), error);
    ck_assert_msg ((ids[0] == NULL) == (kind != DIRECTORY), "%s: listed", plant_names[kind]);
    kata_strv_free (ids);
    ck_ok (kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error), error);
    if (kind != DIRECTORY)
      ck_assert_int_eq (unlink (path), 0);
    kata_runtime_unref (runtime);
    compare (plant_names[kind]);
  }
}
END_TEST

/* The state directory itself: a link is not followed, one that others can write to is not used. */
START_TEST (state_directory_of_others)
{
  g_autofree char *moved = g_strconcat (life->state_dir, "-moved", NULL);
  kata_runtime *runtime = NULL;
  kata_error *error = NULL;
  ck_assert_int_eq (rename (life->state_dir, moved), 0);
  ck_assert_int_eq (symlink (moved, life->state_dir), 0);
  bed_failed (life_runtime_new (&runtime, life, &error), &error, "state directory is a link");
  ck_assert_int_eq (unlink (life->state_dir), 0);
  ck_assert (g_file_set_contents (life->state_dir, "", 0, NULL));
  bed_failed (life_runtime_new (&runtime, life, &error), &error, "state directory is a file");
  ck_assert_int_eq (unlink (life->state_dir), 0);
  ck_assert_int_eq (rename (moved, life->state_dir), 0);
  ck_assert_int_eq (chmod (life->state_dir, 0777), 0);
  int r = life_runtime_new (&runtime, life, &error);
  ck_assert_int_eq (r, KATA_E_PERMISSION);
  bed_failed (r, &error, "state directory is anybody's");
  ck_assert_int_eq (chmod (life->state_dir, 0700), 0);
}
END_TEST

/* ---- mounts ---- */

/* A running sandbox with a container, and a path below its directory. */
static kata_sandbox *
running (kata_runtime *runtime, kata_container **container)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (container, sandbox, life, "c", "sleep 100", &error), error);
  return sandbox;
}

/* Somebody's mount of a user's directory below the sandbox: nothing is deleted through it, and the delete says that it is there. */
START_TEST (mount_of_others_below)
{
  static const char *const places[] = { "extra", "shared/extra", "shared/c/extra" };
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    for (int way = 0; way < 2; way++) {
      kata_error *error = NULL;
      kata_container *container = NULL;
      kata_runtime *runtime = life_runtime (life);
      kata_sandbox *sandbox = running (runtime, &container);
      g_autofree char *place = g_build_filename (life->state_dir, "s", places[i], NULL);
      ck_assert_int_eq (g_mkdir_with_parents (place, 0755), 0);
      ck_assert_int_eq (mount (life->volume, place, NULL, MS_BIND, NULL), 0);
      int r = way == 0 ? kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error)
                       : kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error);
      g_autofree char *precious = g_build_filename (life->volume, "precious", NULL);
      ck_assert_msg (g_access (precious, F_OK) == 0, "%s: the user's file was deleted", places[i]);
      /* Below the shared directory it may have gone with that; beside it only its owner can take it away. */
      if (i == 0)
        ck_assert_int_eq (r, KATA_E_BUSY);
      if (r != 0) {
        bed_failed (r, &error, places[i]);
        ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_STOPPED);
        ck_assert_msg (umount2 (place, UMOUNT_NOFOLLOW) == 0 || errno == ENOENT, "%s: %s", place, g_strerror (errno));
        ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
      }
      kata_container_unref (container);
      kata_sandbox_unref (sandbox);
      kata_runtime_unref (runtime);
      compare (places[i]);
    }
}
END_TEST

/* Somebody works in the shared directory, the root file system, a volume: they cannot be unmounted at once, and go all the same. */
START_TEST (busy_mounts)
{
  static const char *const places[] = { "shared", "shared/c", "shared/c/rootfs" };
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++) {
    kata_error *error = NULL;
    kata_container *container = NULL;
    kata_runtime *runtime = life_runtime (life);
    kata_sandbox *sandbox = running (runtime, &container);
    g_autofree char *place = g_build_filename (life->state_dir, "s", places[i], NULL);
    int fd = open (place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_msg (fd >= 0, "%s: %s", place, g_strerror (errno));
    ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
    ck_assert_int_eq (access (place, F_OK), -1);
    close (fd);
    kata_container_unref (container);
    kata_sandbox_unref (sandbox);
    kata_runtime_unref (runtime);
    compare (places[i]);
  }
}
END_TEST

/* What the guest wrote into the shared directory goes, however it looks; links in it are not followed. */
START_TEST (files_of_the_guest)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = running (runtime, &container);
  for (int kind = 0; kind < PLANTS; kind++) {
    g_autofree char *name = g_strdup_printf ("shared/c/planted-%d", kind);
    g_autofree char *path = g_build_filename (life->state_dir, "s", name, NULL);
    plant (path, (enum plant) kind);
  }
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* ---- limits ---- */

/* The life with what @limit sets; afterwards, without it, everything can be cleared. Returns the result. */
static int
live_within (void (*limit) (int n), int n, const char *what)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  limit (n);
  int r = life_run (life, runtime, "s", &error);
  limit (-1);
  if (r != 0) {
    g_autofree char *where = g_strdup_printf ("%s, in %s", what, life->step);
    bed_failed (r, &error, where);
  }
  life_clear (life, "s", n % 2 == 0);
  kata_runtime_unref (runtime);
  compare (what);
  return r;
}

static void
limit_descriptors (int n)
{
  static struct rlimit saved;
  struct rlimit now;
  if (n >= 0) {
    ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &saved), 0);
    now = saved;
    now.rlim_cur = (rlim_t) (residue_fds () + n);
    ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &now), 0);
  } else {
    ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &saved), 0);
  }
}

START_TEST (no_descriptors)
{
  int failed = 0, n = 0;
  for (int good = 0; good < 3; n += stride (3)) {
    g_autofree char *what = g_strdup_printf ("%d descriptors more", n);
    int r = live_within (limit_descriptors, n, what);
    failed += r != 0;
    good = r == 0 ? good + 1 : 0;
    ck_assert_int_lt (n, 120);
  }
  printf ("descriptors: the life fails with up to %d to spare, %d failures, each typed and cleared\n",
          n - 4 * stride (3), failed);
  ck_assert_int_ge (failed, 10 / stride (3));
}
END_TEST

static void
mount_state (const char *options)
{
  ck_assert_msg (mount ("tmpfs", life->state_dir, "tmpfs", 0, options) == 0, "%s: %s", options, g_strerror (errno));
  ck_assert_int_eq (chmod (life->state_dir, 0700), 0);
}

/* The inner process of a virtiofsd that was killed holds its log for a moment longer. */
static void
unmount_state (void)
{
  for (int ms = 0; umount (life->state_dir) != 0; ms++) {
    ck_assert_msg (errno == EBUSY && ms < LET_GO_MS, "unmount: %s", g_strerror (errno));
    g_usleep (1000);
  }
}

/* The file system that holds the state has room for @n files (or pages) only. */
static int
live_on_small_disk (int n, const char *option, const char *plenty)
{
  g_autofree char *what = g_strdup_printf ("a disk with %s=%d", option, n);
  g_autofree char *small = g_strdup_printf ("mode=0700,%s=%d%s", option, n, g_str_equal (option, "size") ? "k" : "");
  kata_error *error = NULL;
  mount_state (small);
  g_autofree char *empty = residue_take (life->dir, SMALL_DISK);
  kata_runtime *runtime = NULL;
  int r = life_runtime_new (&runtime, life, &error);
  if (r == 0)
    r = life_run (life, runtime, "s", &error);
  if (r != 0)
    bed_failed (r, &error, what);
  /* No half file under its final name: what is there can be read. The disk is still full. */
  kata_sandbox *sandbox = NULL;
  if (runtime != NULL && kata_sandbox_open (&sandbox, runtime, "s", NULL) == 0) {
    ck_assert_msg (kata_sandbox_get_state (sandbox) > 0, "%s: state %d", what, kata_sandbox_get_state (sandbox));
    int d = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error);
    if (d != 0)
      bed_failed (d, &error, what);
  }
  kata_sandbox_unref (sandbox);
  ck_assert_int_eq (mount (NULL, life->state_dir, NULL, MS_REMOUNT, plenty), 0);
  life_clear (life, "s", n % 2 == 0);
  kata_runtime_unref (runtime);
  g_autofree char *after = residue_compare (empty, life->dir, SMALL_DISK);
  ck_assert_msg (after == NULL, "%s: left behind:\n%s", what, after);
  unmount_state ();
  return r;
}

START_TEST (disk_full)
{
  int failed = 0, n;
  for (n = 1; live_on_small_disk (n, "nr_inodes", "nr_inodes=1000") != 0; n += stride (3), failed++)
    ck_assert_int_lt (n, 60);
  printf ("full disk: the life needs %d files at once; %d failures, each typed and cleared\n", n - 1, failed);
  ck_assert_int_ge (failed, 5);
  for (n = 4, failed = 0; live_on_small_disk (n, "size", "size=1m") != 0; n += 4 * stride (2), failed++)
    ck_assert_int_lt (n, 400);
  printf ("full disk: the life needs %d KiB at once; %d failures, each typed and cleared\n", n, failed);
  ck_assert_int_ge (failed, 1);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "place", 180, setup, teardown);
  tcase_add_test (tcase, planted_in_a_sandbox);
  tcase_add_test (tcase, planted_in_the_state_directory);
  tcase_add_test (tcase, state_directory_of_others);
  tcase_add_test (tcase, mount_of_others_below);
  tcase_add_test (tcase, busy_mounts);
  tcase_add_test (tcase, files_of_the_guest);
  tcase_add_test (tcase, no_descriptors);
  tcase_add_test (tcase, disk_full);
  tcase_add_test (tcase, cgroup_taken_meanwhile);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
