/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-state: state and journal that were cut, flipped, exchanged: typed errors, a forced delete that works, no stranger signalled, no user's file lost. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "bed.h"
#include "life.h"
#include "residue.h"
#include "sandbox/journal.h"

static struct life *life;
static kata_runtime *runtime;

/* A sandbox as files: what a real one had on disk while its container ran. */
struct image {
  char *state, *journal;
  gsize state_length, journal_length;
  GPtrArray *mounts; /* paths below its directory */
};
static struct image real;

/* Under a sanitizer, which makes all this slow, not every byte; nor over a fake, for the null backend has had each. */
static gsize
stride (gsize normal)
{
  return bed_sanitized () || g_getenv ("KATA_TESTS_FAKE") != NULL ? normal * 5 : normal;
}

static char *
path_of (const char *id, const char *name)
{
  return g_build_filename (life->state_dir, id, name, NULL);
}

static void
load (const char *name, char **text, gsize *length)
{
  g_autofree char *path = path_of ("s", name);
  ck_assert_msg (g_file_get_contents (path, text, length, NULL), "%s", path);
}

static void
note_mounts (void)
{
  g_autofree char *prefix = path_of ("s", "");
  g_autofree char *text = NULL;
  ck_assert (g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  real.mounts = g_ptr_array_new_with_free_func (g_free);
  for (char **line = lines; *line != NULL; line++) {
    g_auto (GStrv) words = g_strsplit (*line, " ", 6);
    if (g_strv_length (words) > 5 && g_str_has_prefix (words[4], prefix))
      g_ptr_array_add (real.mounts, g_strdup (words[4]));
  }
}

static void
setup (void)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  life = life_new ();
  runtime = life_runtime (life);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (&container, sandbox, life, "c", "sleep 100", &error), error);
  load ("state.json", &real.state, &real.state_length);
  load ("journal", &real.journal, &real.journal_length);
  note_mounts ();
  ck_assert_uint_ge (real.mounts->len, 1); /* the root file system; and the shared directory, if there is one */
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}

static void
teardown (void)
{
  kata_runtime_unref (runtime);
  g_free (real.state);
  g_free (real.journal);
  g_ptr_array_unref (real.mounts);
  life_free (life);
}

static void
put (const char *id, const char *name, const char *data, gsize length)
{
  g_autofree char *dir = g_build_filename (life->state_dir, id, NULL);
  g_autofree char *path = path_of (id, name);
  ck_assert (g_mkdir (dir, 0700) == 0 || errno == EEXIST);
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (write (fd, data, length), (ssize_t) length);
  close (fd);
}

/* The mounts of the sandbox as its dead process left them. */
static void
mount_all (void)
{
  for (guint i = 0; i < real.mounts->len; i++) {
    const char *target = real.mounts->pdata[i];
    ck_assert_int_eq (g_mkdir_with_parents (target, 0755), 0);
    const char *source = i == 0 ? target : life->rootfs;
    ck_assert_msg (mount (source, target, NULL, MS_BIND, NULL) == 0, "%s: %s", target, g_strerror (errno));
  }
}

static void
unmount_all (void)
{
  for (guint i = real.mounts->len; i > 0; i--)
    while (umount2 (real.mounts->pdata[i - 1], UMOUNT_NOFOLLOW) == 0)
      ;
}

static void
check_precious (const char *what, gsize at)
{
  g_autofree char *path = g_build_filename (life->rootfs, "precious", NULL);
  ck_assert_msg (g_access (path, F_OK) == 0, "%s at %zu: the user's file was deleted", what, at);
}

static void
compare (const char *before, const char *what, gsize at)
{
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED & ~RESIDUE_THREADS);
  ck_assert_msg (after == NULL, "%s at %zu: left behind:\n%s", what, at, after);
}

static char *
take (void)
{
  return residue_take (life->dir, RESIDUE_ISOLATED & ~RESIDUE_THREADS);
}

