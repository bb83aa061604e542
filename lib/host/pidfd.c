/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pidfd: identity, signal, wait and exit status through process descriptors; deadlines. */
#include "host/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define REAP_TRIES    200
#define REAP_PAUSE_US 1000

int64_t
kata_deadline__now (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int
kata_deadline__poll_ms (int64_t deadline_us)
{
  if (deadline_us == INT64_MAX)
    return -1;
  int64_t left = deadline_us - kata_deadline__now ();
  if (left <= 0)
    return 0;
  int64_t ms = left / 1000 + (left % 1000 != 0);
  return ms > INT_MAX ? INT_MAX : (int) ms;
}

int64_t
kata_deadline__within (int64_t deadline_us, int64_t ms)
{
  int64_t limit;
  if (__builtin_mul_overflow (ms, 1000, &limit) || __builtin_add_overflow (limit, kata_deadline__now (), &limit))
    return deadline_us;
  return MIN (limit, deadline_us);
}

/* The program's name in field 2 may hold spaces and brackets: fields are counted from the last bracket on. */
static bool
parse_start_time (const char *stat, uint64_t *start_time)
{
  const char *p = strrchr (stat, ')');
  for (int field = 2; p != NULL && field < 22; field++)
    p = strchr (p + 1, ' ');
  if (p == NULL)
    return false;
  char *end;
  errno = 0;
  unsigned long long value = strtoull (p + 1, &end, 10);
  if (errno != 0 || end == p + 1 || *end != ' ')
    return false;
  *start_time = value;
  return true;
}

int
kata_pidfd__identify (kata_pid_identity *out, int64_t pid, kata_error **err)
{
  char path[64], stat[2048];
  if (pid <= 0 || pid > INT_MAX)
    return kata_error__set (err, KATA_E_INVALID, NULL, "process: %lld is not a process id", (long long) pid);
  snprintf (path, sizeof path, "/proc/%lld/stat", (long long) pid);
  kata_auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return kata_error__errno (err, errno == ENOENT ? KATA_E_NOT_FOUND : KATA_E_IO, path, errno, "process %lld",
                              (long long) pid);
  ssize_t n = read (fd, stat, sizeof stat - 1);
  if (n < 0)
    return kata_error__errno (err, errno == ESRCH ? KATA_E_NOT_FOUND : KATA_E_IO, path, errno, "process %lld",
                              (long long) pid);
  stat[n] = '\0';
  uint64_t start_time;
  if (!parse_start_time (stat, &start_time))
    return kata_error__set (err, KATA_E_IO, path, "%s: no start time in it", path);
  out->pid = pid;
  out->start_time = start_time;
  return 0;
}

int
kata_pidfd__open (int *pidfd, const kata_pid_identity *identity, kata_error **err)
{
  if (identity->pid <= 0 || identity->pid > INT_MAX)
    return kata_error__set (err, KATA_E_INVALID, NULL, "process: %lld is not a process id", (long long) identity->pid);
  kata_auto_fd int fd = (int) syscall (SYS_pidfd_open, (pid_t) identity->pid, 0);
  /* EINVAL, ENOENT since Linux 6.15: the number belongs to a thread by now, and so to another process. */
  if (fd < 0) {
    bool gone = errno == ESRCH || errno == EINVAL || errno == ENOENT;
    return kata_error__errno (err, gone ? KATA_E_NOT_FOUND : KATA_E_IO, NULL, errno, "process %lld",
                              (long long) identity->pid);
  }
  kata_pid_identity seen;
  int code = kata_pidfd__identify (&seen, identity->pid, err);
  if (code < 0)
    return code;
  if (seen.start_time != identity->start_time)
    return kata_error__set (err, KATA_E_NOT_FOUND, NULL, "process %lld: ended, its number belongs to another now",
                            (long long) identity->pid);
  *pidfd = kata_fd__steal (&fd);
  return 0;
}

int
kata_pidfd__signal (int pidfd, int signo, kata_error **err)
{
  if (syscall (SYS_pidfd_send_signal, pidfd, signo, NULL, 0) < 0 && errno != ESRCH)
    return kata_error__errno (err, errno == EPERM ? KATA_E_PERMISSION : KATA_E_IO, NULL, errno, "send signal %d",
                              signo);
  return 0;
}

int
kata_pidfd__wait (int pidfd, int64_t deadline_us, kata_error **err)
{
  struct pollfd poller = { .fd = pidfd, .events = POLLIN };
  for (;;) {
    int n = poll (&poller, 1, kata_deadline__poll_ms (deadline_us));
    if (n > 0)
      return 0;
    if (n < 0 && errno != EINTR)
      return kata_error__errno (err, KATA_E_IO, NULL, errno, "wait for a process");
    if (n == 0 && kata_deadline__now () >= deadline_us)
      return kata_error__set (err, KATA_E_TIMEOUT, NULL, "the process did not end in time");
  }
}

bool
kata_pidfd__ended (int pidfd)
{
  struct pollfd poller = { .fd = pidfd, .events = POLLIN };
  return poll (&poller, 1, 0) > 0;
}

void
kata_pidfd__reap (int pidfd, kata_exit_status *out)
{
  siginfo_t info = { 0 };
  int result = 0;
  /* One with several threads polls readable a moment before it can be waited for (seen with Linux 6.18). */
  for (int i = 0; i < REAP_TRIES; i++) {
    /* __WALL: a child of child.c that failed before exec has no exit signal, and plain wait calls pass over those. */
    result = waitid ((idtype_t) P_PIDFD, (id_t) pidfd, &info, WEXITED | WNOHANG | __WALL);
    if (result < 0 || info.si_pid != 0 || !kata_pidfd__ended (pidfd))
      break;
    g_usleep (REAP_PAUSE_US);
  }
  *out = (kata_exit_status){ 0 };
  if (result < 0 || info.si_pid == 0)
    return;
  out->known = true;
  if (info.si_code == CLD_EXITED)
    out->code = info.si_status;
  else
    out->signal = info.si_status;
}

int
kata_pidfd__kill (int pidfd, int64_t deadline_us, kata_error **err)
{
  kata_exit_status status;
  int code = kata_pidfd__signal (pidfd, SIGKILL, err);
  if (code == 0)
    code = kata_pidfd__wait (pidfd, deadline_us, err);
  kata_pidfd__reap (pidfd, &status);
  return code;
}

char *
kata_exit_status__text (const kata_exit_status *status)
{
  if (!status->known)
    return g_strdup ("ended");
  if (status->signal != 0)
    return g_strdup_printf ("killed by signal %d (%s)", status->signal, g_strsignal (status->signal));
  return g_strdup_printf ("exit status %d", status->code);
}
