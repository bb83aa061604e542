/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attend: one loop over signals, the proxy's end, and both directions of a terminal. */
#include "verbs/attend.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "terminal.h"

#define DRAIN_MS 1000 /* for a terminal's last bytes once the process has ended */

static void
pass_size (int master)
{
  struct winsize size = { 0 };
  uint32_t rows = 0, columns = 0;
  terminal_size (&rows, &columns);
  size.ws_row = (unsigned short) rows;
  size.ws_col = (unsigned short) columns;
  if (master >= 0 && rows)
    ioctl (master, TIOCSWINSZ, &size);
}

static int
copy (int from, int to)
{
  char buffer[16384];
  ssize_t n = read (from, buffer, sizeof buffer);
  for (ssize_t done = 0; done < n;) {
    ssize_t m = write (to, buffer + done, (size_t) (n - done));
    if (m <= 0 && errno != EINTR && errno != EAGAIN)
      return -1;
    done += m > 0 ? m : 0;
  }
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)) ? 0 : -1;
}

static void
took_signal (int fd, pid_t pid, int master)
{
  struct signalfd_siginfo info;
  if (read (fd, &info, sizeof info) != (ssize_t) sizeof info)
    return;
  if (info.ssi_signo == SIGWINCH)
    pass_size (master);
  else if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGPIPE)
    kill (pid, (int) info.ssi_signo); /* our child, not yet waited for */
}

static void
drain (int master)
{
  struct pollfd polled = { .fd = master, .events = POLLIN };
  while (master >= 0 && poll (&polled, 1, DRAIN_MS) > 0 && (polled.revents & POLLIN))
    if (copy (master, STDOUT_FILENO) < 0)
      break;
}

static void
watch (pid_t pid, int pidfd, int signals, int master)
{
  struct pollfd polls[] = { { .fd = pidfd, .events = POLLIN },
                            { .fd = signals, .events = POLLIN },
                            { .fd = master, .events = POLLIN },
                            { .fd = master >= 0 ? STDIN_FILENO : -1, .events = POLLIN } };
  for (;;) {
    if (poll (polls, 4, -1) < 0) {
      if (errno == EINTR)
        continue;
      return;
    }
    if (polls[1].revents)
      took_signal (signals, pid, master);
    if (polls[2].revents && copy (master, STDOUT_FILENO) < 0)
      polls[2].fd = -1;
    if (polls[3].revents && copy (STDIN_FILENO, master) < 0)
      polls[3].fd = -1;
    if (polls[0].revents)
      return;
  }
}

int
attend_foreground (pid_t pid, int master)
{
  sigset_t set;
  int status = 0;
  sigfillset (&set);
  sigprocmask (SIG_BLOCK, &set, NULL);
  int signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  int pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
  if (master >= 0) {
    pass_size (master);
    terminal_raw ();
  }
  if (signals >= 0 && pidfd >= 0)
    watch (pid, pidfd, signals, master);
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  drain (master);
  terminal_restore ();
  if (signals >= 0)
    close (signals);
  if (pidfd >= 0)
    close (pidfd);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}
