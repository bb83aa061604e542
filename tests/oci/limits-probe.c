/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limits-probe: system calls that busybox has no words for, made in a container of test-limits.py; static, built by the test. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
say (int result)
{
  puts (result < 0 ? strerror (errno) : "done");
  return 0;
}

static int
lock (const char *path)
{
  return say (flock (open (path, O_RDWR), LOCK_EX | LOCK_NB));
}

static int
reach (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  strncpy (address.sun_path, path, sizeof address.sun_path - 1);
  return say (connect (socket (AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *) &address, sizeof address));
}

/* Names of what comes into @path, until one is called "last"; "ready" is made when it watches. */
static int
watch (const char *path)
{
  char buffer[4096] __attribute__ ((aligned (8)));
  int fd = inotify_init ();
  if (inotify_add_watch (fd, path, IN_CREATE) < 0 || chdir (path) < 0)
    return say (-1);
  close (open ("../ready", O_CREAT | O_WRONLY, 0666));
  for (ssize_t n; (n = read (fd, buffer, sizeof buffer)) > 0;)
    for (ssize_t at = 0; at < n;) {
      const struct inotify_event *event = (const struct inotify_event *) (buffer + at);
      puts (event->name);
      if (strcmp (event->name, "last") == 0)
        return 0;
      at += (ssize_t) (sizeof *event + event->len);
    }
  return 1;
}

int
main (int argc, char **argv)
{
  if (argc != 3)
    return 2;
  if (strcmp (argv[1], "lock") == 0)
    return lock (argv[2]);
  return strcmp (argv[1], "reach") == 0 ? reach (argv[2]) : watch (argv[2]);
}
