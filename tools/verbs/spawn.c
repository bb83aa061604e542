/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spawn: starts a pod's keeper in the background and waits until it listens. */
#include "verbs/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec: system calls only. The second fork makes it nobody's child. */
static void
become_keeper (char *const *argv, int report)
{
  if (setsid () < 0)
    _exit (1);
  pid_t pid = fork ();
  if (pid != 0)
    _exit (pid < 0 ? 1 : 0);
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int high = fcntl (report, F_DUPFD, 10);
  if (null < 0 || high < 0 || dup2 (null, 0) < 0 || dup2 (null, 1) < 0 || dup2 (null, 2) < 0 ||
      dup2 (high, SPAWN_REPORT_FD) < 0 || chdir ("/") < 0)
    _exit (1);
  syscall (SYS_close_range, SPAWN_REPORT_FD + 1, ~0U, 0); /* an engine waits for the end of what it handed us */
  execv ("/proc/self/exe", argv);
  _exit (1);
}

static char **
keeper_argv (oci *oci, const char *sandbox, const char *cgroup)
{
  GPtrArray *words = g_ptr_array_new ();
  g_autofree char *config =
      oci->ctl.config ? g_canonicalize_filename (oci->ctl.config, NULL) : NULL; /* it works in "/" */
  const char *const options[] = { "root",        kata_runtime_get_state_dir (oci->ctl.runtime),
                                  "kata-config", config,
                                  "hypervisor",  oci->ctl.hypervisor,
                                  "log-level",   oci->debug ? "debug" : oci->log_level };
  g_ptr_array_add (words, g_strdup ("kata-runtime"));
  for (size_t i = 0; i < G_N_ELEMENTS (options); i += 2)
    if (options[i + 1])
      g_ptr_array_add (words, g_strdup_printf ("--%s=%s", options[i], options[i + 1]));
  g_ptr_array_add (words, g_strdup ("keep"));
  if (cgroup)
    g_ptr_array_add (words, g_strdup_printf ("--cgroup=%s", cgroup));
  g_ptr_array_add (words, g_strdup (sandbox));
  g_ptr_array_add (words, NULL);
  return (char **) g_ptr_array_free (words, FALSE);
}

/* "ready", or the text of an error. */
static int
read_report (oci *oci, int exit_code, int fd)
{
  char text[4096];
  size_t length = 0;
  ssize_t n;
  while (length < sizeof text - 1 &&
         ((n = read (fd, text + length, sizeof text - 1 - length)) > 0 || (n < 0 && errno == EINTR)))
    length += n > 0 ? (size_t) n : 0;
  text[length] = 0;
  if (strcmp (text, "ready") == 0)
    return 0;
  return oci_fail (oci, exit_code, "%s", length > 0 ? text : "the pod's keeper ended before it was ready");
}

int
spawn_keeper (oci *oci, int exit_code, const char *sandbox, const char *cgroup)
{
  int report[2], status = 0;
  if (!oci_runtime (oci))
    return exit_code;
  if (pipe2 (report, O_CLOEXEC) < 0)
    return oci_fail (oci, exit_code, "cannot make a pipe: %s", g_strerror (errno));
  g_auto (GStrv) argv = keeper_argv (oci, sandbox, cgroup);
  fflush (NULL);
  pid_t pid = fork ();
  if (pid == 0)
    become_keeper (argv, report[1]);
  close (report[1]);
  while (pid > 0 && waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  int rc = pid < 0 ? oci_fail (oci, exit_code, "cannot start the pod's keeper: %s", g_strerror (errno))
                   : read_report (oci, exit_code, report[0]);
  close (report[0]);
  return rc;
}