/* Every public call on a sandbox whose state is not whole says so, or works where the text happens to be right; a forced delete clears it. */
static int
prod (const char *id, const char *what, gsize at)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  char *json = NULL;
  int r = kata_sandbox_open (&sandbox, runtime, id, &error);
  ck_assert_msg (r == 0, "%s at %zu: open: %s", what, at, kata_error_get_message (error));
  int state = kata_sandbox_get_state (sandbox);
  ck_assert_msg (state > 0 || state == KATA_E_CORRUPT, "%s at %zu: state %d", what, at, state);
  if (state < 0) {
    r = kata_sandbox_inspect (&json, sandbox, &error);
    ck_assert_msg (r == KATA_E_CORRUPT, "%s at %zu: %d", what, at, r);
    bed_failed (r, &error, what);
    r = kata_sandbox_start (sandbox, 1000, &error);
    ck_assert_msg (r == KATA_E_CORRUPT, "%s at %zu: %d", what, at, r);
    bed_failed (r, &error, what);
    ck_assert_int_eq (kata_sandbox_delete (sandbox, 0, NULL), KATA_E_CORRUPT);
    /* Nobody's guess: only a forced removal takes what cannot be read. */
    r = kata_runtime_recover (runtime, KATA_RECOVER_DEAD, NULL, LIFE_MS, &error);
    bed_failed (r, &error, what);
  }
  r = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error);
  ck_assert_msg (r == 0, "%s at %zu: delete: %s", what, at, kata_error_get_message (error));
  kata_sandbox_unref (sandbox);
  return state;
}

START_TEST (state_cut_everywhere)
{
  g_autofree char *before = take ();
  gsize corrupt = 0, tried = 0;
  for (gsize n = 0; n <= real.state_length; n += stride (1), tried++) {
    put ("s", "state.json", real.state, n);
    corrupt += prod ("s", "state.json cut", n) == KATA_E_CORRUPT;
  }
  compare (before, "state.json cut", 0);
  printf ("state.json of %zu bytes cut at %zu places: %zu refused, all deleted\n", real.state_length, tried, corrupt);
  /* All but the whole text, and that without its newline. */
  ck_assert_uint_ge (corrupt, tried - 2);
}
END_TEST

START_TEST (state_flipped)
{
  g_autofree char *before = take ();
  g_autofree char *text = g_memdup2 (real.state, real.state_length);
  gsize corrupt = 0, flips = 0;
  /* Each bit of the beginning, then one bit of every byte. */
  for (gsize i = 0; i < real.state_length; i += stride (1))
    for (int bit = 0; bit < (i < 128 ? 8 : 1); bit++, flips++) {
      const char mask = (char) (1 << (i < 128 ? bit : (int) (i % 8)));
      text[i] ^= mask;
      put ("s", "state.json", text, real.state_length);
      corrupt += prod ("s", "state.json flipped", i) == KATA_E_CORRUPT;
      text[i] ^= mask;
    }
  compare (before, "state.json flipped", 0);
  printf ("state.json with one bit flipped, %zu times: %zu refused, all deleted\n", flips, corrupt);
  ck_assert_uint_ge (corrupt, flips / 4);
}
END_TEST

static void
replace (const char *from, const char *to)
{
  g_autoptr (GString) text = g_string_new (real.state);
  ck_assert_msg (g_string_replace (text, from, to, 1) == 1, "no %s in %s", from, real.state);
  put ("s", "state.json", text->str, text->len);
  ck_assert_msg (prod ("s", to, 0) == KATA_E_CORRUPT, "accepted: %s", to);
}

START_TEST (state_forged)
{
  g_autofree char *before = take ();
  g_autofree char *dir = g_strdup_printf ("\"%s/s", life->state_dir);
  g_autofree char *other = g_strdup_printf ("\"%s/t", life->state_dir);
  replace ("\"version\":1", "\"version\":2");
  replace ("\"version\":1", "\"version\":0");
  replace ("\"version\":1", "\"version\":99999999999999999999");
  replace ("\"version\":1", "\"version\":\"1\"");
  replace ("\"state\":2", "\"state\":77");
  replace ("\"state\":2", "\"state\":-1");
  replace ("\"id\":\"s\"", "\"id\":\"..\"");
  replace ("\"id\":\"s\"", "\"id\":\"t\"");
  replace ("\"id\":\"c\"", "\"id\":\"../../c\"");
  replace (dir, "\"/etc");
  replace (dir, other);
  put ("s", "state.json", "[]", 2);
  ck_assert_int_eq (prod ("s", "an array", 0), KATA_E_CORRUPT);
  put ("s", "state.json", "{}", 2);
  ck_assert_int_eq (prod ("s", "an empty object", 0), KATA_E_CORRUPT);
  g_autofree char *deep = g_strnfill (100000, '[');
  put ("s", "state.json", deep, 100000);
  ck_assert_int_eq (prod ("s", "a deep text", 0), KATA_E_CORRUPT);
  gsize size = (gsize) 5 << 20;
  g_autofree char *large = g_strnfill (size, ' ');
  put ("s", "state.json", large, size);
  ck_assert_int_eq (prod ("s", "a large text", 0), KATA_E_CORRUPT);
  compare (before, "state.json forged", 0);
}
END_TEST

