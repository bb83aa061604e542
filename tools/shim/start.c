/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* start: the verb that finds or makes the server of a pod and prints where it listens. */
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "messages/start.pb-c.h"
#include "runtime.h"
#include "say.h"

#define TRIES_MAX  8
#define LEAVING_MS 3000  /* a server of the same name that is about to end */
#define READY_MS   60000 /* it needs milliseconds; a machine may stand still */

/* Plain text is understood by every containerd; a BootstrapResult is for those that said BootstrapParams. */
static gboolean
print_address (const options *options, const char *address)
{
  Shim__BootstrapResult result = SHIM__BOOTSTRAP_RESULT__INIT;
  uint8_t data[512];
  size_t length = strlen (address);
  if (!options->bootstrap)
    return write (STDOUT_FILENO, address, length) == (ssize_t) length;
  result.version = 3;
  result.address = (char *) address;
  result.protocol = (char *) "ttrpc";
  if (shim__bootstrap_result__get_packed_size (&result) > sizeof data)
    return FALSE;
  length = shim__bootstrap_result__pack (&result, data);
  return write (STDOUT_FILENO, data, length) == (ssize_t) length;
}

/* 1.6 connects again through this file when it comes back. */
static gboolean
write_address (const char *bundle, const char *address, char **error)
{
  g_autofree char *path = g_build_filename (bundle, "address", NULL);
  g_autoptr (GError) wrong = NULL;
  if (g_file_set_contents_full (path, address, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &wrong))
    return TRUE;
  *error = g_strdup (wrong->message);
  return FALSE;
}

/* The group's directory, made and locked by us. A dead server's is cleaned up first. */
static gboolean
make_group (group *group, const options *options, char **error)
{
  int r = -EEXIST;
  for (int i = 0; i < TRIES_MAX && r == -EEXIST; i++) {
    r = group_make (group);
    if (r != -EEXIST || group_open (group) != 0)
      continue;
    int locked = group_lock (group, LEAVING_MS);
    if (locked == 0 && !cleanup_group (group, options, error))
      return FALSE;
    close (group->fd);
    group->fd = -1;
    if (locked == -EWOULDBLOCK)
      break;
  }
  if (r == -EEXIST)
    *error = g_strdup_printf ("\"%s\" has a server that runs already", group->id);
  else if (r < 0)
    *error = g_strdup_printf ("\"%s\": %s; it must be a directory that only its owner, this user, may enter",
                              group->path, g_strerror (-r));
  return r == 0;
}

/* The numbers are below all that this process has open otherwise, so one move at a time cannot overwrite another's source. */
static void
place_descriptors (int listener, int lock, int ready)
{
  int moved[] = { fcntl (listener, F_DUPFD, 10), fcntl (lock, F_DUPFD, 10), fcntl (ready, F_DUPFD, 10) };
  for (int i = 0; i < 3; i++) {
    dup2 (moved[i], SERVER_SOCKET_FD + i);
    close (moved[i]);
  }
  int nothing = open ("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; fd++)
    dup2 (nothing, fd);
  close_range (SERVER_READY_FD + 1, ~0u, 0);
}

static void
raise_oom_score (void)
{
  char text[16] = "";
  int fd = open ("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return;
  ssize_t n = read (fd, text, sizeof text - 1);
  int score = n > 0 ? atoi (text) + 1 : 1;
  snprintf (text, sizeof text, "%d", MIN (score, 1000));
  if (pwrite (fd, text, strlen (text), 0) < 0) {
    /* Killed as early as containerd itself then. */
  }
  close (fd);
}

static G_GNUC_NORETURN void
become_server (const options *options, const char *bundle, group *group, int listener, int ready)
{
  const char *argv[16] = {
    "/proc/self/exe", "-namespace", options->namespace_name, "-id", group->id, "-bundle", bundle
  };
  int n = 7;
  argv[n++] = "-address";
  argv[n++] = options->address;
  if (options->debug)
    argv[n++] = "-debug";
  argv[n++] = "serve";
  g_setenv ("TTRPC_ADDRESS", options->ttrpc_address, TRUE);
  setpgid (0, 0);
  raise_oom_score ();
  place_descriptors (listener, group->fd, ready);
  execv ("/proc/self/exe", (char **) argv);
  _exit (127);
}

/* One byte says that it serves. */
static gboolean
wait_ready (int fd)
{
  char byte;
  struct pollfd pfd = { fd, POLLIN, 0 };
  int n;
  while ((n = poll (&pfd, 1, READY_MS)) < 0 && errno == EINTR)
    ;
  return n > 0 && read (fd, &byte, 1) == 1;
}

static gboolean
spawn (group *group, const options *options, const char *bundle, char **error)
{
  int ready[2];
  int listener = group_listen (group);
  if (listener < 0 || pipe2 (ready, O_CLOEXEC) != 0) {
    *error = g_strdup_printf ("listen in \"%s\": %s", group->path, g_strerror (listener < 0 ? -listener : errno));
    return FALSE;
  }
  pid_t pid = fork ();
  if (pid == 0)
    become_server (options, bundle, group, listener, ready[1]);
  close (ready[1]);
  close (listener);
  gboolean ok = pid > 0 && wait_ready (ready[0]);
  close (ready[0]);
  if (ok)
    return TRUE;
  if (pid > 0) {
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
  }
  *error = g_strdup ("the server did not come up");
  return FALSE;
}

static gboolean
find_or_make (group *group, gboolean owner, const options *options, const char *bundle, char **error)
{
  if (!owner) {
    if (group_open (group) == 0 && group_answers (group))
      return TRUE;
    *error = g_strdup_printf ("the pod \"%s\" has no running shim that \"%s\" could join", group->id, options->id);
    return FALSE;
  }
  if (!make_group (group, options, error))
    return FALSE;
  if (runtime_keep_config (options, group, error) && spawn (group, options, bundle, error))
    return TRUE;
  group_remove (group);
  return FALSE;
}

static gboolean
start (options *options, const char *bundle, char **error)
{
  place place = { 0 };
  group group = { .fd = -1 };
  if (!options_read_input (options, STDIN_FILENO, error) || !place_read (&place, bundle, options->id, error))
    return FALSE;
  group_name (&group, options, place.group);
  g_autofree char *address = group_address (&group);
  gboolean ok = find_or_make (&group, place.owner, options, bundle, error);
  if (ok && (!write_address (bundle, address, error) || !print_address (options, address))) {
    if (!*error)
      *error = g_strdup ("standard output cannot be written");
    if (place.owner)
      cleanup_kill_server (&group);
    ok = FALSE;
  }
  group_clear (&group);
  place_clear (&place);
  return ok;
}

int
verb_start (options *options)
{
  g_autofree char *error = NULL;
  g_autofree char *here = g_get_current_dir ();
  if (start (options, options->bundle ? options->bundle : here, &error))
    return 0;
  say_failure ("%s", error);
  return 1;
}
