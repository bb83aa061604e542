/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cleanup: what is left when a server was killed: the library's sandbox, mounted root file systems, the group's directory. */
#include "verbs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "rootfs.h"
#include "runtime.h"
#include "say.h"

#define RECOVER_MS 3000
#define DYING_MS   2000

char *
cleanup_process_name (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL) || !strrchr (text, ')'))
    return NULL;
  /* The 22nd field is the start time; the second may hold blanks. */
  g_auto (GStrv) fields = g_strsplit (strrchr (text, ')') + 1, " ", 22);
  return g_strv_length (fields) > 20 ? g_strdup_printf ("%d %s", pid, fields[20]) : NULL;
}

/* A descriptor of the process that wrote its name down, if it is still that one; -1. */
static int
open_server (group *group)
{
  g_autofree char *noted = group_read (group, GROUP_SERVER);
  int pid = noted ? atoi (noted) : 0;
  int fd = pid > 1 ? pidfd_open (pid, 0) : -1;
  g_autofree char *now = fd >= 0 ? cleanup_process_name (pid) : NULL;
  if (now && g_str_equal (now, noted))
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

void
cleanup_kill_server (group *group)
{
  int fd = open_server (group);
  if (fd < 0)
    return;
  pidfd_send_signal (fd, SIGKILL, NULL, 0);
  close (fd);
}

/* A process that dies gives up its locks one after the other: the group's first, the sandbox's a little later. */
static void
wait_server (group *group)
{
  int fd = open_server (group);
  if (fd < 0)
    return;
  struct pollfd pfd = { fd, POLLIN, 0 };
  poll (&pfd, 1, DYING_MS);
  close (fd);
}

gboolean
cleanup_sandbox (group *group, const options *options, char **error)
{
  kata_runtime *runtime = NULL;
  kata_sandbox *sandbox = NULL;
  kata_error *err = NULL;
  int r = runtime_new_anyhow (&runtime, options, group, &err);
  if (r == 0)
    r = kata_sandbox_open (&sandbox, runtime, group->sandbox_id, &err);
  if (r == 0)
    r = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &err);
  if (r == KATA_E_NOT_FOUND) {
    err = kata_error_unref (err);
    /* Its making may have been cut short. */
    r = kata_runtime_recover_sandbox (runtime, group->sandbox_id, RECOVER_MS, &err);
  }
  if (r < 0)
    *error = g_strdup (kata_error_get_message (err));
  kata_error_unref (err);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  return r == 0;
}

gboolean
cleanup_group (group *group, const options *options, char **error)
{
  wait_server (group);
  if (!cleanup_sandbox (group, options, error))
    return FALSE;
  g_auto (GStrv) names = group_list (group, GROUP_ROOTFS);
  for (char **name = names; *name; name++) {
    g_autofree char *bundle = group_read (group, *name);
    int r = bundle && options_is_path (bundle) ? rootfs_unmount (bundle) : 0;
    if (r < 0) {
      *error = g_strdup_printf ("unmount \"%s/rootfs\": %s", bundle, g_strerror (-r));
      return FALSE;
    }
    group_forget (group, *name);
  }
  hooks_cleanup (group);
  int r = group_remove (group);
  if (r < 0)
    *error = g_strdup_printf ("remove \"%s\": %s", group->path, g_strerror (-r));
  return r == 0;
}
