/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* supervise: the background katactl that drains a detached container's output and records its end: starting one, reporting from it. */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"
#include "progress.h"
#include "record.h"

/* Between fork and exec: only calls that are safe after a signal. The second fork gives the program to init. */
static void
become_background (char *const *argv, int report_fd)
{
  if (setsid () < 0)
    _exit (CTL_FAILED);
  pid_t pid = fork ();
  if (pid != 0)
    _exit (pid < 0 ? CTL_FAILED : CTL_OK);
  int null = open ("/dev/null", O_RDWR);
  if (null < 0 || dup2 (null, 0) < 0 || dup2 (null, 1) < 0 || dup2 (null, 2) < 0 || fcntl (report_fd, F_SETFD, 0) < 0)
    _exit (CTL_FAILED);
  if (null > 2)
    close (null);
  execv ("/proc/self/exe", argv);
  _exit (CTL_FAILED);
}

static char **
supervisor_argv (char *const *argv, int command_index, int report_fd)
{
  GPtrArray *words = g_ptr_array_new ();
  for (int i = 0; argv[i]; i++) {
    g_ptr_array_add (words, g_strdup (argv[i]));
    if (i == command_index)
      g_ptr_array_add (words, g_strdup_printf ("--" SUPERVISE_OPTION "=%d", report_fd));
  }
  g_ptr_array_add (words, NULL);
  return (char **) g_ptr_array_free (words, FALSE);
}

/* "started ID", "error CODE line", "note line": what supervise_report() and output.c write. Returns -1 while nothing final came. */
static int
take_report (char *line, progress **progress, char **id)
{
  if (g_str_has_prefix (line, "started ")) {
    *id = g_strdup (line + 8);
    return CTL_OK;
  }
  progress_end (progress);
  if (g_str_has_prefix (line, "note ")) {
    fprintf (stderr, "%s\n", line + 5);
  } else if (g_str_has_prefix (line, "error ")) {
    char *text = NULL;
    int code = (int) strtol (line + 6, &text, 10);
    fprintf (stderr, "%s\n", text + (*text == ' '));
    return code;
  }
  return -1;
}

static int
read_reports (ctl *ctl, int fd, char **id)
{
  progress *progress = progress_begin (ctl, "starting in the background");
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  int result = -1;
  FILE *reports = fdopen (fd, "r");
  /* After an error we stay until the supervisor has cleaned up and is gone. */
  while (reports && result != CTL_OK && (length = getline (&line, &room, reports)) > 0) {
    if (line[length - 1] == '\n')
      line[length - 1] = 0;
    int one = take_report (line, &progress, id);
    result = result < 0 ? one : result;
  }
  progress_end (&progress);
  free (line);
  if (reports)
    fclose (reports);
  return result;
}

int
supervise_spawn (ctl *ctl, char *const *argv, int command_index, char **id)
{
  int fds[2], status;
  if (pipe2 (fds, O_CLOEXEC) < 0)
    return output_fail (ctl, CTL_FAILED, "cannot make a pipe: %s", g_strerror (errno));
  g_auto (GStrv) words = supervisor_argv (argv, command_index, fds[1]);
  fflush (NULL);
  pid_t pid = fork ();
  if (pid == 0)
    become_background (words, fds[1]);
  close (fds[1]);
  while (pid > 0 && waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (pid < 0 || !WIFEXITED (status) || WEXITSTATUS (status) != 0) {
    close (fds[0]);
    return output_fail (ctl, CTL_FAILED, "cannot start a supervisor in the background; try without -d");
  }
  int result = read_reports (ctl, fds[0], id);
  if (result < 0)
    return output_fail (ctl, CTL_FAILED,
                        "the supervisor in the background died without a report; 'katactl recover' cleans up");
  return result;
}

void
supervise_enter (ctl *ctl, int report_fd)
{
  ctl->report_fd = report_fd;
  if (fcntl (report_fd, F_SETFD, FD_CLOEXEC) < 0)
    _exit (CTL_FAILED); /* not started by supervise_spawn() */
}

void
supervise_report (ctl *ctl, const char *id)
{
  int fd = ctl->report_fd;
  ctl->report_fd = -1;
  /* Every path of the command line was used by now, and the caller's folder may go. Being in it does no other harm. */
  if (fd >= 0 && chdir ("/") == 0)
    dprintf (fd, "started %s\n", id);
}

void
supervise_ensure (ctl *ctl, const char *id)
{
  record_status status;
  CTL_AUTO (sandbox) sandbox = NULL;
  g_autofree char *started = NULL;
  record_read (ctl, id, &status);
  int wanted = status.exists && status.finished == 0 && !record_is_supervised (ctl, id) &&
               kata_sandbox_open (&sandbox, ctl->runtime, id, NULL) == 0 &&
               kata_sandbox_get_state (sandbox) == KATA_STATE_RUNNING;
  record_status_clear (&status);
  if (!wanted)
    return;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, ctl->argv[0]);
  g_ptr_array_add (argv, (void *) "supervise");
  g_ptr_array_add (argv, (void *) "--state-dir");
  g_ptr_array_add (argv, (void *) kata_runtime_get_state_dir (ctl->runtime));
  if (ctl->config) {
    g_ptr_array_add (argv, (void *) "--config");
    g_ptr_array_add (argv, (void *) ctl->config);
  }
  for (guint i = 0; ctl->backend_libraries != NULL && i < ctl->backend_libraries->len; i++) {
    g_ptr_array_add (argv, (void *) "--backend-library");
    g_ptr_array_add (argv, g_ptr_array_index (ctl->backend_libraries, i));
  }
  g_ptr_array_add (argv, (void *) id);
  g_ptr_array_add (argv, NULL);
  supervise_spawn (ctl, (char *const *) argv->pdata, 1, &started);
}
