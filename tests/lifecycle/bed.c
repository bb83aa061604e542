/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed: unshare, tmpfs, children. */
#include "bed.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "residue.h"

#define SKIP 77

static bool
put (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  bool ok = fd >= 0 && write (fd, text, strlen (text)) == (ssize_t) strlen (text);
  if (fd >= 0)
    close (fd);
  return ok;
}

/* Not root: a user namespace makes us root of our own mounts. */
static bool
become_root (void)
{
  g_autofree char *uid = g_strdup_printf ("0 %u 1", (unsigned) geteuid ());
  g_autofree char *gid = g_strdup_printf ("0 %u 1", (unsigned) getegid ());
  if (geteuid () == 0)
    return true;
  return unshare (CLONE_NEWUSER) == 0 && put ("/proc/self/setgroups", "deny") && put ("/proc/self/uid_map", uid) &&
         put ("/proc/self/gid_map", gid);
}

/* Temporary files go to a file system that vanishes with the namespace, also when a test dies; shared memory and sockets are seen alone. */
static const char *
enter (void)
{
  static const char *const places[] = { "/media", "/srv", "/mnt", "/opt" };
  if (!become_root () || unshare (CLONE_NEWNS | CLONE_NEWNET) != 0)
    return "namespaces of its own cannot be had (needs root or user namespaces)";
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount ("tmpfs", "/dev/shm", "tmpfs", 0, NULL) != 0)
    return "nothing can be mounted here";
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    if (mount ("tmpfs", places[i], "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,mode=0755") == 0) {
      g_setenv ("TMPDIR", places[i], TRUE);
      return NULL;
    }
  return "there is no directory to mount a temporary file system on";
}

int
bed_run (Suite *(*make) (void) )
{
  const char *why = enter ();
  if (why != NULL) {
    printf ("SKIP: %s\n", why);
    return SKIP;
  }
  /* Orphans of our children become ours, and so are seen. */
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  setvbuf (stdout, NULL, _IOLBF, 0);
  SRunner *runner = srunner_create (make ());
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  residue_end_children ();
  return failed != 0;
}

TCase *
bed_case (Suite **suite, const char *name, int seconds, void (*setup) (void), void (*teardown) (void))
{
  g_autofree char *whole = g_strdup_printf ("lifecycle/%s", name);
  *suite = suite_create (g_intern_string (whole));
  TCase *tcase = tcase_create (name);
  tcase_set_timeout (tcase, seconds);
  tcase_add_checked_fixture (tcase, setup, teardown);
  suite_add_tcase (*suite, tcase);
  return tcase;
}

pid_t
bed_spawn (const char *const *args)
{
  pid_t pid = fork ();
  ck_assert_int_ge (pid, 0);
  if (pid > 0)
    return pid;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  execv ("/proc/self/exe", (char *const *) args);
  _exit (126);
}

int
bed_wait (pid_t pid, int ms)
{
  int status = 0;
  for (int waited = 0; waited <= ms; waited += 2) {
    pid_t got = waitpid (pid, &status, WNOHANG);
    ck_assert_int_ge (got, 0);
    if (got == pid)
      return status;
    g_usleep (2000);
  }
  bed_kill (pid);
  ck_abort_msg ("child %d did not end within %d ms", (int) pid, ms);
  return 0;
}

pid_t
bed_stranger (void)
{
  pid_t pid = fork ();
  ck_assert_int_ge (pid, 0);
  if (pid > 0)
    return pid;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  for (;;)
    pause ();
}

bool
bed_alive (pid_t pid)
{
  siginfo_t info = { 0 };
  return waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

void
bed_kill (pid_t pid)
{
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
}

bool
bed_sanitized (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return true;
#else
  return false;
#endif
#else
  return false;
#endif
}

void
bed_failed (int result, kata_error **error, const char *what)
{
  ck_assert_msg (result < 0 && result >= KATA_E_INTERNAL, "%s: %d is no error code", what, result);
  ck_assert_msg (*error != NULL, "%s: %d without an error", what, result);
  ck_assert_msg (kata_error_get_code (*error) == result, "%s: returned %d, the error says %d (%s)", what, result,
                 kata_error_get_code (*error), kata_error_get_message (*error));
  const char *text = kata_error_get_message (*error);
  ck_assert_msg (strlen (text) > 10 && g_utf8_validate (text, -1, NULL), "%s: \"%s\" is no sentence", what, text);
  for (const char *c = text; *c != '\0'; c++)
    ck_assert_msg ((unsigned char) *c >= ' ', "%s: control character in \"%s\"", what, text);
  *error = kata_error_unref (*error);
}
