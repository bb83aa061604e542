/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crun: one bounded run of the runtime's command line; knows no container. */
#include "crun.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"

#define CRUN_SIZE_MAX (32 << 20)

static const char *
crun_path (struct agent *agent)
{
  if (agent->options.crun[0])
    return agent->options.crun;
  return access ("/usr/bin/crun", X_OK) == 0 ? "/usr/bin/crun" : "/bin/crun";
}

/*
 * crun guards its own file against containers: each time it starts it makes a read-only mount of it and starts again from there. A
 * sealed copy in memory is as safe, crun knows it as such, and half of its start-up time is saved. -1: no such copy.
 */
static int
copy_to_memory (const char *path)
{
  struct stat st;
  auto_fd int file = open (path, O_RDONLY | O_CLOEXEC);
  auto_fd int copy = memfd_create ("crun", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0 || copy < 0 || fstat (file, &st) < 0 || st.st_size > CRUN_SIZE_MAX)
    return -1;
  for (off_t done = 0; done < st.st_size;) {
    ssize_t n = sendfile (copy, file, NULL, (size_t) (st.st_size - done));
    if (n <= 0)
      return -1;
    done += n;
  }
  if (fcntl (copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    return -1;
  return fd_steal (&copy);
}

/* What to execute: the copy if there is one. */
static void
crun_program (struct agent *agent, char program[128])
{
  pthread_mutex_lock (&agent->lock);
  if (agent->crun_fd == CRUN_FD_UNKNOWN)
    agent->crun_fd = copy_to_memory (crun_path (agent));
  int fd = agent->crun_fd;
  pthread_mutex_unlock (&agent->lock);
  if (fd >= 0)
    snprintf (program, 128, "/proc/self/fd/%d", fd);
  else
    snprintf (program, 128, "%s", crun_path (agent));
}

/* The last line of crun's log without its time stamp. */
static void
crun_complain (const char *log_path, const char *verb, int status, struct fault *fault)
{
  char text[2048] = "";
  int64_t len = file_read (log_path, text, sizeof text);
  while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
    text[--len] = 0;
  char *line = strrchr (text, '\n');
  line = line ? line + 1 : text;
  char *stamp_end = strstr (line, "Z: ");
  if (stamp_end && stamp_end - line < 40)
    line = stamp_end + 3;
  if (*line)
    fault_set (fault, TTRPC_INTERNAL, "crun %s: %s", verb, line);
  else if (WIFSIGNALED (status))
    fault_set (fault, TTRPC_INTERNAL, "crun %s: ended by signal %d", verb, WTERMSIG (status));
  else
    fault_set (fault, TTRPC_INTERNAL, "crun %s: exit status %d and no message", verb, WEXITSTATUS (status));
}

static int
crun_wait (struct agent *agent, struct watch *watch, const char *verb, int *status, struct fault *fault)
{
  struct pollfd event = { .fd = watch->event_fd, .events = POLLIN };
  int timeout = CRUN_TIMEOUT_MS;
  while (poll (&event, 1, timeout) <= 0) {
    if (errno == EINTR)
      continue;
    kill (watch->pid, SIGKILL); /* not yet reaped as its watch has not fired: the pid is still its own */
    timeout = -1;
  }
  watch_status (&agent->reaper, watch, status);
  if (timeout < 0)
    return fault_set (fault, TTRPC_DEADLINE_EXCEEDED, "crun %s: no end after %d s", verb, CRUN_TIMEOUT_MS / 1000);
  return 0;
}

int
crun_run (struct agent *agent, const char *const args[], const int stdio[3], struct fault *fault)
{
  char log_path[64], log_option[80], program[128];
  const char *argv[CRUN_ARGS_MAX + 8] = { crun_path (agent), "--root=/run/crun", log_option, "--log-format=text" };
  size_t n = 4;
  struct watch watch;
  int status = 0;
  auto_fd int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int nothing[3] = { null, null, null };
  snprintf (log_path, sizeof log_path, AGENT_OWN_DIR "/crun-%u.log", atomic_fetch_add (&agent->next_number, 1));
  snprintf (log_option, sizeof log_option, "--log=%s", log_path);
  if (agent->options.no_cgroups)
    argv[n++] = "--cgroup-manager=disabled";
  for (size_t i = 0; i < CRUN_ARGS_MAX && args[i]; i++)
    argv[n++] = args[i];
  if (null < 0 || watch_init (&watch) < 0)
    return fault_errno (fault, "crun %s", args[0]);
  crun_program (agent, program);
  int result = reaper_spawn (&agent->reaper, &watch, program, (char *const *) argv, stdio ? stdio : nothing);
  if (result < 0) {
    errno = -result;
    watch_clear (&watch);
    return fault_errno (fault, "cannot start %s", argv[0]);
  }
  result = crun_wait (agent, &watch, args[0], &status, fault);
  reaper_forget (&agent->reaper, &watch);
  watch_clear (&watch);
  if (result == 0 && status != 0) {
    crun_complain (log_path, args[0], status, fault);
    result = -1;
  }
  unlink (log_path);
  return result;
}
