/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: owns the agent's ends of a process's stdio and its pidfd; who keeps it in which list is container.c's. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"
#include "file.h"
#include "mem.h"

/* Fewer round trips for a chatty container than with the kernel's 64 KiB; the kernel takes memory only for what is in it. */
#define PIPE_SIZE_DEFAULT (256 << 10)

static int
make_pipe (struct agent *agent, int *ours, int *theirs, int we_write, struct fault *fault)
{
  int ends[2];
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return fault_errno (fault, "cannot make a pipe");
  *ours = ends[we_write ? 1 : 0];
  *theirs = ends[we_write ? 0 : 1];
  if (!we_write)
    fcntl (*ours, F_SETPIPE_SZ, agent->options.pipe_size ? (int) agent->options.pipe_size : PIPE_SIZE_DEFAULT);
  if (fcntl (*ours, F_SETFL, O_NONBLOCK) < 0)
    return fault_errno (fault, "cannot make a pipe");
  return 0;
}

static int
make_stdio (struct process *process, struct process_birth *birth, struct fault *fault)
{
  if (process->terminal) {
    birth->listen_fd = console_listen (birth->console_path, fault);
    return birth->listen_fd < 0 ? -1 : 0;
  }
  if (make_pipe (process->agent, &process->in.fd, &birth->stdio[0], 1, fault) < 0 ||
      make_pipe (process->agent, &process->out.fd, &birth->stdio[1], 0, fault) < 0)
    return -1;
  return make_pipe (process->agent, &process->err.fd, &birth->stdio[2], 0, fault);
}

struct process *
process_new (struct agent *agent, const char *exec_id, int terminal, struct process_birth *birth, struct fault *fault)
{
  struct process *process = mem_zero (sizeof *process);
  unsigned number = atomic_fetch_add (&agent->next_number, 1);
  *birth = (struct process_birth){ .stdio = { -1, -1, -1 }, .listen_fd = -1 };
  snprintf (birth->console_path, sizeof birth->console_path, AGENT_OWN_DIR "/console-%u", number);
  snprintf (birth->pid_path, sizeof birth->pid_path, AGENT_OWN_DIR "/pid-%u", number);
  snprintf (process->exec_id, sizeof process->exec_id, "%s", exec_id);
  process->agent = agent;
  process->terminal = terminal;
  process->pid_fd = -1;
  process->refs = 1;
  stream_init (&process->in);
  stream_init (&process->out);
  stream_init (&process->err);
  int result = watch_init (&process->watch);
  if (result < 0)
    fault_errno (fault, "cannot make an eventfd");
  if (result < 0 || make_stdio (process, birth, fault) < 0) {
    process_free (process);
    return NULL;
  }
  birth->since = reaper_now (&agent->reaper);
  return process;
}

static int
take_console (struct process *process, struct process_birth *birth, struct fault *fault)
{
  process->out.fd = console_receive (birth->listen_fd, fault);
  if (process->out.fd < 0)
    return -1;
  process->in.fd = fcntl (process->out.fd, F_DUPFD_CLOEXEC, 3);
  return process->in.fd < 0 ? fault_errno (fault, "console") : 0;
}

int
process_adopt (struct process *process, struct process_birth *birth, struct fault *fault)
{
  uint64_t pid = file_read_number (birth->pid_path, 0);
  if (pid == 0 || pid > INT32_MAX)
    return fault_set (fault, TTRPC_INTERNAL, "crun has written no pid file");
  reaper_watch (&process->agent->reaper, &process->watch, (pid_t) pid, birth->since);
  if (!process_has_ended (process))
    process->pid_fd = (int) syscall (SYS_pidfd_open, (pid_t) pid, 0);
  if (process->pid_fd < 0 && !process_wait_ms (process, 1000))
    return fault_errno (fault, "pidfd_open %d", (int) pid);
  if (process->terminal)
    return take_console (process, birth, fault);
  return 0;
}

