/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* terminal: raw mode of the user's terminal and its way back, also when katactl crashes; its size. */
#include "terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* A crash handler gets no argument of ours, so this is the one state at file scope; written before the handlers are installed. */
static struct termios saved;
static volatile sig_atomic_t is_raw;

void
terminal_restore (void)
{
  if (!is_raw)
    return;
  is_raw = 0;
  tcsetattr (STDIN_FILENO, TCSADRAIN, &saved); /* async-signal-safe by POSIX */
}

static void
crashed (int signum)
{
  terminal_restore ();
  signal (signum, SIG_DFL);
  raise (signum);
}

int
terminal_raw (void)
{
  static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS };
  struct termios raw;
  if (is_raw)
    return 0;
  if (tcgetattr (STDIN_FILENO, &saved) < 0)
    return -1;
  for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
    struct sigaction action = { .sa_handler = crashed, .sa_flags = (int) SA_RESETHAND };
    sigaction (crashes[i], &action, NULL);
  }
  atexit (terminal_restore);
  raw = saved;
  cfmakeraw (&raw);
  is_raw = 1;
  if (tcsetattr (STDIN_FILENO, TCSADRAIN, &raw) < 0) {
    is_raw = 0;
    return -1;
  }
  return 0;
}

void
terminal_size (uint32_t *rows, uint32_t *columns)
{
  static const int fds[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
  *rows = *columns = 0;
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
    struct winsize size;
    if (ioctl (fds[i], TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
      *rows = size.ws_row;
      *columns = size.ws_col;
      return;
    }
  }
}
