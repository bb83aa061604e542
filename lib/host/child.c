/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* child: clone, gate, descriptors, exec. */
#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/userns.h"

/* Where a child failed; sent with errno through the pipe that closes at exec. */
enum stage { STAGE_FDS = 0, STAGE_SIGNALS, STAGE_IDENTITY, STAGE_RLIMIT, STAGE_SESSION, STAGE_CHDIR, STAGE_EXEC };

static const char *const stage_text[] = {
  "place its descriptors",
  "reset its signals",
  "become root of its user namespace",
  "set its resource limits",
  "start a session",
  "change to its directory",
  "execute it",
};

struct failure {
  int stage;
  int errnum;
};

/* Everything the child needs, made ready before the clone, because it must not allocate. */
struct prepared {
  const kata_child_options *options;
  const char *const *envp;
  const char *cwd;
  int gate, report;                   /* read end of the gate, write end of the report */
  int source[3 + KATA_CHILD_FDS_MAX]; /* 0, 1, 2, then fds[] */
  int target[3 + KATA_CHILD_FDS_MAX];
  int keep[5 + KATA_CHILD_FDS_MAX]; /* source, gate and report, ascending */
  size_t n_map, n_keep;
  bool drop_groups;
  int above; /* first number above all targets */
};

static const char *const default_env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };

/* ---- in the child: only async-signal-safe calls from here to child_main() ---- */

static void __attribute__ ((noreturn)) child_fail (const struct prepared *p, enum stage stage)
{
  struct failure failure = { stage, errno };
  ssize_t ignored = write (p->report, &failure, sizeof failure);
  (void) ignored;
  _exit (127);
}

/*
 * Close what is not kept at once, before waiting at the gate: a second child made meanwhile by another thread would otherwise hold this
 * child's gate open (and this one the other's), and neither would see the parent die.
 */
static int
child_close_others (const struct prepared *p)
{
  unsigned first = 0;
  for (size_t i = 0; i < p->n_keep; i++) {
    unsigned kept = (unsigned) p->keep[i];
    if (kept > first && syscall (SYS_close_range, first, kept - 1, 0) < 0)
      return -1;
    first = kept + 1;
  }
  return (int) syscall (SYS_close_range, first, ~0u, 0);
}

/* Sources may lie on one another's targets: all go up first, then down to their numbers. */
static int
child_place_fds (struct prepared *p)
{
  int high[3 + KATA_CHILD_FDS_MAX];
  int gate = fcntl (p->gate, F_DUPFD_CLOEXEC, p->above);
  int report = fcntl (p->report, F_DUPFD_CLOEXEC, p->above);
  if (gate < 0 || report < 0)
    return -1;
  for (size_t i = 0; i < p->n_map; i++)
    if ((high[i] = fcntl (p->source[i], F_DUPFD_CLOEXEC, p->above)) < 0)
      return -1;
  p->gate = gate;
  p->report = report;
  if (syscall (SYS_close_range, 0, p->above - 1, 0) < 0)
    return -1;
  for (size_t i = 0; i < p->n_map; i++)
    if (dup2 (high[i], p->target[i]) < 0 || close (high[i]) < 0)
      return -1;
  /* What is left above: the kept sources that were there. The two pipes are ours until exec. */
  for (size_t i = 0; i < p->n_keep; i++)
    if (p->keep[i] >= p->above && p->keep[i] != gate && p->keep[i] != report)
      close (p->keep[i]);
  return 0;
}