void
process_birth_clear (struct process_birth *birth)
{
  for (int i = 0; i < 3; i++)
    fd_clear (&birth->stdio[i]);
  fd_clear (&birth->listen_fd);
  unlink (birth->console_path);
  unlink (birth->pid_path);
}

struct process *
process_ref (struct process *process)
{
  pthread_mutex_lock (&process->agent->lock);
  process->refs++;
  pthread_mutex_unlock (&process->agent->lock);
  return process;
}

int
process_unref_locked (struct process *process)
{
  return --process->refs == 0;
}

void
process_unref (struct process *process)
{
  if (!process)
    return;
  pthread_mutex_lock (&process->agent->lock);
  int last = process_unref_locked (process);
  pthread_mutex_unlock (&process->agent->lock);
  if (last)
    process_free (process);
}

void
process_free (struct process *process)
{
  reaper_forget (&process->agent->reaper, &process->watch);
  watch_clear (&process->watch);
  fd_clear (&process->pid_fd);
  stream_clear (&process->in);
  stream_clear (&process->out);
  stream_clear (&process->err);
  free (process);
}

int
process_has_ended (struct process *process)
{
  return watch_status (&process->agent->reaper, &process->watch, NULL);
}

int32_t
process_status (struct process *process)
{
  int raw = 0;
  watch_status (&process->agent->reaper, &process->watch, &raw);
  return WIFSIGNALED (raw) ? 128 + WTERMSIG (raw) : WEXITSTATUS (raw);
}

int
process_wait_ms (struct process *process, int timeout_ms)
{
  struct pollfd event = { .fd = process->watch.event_fd, .events = POLLIN };
  while (poll (&event, 1, timeout_ms) < 0 && errno == EINTR)
    ;
  return process_has_ended (process);
}

int
process_wait (struct process *process, ttrpc_request *request, int32_t *status, struct fault *fault)
{
  struct pollfd events[2] = { { .fd = process->watch.event_fd, .events = POLLIN },
                              { .fd = ttrpc_request_cancel_fd (request), .events = POLLIN } };
  while (poll (events, 2, -1) < 0)
    if (errno != EINTR)
      return fault_errno (fault, "cannot wait");
  if (!process_has_ended (process))
    return fault_set (fault, TTRPC_CANCELLED, "the caller has gone or its time is over");
  *status = process_status (process);
  return 0;
}

int
process_signal (struct process *process, int number, struct fault *fault)
{
  if (process_has_ended (process) || process->pid_fd < 0)
    return 0;
  if (syscall (SYS_pidfd_send_signal, process->pid_fd, number, NULL, 0) < 0 && errno != ESRCH)
    return fault_errno (fault, "cannot send signal %d", number);
  return 0;
}

int
process_ignores_signal (struct process *process, int number)
{
  char path[64], text[4096];
  snprintf (path, sizeof path, "/proc/%d/status", (int) process->watch.pid);
  if (number < 1 || number > 64 || process_has_ended (process) || file_read (path, text, sizeof text) < 0)
    return 0;
  char *pids = strstr (text, "\nNSpid:"), *caught = strstr (text, "\nSigCgt:");
  if (!pids || !caught)
    return 0;
  /* The last of the numbers is the one in its own namespace. */
  pids[1 + strcspn (pids + 1, "\n")] = 0;
  char *last = strrchr (pids, '\t');
  return last && text_is (last, "\t1") && !(strtoull (caught + 8, NULL, 16) >> (number - 1) & 1);
}

void
process_close_stdin (struct process *process, ttrpc_request *request)
{
  struct termios modes;
  if (process->terminal) {
    /* A terminal has no end of its own: in line mode the character does it, in raw mode the program reads no more anyway. */
    if (tcgetattr (process->in.fd, &modes) == 0 && (modes.c_lflag & ICANON))
      stream_write (&process->in, &process->watch, request, &modes.c_cc[VEOF], 1, NULL);
    return;
  }
  stream_close (&process->in);
}