/* Another sandbox's file: refused, and the other one is not touched. */
START_TEST (state_of_another)
{
  g_autofree char *before = take ();
  kata_error *error = NULL;
  kata_runtime *own = life_runtime (life); /* the null guests of a runtime go with it */
  kata_sandbox *other = life_sandbox (own, "other");
  g_autofree char *path = path_of ("other", "state.json");
  g_autofree char *text = NULL;
  gsize length;
  ck_assert (g_file_get_contents (path, &text, &length, NULL));
  put ("s", "state.json", text, length);
  ck_assert_int_eq (prod ("s", "another's state.json", 0), KATA_E_CORRUPT);
  ck_assert_int_eq (kata_sandbox_get_state (other), KATA_STATE_RUNNING);
  ck_ok (kata_sandbox_delete (other, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (other);
  kata_runtime_unref (own);
  compare (before, "another's state.json", 0);
}
END_TEST

/* With a journal of @length bytes: recovered whole, or refused without touching what is mounted there, and recovered once that is unmounted. */
static bool
recover_with_journal (const char *journal, gsize length, const char *what, gsize at)
{
  kata_error *error = NULL;
  put ("s", "state.json", real.state, real.state_length);
  put ("s", "journal", journal, length);
  mount_all ();
  int r = kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error);
  check_precious (what, at);
  if (r == 0)
    return true;
  bed_failed (r, &error, what);
  unmount_all ();
  r = kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error);
  ck_assert_msg (r == 0, "%s at %zu, unmounted: %s", what, at, kata_error_get_message (error));
  check_precious (what, at);
  return false;
}

START_TEST (journal_cut_everywhere)
{
  g_autofree char *before = take ();
  gsize whole = 0, tried = 0;
  for (gsize n = 0; n <= real.journal_length; n += stride (1), tried++) {
    whole += recover_with_journal (real.journal, n, "journal cut", n);
    compare (before, "journal cut", n);
  }
  printf (
      "journal of %zu bytes cut at %zu places: %zu recovered at once, the others once unmounted; no user's file lost\n",
      real.journal_length, tried, whole);
  ck_assert_uint_ge (whole, 1);
}
END_TEST

START_TEST (journal_flipped)
{
  g_autofree char *before = take ();
  g_autofree char *text = g_memdup2 (real.journal, real.journal_length);
  gsize whole = 0, flips = 0;
  for (gsize i = 0; i < real.journal_length; i += stride (i < 64 ? 1 : 2))
    for (int bit = (int) (i % 3); bit < 8; bit += i < 32 ? 1 : 8, flips++) {
      text[i] ^= (char) (1 << bit);
      whole += recover_with_journal (text, real.journal_length, "journal flipped", i);
      text[i] ^= (char) (1 << bit);
      compare (before, "journal flipped", i);
    }
  printf ("journal with one bit flipped, %zu times: %zu recovered at once, the others once unmounted; no user's file "
          "lost\n",
          flips, whole);
  ck_assert_uint_ge (whole, flips / 4);
}
END_TEST