static void
child_reset_signals (int ignored)
{
  struct sigaction reset = { .sa_handler = SIG_DFL };
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigset_t none;
  for (int signo = 1; signo < NSIG; signo++)
    sigaction (signo, signo == ignored ? &ignore : &reset, NULL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static void
child_wait_at_gate (const struct prepared *p)
{
  char go;
  ssize_t n;
  do
    n = read (p->gate, &go, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1)
    _exit (127); /* the parent died or gave up */
  close (p->gate);
}

/* The maps are written by now. System calls without libc's wrappers: those would look for the parent's other threads. */
static void
child_become_root (const struct prepared *p)
{
  if (p->drop_groups && syscall (SYS_setgroups, 0, NULL) < 0)
    child_fail (p, STAGE_IDENTITY);
  if (syscall (SYS_setresgid, 0, 0, 0) < 0 || syscall (SYS_setresuid, 0, 0, 0) < 0)
    child_fail (p, STAGE_IDENTITY);
}

/* @program: it, opened; -1 = by its path. A script cannot be run by a descriptor that closes. */
static void
child_exec (const struct prepared *p, int program)
{
  const kata_child_options *o = p->options;
  if (program >= 0)
    syscall (SYS_execveat, program, "", o->argv, p->envp, AT_EMPTY_PATH);
  if (program < 0 || errno == ENOENT)
    execve (o->program, (char *const *) o->argv, (char *const *) p->envp);
  child_fail (p, STAGE_EXEC);
}

static void __attribute__ ((noreturn)) child_main (struct prepared *p)
{
  const kata_child_options *o = p->options;
  int program = -1;
  if (child_close_others (p) < 0 || child_place_fds (p) < 0)
    child_fail (p, STAGE_FDS);
  child_reset_signals (o->ignored_signal);
  child_wait_at_gate (p);
  if (o->userns != NULL) {
    /* Who it becomes may not reach the program: a build tree below a directory that is ours alone. */
    program = open (o->program, O_PATH | O_CLOEXEC);
    child_become_root (p);
  }
  for (size_t i = 0; i < o->n_rlimits; i++)
    if (setrlimit ((__rlimit_resource_t) o->rlimits[i].resource, &o->rlimits[i].limit) < 0)
      child_fail (p, STAGE_RLIMIT);
  if (o->new_session && setsid () < 0)
    child_fail (p, STAGE_SESSION);
  if (chdir (p->cwd) < 0)
    child_fail (p, STAGE_CHDIR);
  child_exec (p, program);
  _exit (127);
}

/* ---- in the parent ---- */

static int
compare_int (const void *a, const void *b)
{
  int x = *(const int *) a, y = *(const int *) b;
  return (x > y) - (x < y);
}

static int
prepare (struct prepared *p, const kata_child_options *o, int devnull, kata_error **err)
{
  if (o->program == NULL || o->program[0] != '/' || o->argv == NULL || o->argv[0] == NULL)
    return kata_error__set (err, KATA_E_INVALID, NULL, "start a program: it needs an absolute path and arguments");
  if (o->n_fds > KATA_CHILD_FDS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, NULL, "start %s: more than %d descriptors", o->program,
                            KATA_CHILD_FDS_MAX);
  const int standard[3] = { o->stdin_fd, o->stdout_fd, o->stderr_fd };
  p->above = 3;
  for (int i = 0; i < 3; i++) {
    p->source[i] = standard[i] >= 0 ? standard[i] : devnull;
    p->target[i] = i;
  }
  for (size_t i = 0; i < o->n_fds; i++) {
    if (o->fds[i].target < 3 || o->fds[i].target > 1000 || o->fds[i].fd < 0)
      return kata_error__set (err, KATA_E_INVALID, NULL, "start %s: descriptor %d cannot be placed at %d", o->program,
                              o->fds[i].fd, o->fds[i].target);
    p->source[3 + i] = o->fds[i].fd;
    p->target[3 + i] = o->fds[i].target;
    p->above = MAX (p->above, o->fds[i].target + 1);
  }
  p->options = o;
  p->drop_groups = o->userns != NULL && kata_userns__drops_groups (o->userns);
  p->n_map = 3 + o->n_fds;
  p->envp = o->envp != NULL ? o->envp : default_env;
  p->cwd = o->cwd != NULL ? o->cwd : "/";
  memcpy (p->keep, p->source, p->n_map * sizeof p->keep[0]);
  p->keep[p->n_map] = p->gate;
  p->keep[p->n_map + 1] = p->report;
  p->n_keep = p->n_map + 2;
  qsort (p->keep, p->n_keep, sizeof p->keep[0], compare_int);
  return 0;
}

/*
 * A plain clone, without an exit signal: a child that fails before exec (which sets SIGCHLD again) is our business alone. Not vfork: the
 * parent must run while the child waits at the gate. All signals are blocked until the child has reset them, so that none of the embedder's
 * handlers runs there.
 */
static pid_t
clone_child (struct prepared *p, int *pidfd)
{
  sigset_t all, before;
  unsigned long flags =
      CLONE_PIDFD | (p->options->userns != NULL ? CLONE_NEWUSER : 0) | (p->options->new_pidns ? CLONE_NEWPID : 0);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
#if defined(__s390__)
  long pid = syscall (SYS_clone, 0, flags, pidfd, NULL, 0);
#else
  long pid = syscall (SYS_clone, flags, 0, pidfd, NULL, 0);
#endif
  if (pid == 0)
    child_main (p);
  int saved = errno;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = saved;
  return (pid_t) pid;
}

/* Lets the child pass the gate and waits for exec (end of file) or its report of failure. */
static int
release (const kata_child_options *o, int gate, int report, kata_error **err)
{
  struct failure failure;
  ssize_t n;
  do
    n = send (gate, "", 1, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  do
    n = read (report, &failure, sizeof failure);
  while (n < 0 && errno == EINTR);
  if (n == 0)
    return 0;
  if (n != (ssize_t) sizeof failure || failure.stage < 0 || failure.stage > STAGE_EXEC)
    return kata_error__set (err, KATA_E_IO, o->program, "start %s: the new process ended at once", o->program);
  return kata_error__errno (err, failure.stage == STAGE_EXEC ? KATA_E_HOST : KATA_E_IO, o->program, failure.errnum,
                            "start %s: %s", o->program, stage_text[failure.stage]);
}

int
kata_child__spawn (kata_child *out, const kata_child_options *o, kata_error **err)
{
  struct prepared p = { 0 };
  int gate[2], report[2];
  kata_auto_fd int devnull = open ("/dev/null", O_RDWR | O_CLOEXEC);
  if (devnull < 0)
    return kata_error__errno (err, KATA_E_IO, "/dev/null", errno, "start a program: open /dev/null");
  /* Sockets, because a write to a pipe whose reader has died would raise SIGPIPE in the embedder. */
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "start a program: make a socket pair");
  kata_auto_fd int gate_in = gate[0], gate_out = gate[1];
  if (pipe2 (report, O_CLOEXEC) < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "start a program: make a pipe");
  kata_auto_fd int report_in = report[0], report_out = report[1];
  p.gate = gate_in;
  p.report = report_out;
  int code = prepare (&p, o, devnull, err);
  if (code < 0)
    return code;

  kata_child child = { .pidfd = -1 };
  pid_t pid = clone_child (&p, &child.pidfd);
  if (pid < 0 && (o->userns != NULL || o->new_pidns))
    return kata_error__errno (err, KATA_E_HOST, NULL, errno, "start %s: make a process in a %s namespace of its own",
                              o->program, o->userns != NULL ? "user" : "PID");
  if (pid < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "start %s: make a process", o->program);
  kata_fd__closep (&gate_in);
  kata_fd__closep (&report_out);
  code = kata_pidfd__identify (&child.identity, pid, err);
  if (code == 0 && o->userns != NULL)
    code = kata_userns__map (o->userns, pid, err);
  if (code == 0 && o->record != NULL)
    code = o->record (o->record_data, &child.identity, err);
  if (code == 0)
    code = release (o, gate_out, report_in, err);
  if (code < 0) {
    kata_child__discard (&child);
    return code;
  }
  *out = child;
  return 0;
}

void
kata_child__discard (kata_child *child)
{
  if (child->pidfd < 0)
    return;
  kata_pidfd__kill (child->pidfd, kata_deadline__within (INT64_MAX, 5000), NULL);
  kata_fd__closep (&child->pidfd);
}
