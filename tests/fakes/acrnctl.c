/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrnctl: says what the real one says, and like it ends with 0 when a rescan fails. */
#include "acrnctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LATE_US 300000
#define FLOOD   20000 /* lines */

void
acrn_misbehave (const struct fake_fault *fault, const char *action)
{
  const char *how = fault->how;
  if (fault->action == NULL || !g_str_equal (fault->action, action))
    return;
  if (g_str_equal (how, "late")) {
    g_usleep (LATE_US);
    return;
  }
  if (g_str_equal (how, "hang"))
    for (;;)
      pause ();
  if (g_str_equal (how, "junk"))
    printf ("\xff\xfe what is this\n");
  if (g_str_equal (how, "refuse"))
    printf ("Unable to do so: it is said so: in\x1btwo parts\n");
  for (int i = 0; (g_str_equal (how, "long") || g_str_equal (how, "deep")) && i < FLOOD; i++)
    printf ("%100s", g_str_equal (how, "long") ? "\n" : "[[[[");
  fflush (stdout);
  exit (g_str_equal (how, "refuse") ? 0 : 3); /* and "die", "hang-up" */
}

bool
acrnctl_wanted (int argc, char **argv)
{
  static const char *const verbs[] = { "list", "start", "stop", "del", "add", "reset", "blkrescan", NULL };
  return argc > 1 && g_strv_contains (verbs, argv[1]);
}

/* The last of a process's arguments is its VM's name, as it is for the real device model. */
static bool
runs (const char *pid, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/cmdline", pid), *text = NULL;
  gsize len = 0, last = strlen (name);
  return g_ascii_isdigit (pid[0]) && g_file_get_contents (path, &text, &len, NULL) && len > last + 1 &&
         memcmp (text + len - last - 1, name, last) == 0 && text[len - last - 2] == '\0';
}

static int
reach (const char *name)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc", 0, NULL);
  const char *pid;
  while ((pid = g_dir_read_name (dir)) != NULL) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!runs (pid, name))
      continue;
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/%s/cwd/" ACRN_MONITOR_SOCKET, pid);
    if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
      return fd;
    close (fd);
  }
  return -1;
}

/* Its number, or -1. */
static int
ask (int fd, const char *line)
{
  char answer[16] = "";
  if (send (fd, line, strlen (line), MSG_NOSIGNAL) < 0 || recv (fd, answer, sizeof answer - 1, 0) <= 0)
    return -1;
  return atoi (answer);
}

int
acrnctl_main (int argc, char **argv, const struct fake_fault *fault)
{
  bool rescan = g_str_equal (argv[1], "blkrescan");
  if (argc != (rescan ? 4 : 3) || !(rescan || g_str_equal (argv[1], "stop"))) {
    printf ("wrong arguments\n");
    return 255;
  }
  acrn_misbehave (fault, argv[1]);
  int fd = reach (argv[2]);
  if (fd < 0) {
    printf ("can't find %s\n", argv[2]);
    return 255;
  }
  g_autofree char *line = rescan ? g_strdup_printf ("blkrescan %s\n", argv[3]) : g_strdup ("stop\n");
  int error = ask (fd, line);
  close (fd);
  if (error != 0 && rescan)
    printf ("Unable to rescan virtio-blk device in vm. errno(%d)\n", error);
  else if (error != 0)
    printf ("Error happens when try to stop vm. errno(%d)\n", error);
  return rescan ? 0 : error;
}
