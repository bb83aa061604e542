/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: runs a program on a thread and keeps its streams and its end; knows nothing of containers. */
#include "backend/null/process.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/null/program.h"
#include "base/fd.h"
#include "base/thread.h"

struct null_process {
  gint refs;
  gboolean terminal;
  int in[2], out[2], err[2]; /* [0] the host's end, [1] the program's */
  int exit_fd;
  struct null_program program;
  GThread *thread;
  GMutex lock;
  gboolean started, exited, told;
  int status, signum;
};

static void
wake (int fd)
{
  guint64 one = 1;
  ssize_t n = write (fd, &one, sizeof one);
  (void) n; /* an eventfd only refuses when it is readable already */
}

struct null_process *
kata_null_process__new (char **args, gboolean terminal)
{
  struct null_process *p = g_new0 (struct null_process, 1);
  p->refs = 1;
  p->terminal = terminal;
  p->in[0] = p->in[1] = p->out[0] = p->out[1] = p->err[0] = p->err[1] = -1;
  g_mutex_init (&p->lock);
  p->exit_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  p->program.kill_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  p->program.args = g_strdupv (args);
  if (p->exit_fd < 0 || p->program.kill_fd < 0 || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->in) != 0 ||
      socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->out) != 0 ||
      socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->err) != 0) {
    kata_null_process__unref (p);
    return NULL;
  }
  p->program.in = p->in[1];
  p->program.out = p->out[1];
  p->program.err = terminal ? p->out[1] : p->err[1];
  return p;
}

struct null_process *
kata_null_process__ref (struct null_process *p)
{
  g_atomic_int_inc (&p->refs);
  return p;
}

void
kata_null_process__unref (struct null_process *p)
{
  if (p == NULL || !g_atomic_int_dec_and_test (&p->refs))
    return;
  if (p->thread != NULL)
    g_thread_unref (p->thread);
  int fds[] = { p->in[0], p->in[1], p->out[0], p->out[1], p->err[0], p->err[1], p->exit_fd, p->program.kill_fd };
  for (size_t i = 0; i < G_N_ELEMENTS (fds); i++)
    kata_fd__close (fds[i]);
  g_strfreev (p->program.args);
  g_mutex_clear (&p->lock);
  g_free (p);
}

static gpointer
run (gpointer data)
{
  struct null_process *p = data;
  int code = kata_null_program__run (&p->program);
  g_mutex_lock (&p->lock);
  p->status = code >= 0 ? code : 128 + p->signum;
  p->exited = TRUE;
  g_mutex_unlock (&p->lock);
  /* Readers see the end of the streams, the writer a broken one; what was written before stays readable. */
  shutdown (p->out[1], SHUT_WR);
  shutdown (p->err[1], SHUT_WR);
  shutdown (p->in[1], SHUT_RDWR);
  wake (p->exit_fd);
  kata_null_process__unref (p);
  return NULL;
}

gboolean
kata_null_process__start (struct null_process *p)
{
  g_mutex_lock (&p->lock);
  gboolean can = !p->started && !p->exited;
  p->started = p->started || can;
  g_mutex_unlock (&p->lock);
  if (!can)
    return FALSE;
  p->thread = kata_thread__new ("null-process", run, kata_null_process__ref (p), NULL);
  if (p->thread == NULL)
    g_error ("null: no thread for a process");
  return TRUE;
}

void
kata_null_process__kill (struct null_process *p, int signum)
{
  static const int deadly[] = { SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGTERM };
  gboolean ends = FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (deadly); i++)
    ends = ends || deadly[i] == signum;
  if (!ends)
    return;
  g_mutex_lock (&p->lock);
  if (!p->exited && p->signum == 0)
    p->signum = signum;
  gboolean never_ran = !p->started && !p->exited;
  if (never_ran) {
    p->exited = TRUE;
    p->status = 128 + signum;
  }
  g_mutex_unlock (&p->lock);
  wake (p->program.kill_fd);
  if (never_ran) {
    shutdown (p->out[1], SHUT_WR);
    shutdown (p->err[1], SHUT_WR);
    wake (p->exit_fd);
  }
}

void
kata_null_process__pause (struct null_process *p, gboolean paused)
{
  g_atomic_int_set (&p->program.paused, paused);
}

gboolean
kata_null_process__is_started (struct null_process *p)
{
  g_mutex_lock (&p->lock);
  gboolean started = p->started;
  g_mutex_unlock (&p->lock);
  return started;
}

gboolean
kata_null_process__has_terminal (struct null_process *p)
{
  return p->terminal;
}

gboolean
kata_null_process__exited (struct null_process *p, int *status)
{
  g_mutex_lock (&p->lock);
  gboolean exited = p->exited;
  *status = p->status;
  g_mutex_unlock (&p->lock);
  return exited;
}

void
kata_null_process__note_told (struct null_process *p)
{
  g_mutex_lock (&p->lock);
  p->told = TRUE;
  g_mutex_unlock (&p->lock);
}

gboolean
kata_null_process__is_over (struct null_process *p)
{
  const int streams[] = { p->out[0], p->err[0] };
  char byte;
  g_mutex_lock (&p->lock);
  gboolean over = p->exited && p->told;
  g_mutex_unlock (&p->lock);
  for (size_t i = 0; over && i < G_N_ELEMENTS (streams); i++)
    over = recv (streams[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  return over;
}

int
kata_null_process__exit_fd (struct null_process *p)
{
  return p->exit_fd;
}

int
kata_null_process__stdin (struct null_process *p)
{
  return p->in[0];
}

int
kata_null_process__output (struct null_process *p, gboolean stderr_stream)
{
  return stderr_stream ? p->err[0] : p->out[0];
}

void
kata_null_process__close_stdin (struct null_process *p)
{
  shutdown (p->in[0], SHUT_WR);
}