/* Lines that would have the library remove or signal what is not the sandbox's. */
START_TEST (journal_forged)
{
  static const char *const lines[] = {
    "{\"scope\":\"\",\"kind\":1,\"role\":\"x\",\"path\":\"../../rootfs/precious\"}",
    "{\"scope\":\"\",\"kind\":1,\"role\":\"x\",\"path\":\"/mnt/x\"}",
    "{\"scope\":\"\",\"kind\":2,\"role\":\"x\",\"path\":\"..\"}",
    "{\"scope\":\"\",\"kind\":2,\"role\":\"x\",\"path\":\".\"}",
    "{\"scope\":\"\",\"kind\":2,\"role\":\"x\",\"path\":\"\"}",
    "{\"scope\":\"\",\"kind\":2,\"role\":\"x\",\"path\":\"link\"}",
    "{\"scope\":\"\",\"kind\":2,\"role\":\"x\",\"path\":\"link/rootfs\"}",
    "{\"scope\":\"\",\"kind\":1,\"role\":\"x\",\"path\":\"link/rootfs/precious\"}",
    "{\"scope\":\"\",\"kind\":3,\"role\":\"x\",\"path\":\"link/rootfs\"}",
    "{\"scope\":\"../x\",\"kind\":1,\"role\":\"x\",\"path\":\"y\"}",
    "{\"scope\":\"\",\"kind\":0,\"role\":\"x\",\"pid\":1,\"start_time\":0}",
    "{\"scope\":\"\",\"kind\":0,\"role\":\"x\",\"pid\":-1,\"start_time\":0}",
    "{\"scope\":\"\",\"kind\":0,\"role\":\"x\",\"pid\":0,\"start_time\":0}",
    "{\"scope\":\"\",\"kind\":9,\"role\":\"x\",\"path\":\"y\"}",
    "{\"scope\":\"\",\"kind\":-9,\"role\":\"x\",\"path\":\"y\"}",
    "nonsense",
  };
  g_autofree char *before = take ();
  const char *newline = strchr (real.journal, '\n');
  ck_assert_ptr_nonnull (newline);
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++) {
    kata_error *error = NULL;
    g_autofree char *text = g_strdup_printf ("%.*s\n%s\n", (int) (newline - real.journal), real.journal, lines[i]);
    g_autofree char *link = path_of ("s", "link");
    put ("s", "state.json", real.state, real.state_length);
    put ("s", "journal", text, strlen (text));
    ck_assert_int_eq (symlink (life->dir, link), 0);
    int r = kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error);
    check_precious (lines[i], i);
    if (r != 0)
      bed_failed (r, &error, lines[i]);
    g_autofree char *rest = path_of ("s", "journal");
    if (r != 0)
      ck_assert_int_eq (unlink (rest), 0);
    ck_ok (kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error), error);
    check_precious (lines[i], i);
    compare (before, lines[i], i);
  }
}
END_TEST

static uint64_t
start_time (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *text = NULL;
  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) words = g_strsplit (strrchr (text, ')') + 2, " ", -1);
  return g_ascii_strtoull (words[19], NULL, 10);
}

static void
recover_with_process (pid_t pid, uint64_t start, const char *boot)
{
  kata_error *error = NULL;
  g_autofree char *text =
      g_strdup_printf ("{\"journal\":1,\"boot\":\"%s\"}\n{\"scope\":\"\",\"kind\":0,\"role\":\"qemu\","
                       "\"pid\":%d,\"start_time\":%" G_GUINT64_FORMAT "}\n",
                       boot, (int) pid, start);
  put ("s", "state.json", real.state, real.state_length);
  put ("s", "journal", text, strlen (text));
  ck_ok (kata_runtime_recover (runtime, KATA_RECOVER_ALL, NULL, LIFE_MS, &error), error);
}

START_TEST (strangers_live)
{
  g_autofree char *before = take ();
  g_autofree char *boot = NULL;
  ck_assert (g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL));
  g_strstrip (boot);
  pid_t stranger = bed_stranger ();
  uint64_t start = start_time (stranger);
  const uint64_t wrong[] = { 0, 1, start - 1, start + 1, start + 33333333, UINT64_MAX };
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    recover_with_process (stranger, wrong[i], boot);
    ck_assert_msg (bed_alive (stranger), "a stranger was killed: start time %" G_GUINT64_FORMAT, wrong[i]);
  }
  /* The numbers are right, but of a time before the machine was booted. */
  recover_with_process (stranger, start, "00000000-0000-0000-0000-000000000000");
  ck_assert_msg (bed_alive (stranger), "a stranger was killed: of another boot");
  /* A pid that nobody has, and our own. */
  recover_with_process (0x3ffffe, 12345, boot);
  recover_with_process (getpid (), start_time (getpid ()), boot);
  /* The test can tell: the right one dies. */
  recover_with_process (stranger, start, boot);
  ck_assert_msg (!bed_alive (stranger), "the recorded process lives on");
  bed_kill (stranger);
  compare (before, "strangers", 0);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "state", 120, setup, teardown);
  tcase_add_test (tcase, state_cut_everywhere);
  tcase_add_test (tcase, state_flipped);
  tcase_add_test (tcase, state_forged);
  tcase_add_test (tcase, state_of_another);
  tcase_add_test (tcase, journal_cut_everywhere);
  tcase_add_test (tcase, journal_flipped);
  tcase_add_test (tcase, journal_forged);
  tcase_add_test (tcase, strangers_live);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
