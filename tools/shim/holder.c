/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* holder: forked from a program with threads, so the child calls nothing but the kernel. */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Low numbers are free in it, but for the two that it keeps. */
enum { LIFE_FD = 3, ANSWER_FD = 4 };

static G_GNUC_NORETURN void
stand (int namespace_fd, int life, int answer)
{
  int moved[] = { fcntl (life, F_DUPFD, 10), fcntl (answer, F_DUPFD, 10) }, error = 0;
  char byte;
  if (namespace_fd >= 0 ? setns (namespace_fd, CLONE_NEWNET) : unshare (CLONE_NEWNET))
    error = errno;
  dup2 (moved[0], LIFE_FD);
  dup2 (moved[1], ANSWER_FD);
  for (int fd = 0; fd < LIFE_FD; fd++)
    close (fd);
  /* It holds neither the lock of the pod's directory nor anybody's stream. */
  close_range (ANSWER_FD + 1, ~0u, 0);
  (void) !write (ANSWER_FD, &error, sizeof error);
  close (ANSWER_FD);
  while (error == 0 && read (LIFE_FD, &byte, 1) < 0 && errno == EINTR)
    ;
  _exit (0);
}

int
holder_start (holder *holder, const char *path)
{
  int life[2] = { -1, -1 }, answer[2] = { -1, -1 }, error = EIO;
  int namespace_fd = path ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  if ((path && namespace_fd < 0) || pipe2 (life, O_CLOEXEC) != 0 || pipe2 (answer, O_CLOEXEC) != 0)
    error = errno;
  else if ((holder->pid = fork ()) == 0)
    stand (namespace_fd, life[0], answer[1]);
  else if (holder->pid < 0)
    error = errno;
  const int theirs[] = { namespace_fd, life[0], answer[1] };
  for (size_t i = 0; i < G_N_ELEMENTS (theirs); i++)
    if (theirs[i] >= 0)
      close (theirs[i]);
  /* Nothing to read means that it died. */
  ssize_t n = holder->pid > 0 ? read (answer[0], &error, sizeof error) : -1;
  if (answer[0] >= 0)
    close (answer[0]);
  holder->fd = life[1];
  if (n == (ssize_t) sizeof error && error == 0)
    return 0;
  holder_end (holder);
  return -error;
}

void
holder_end (holder *holder)
{
  if (holder->pid > 0) {
    kill (holder->pid, SIGKILL);
    while (waitpid (holder->pid, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  if (holder->fd >= 0)
    close (holder->fd);
  *holder = (struct holder){ .fd = -1 };
}

char *
holder_path (const holder *holder)
{
  return g_strdup_printf ("/proc/%d/ns/net", (int) holder->pid);
}
