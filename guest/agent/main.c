/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main: puts the agent together and starts it: as PID 1 of a guest, or as an ordinary process for tests. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "button.h"
#include "init.h"
#include "listen.h"
#include "mem.h"
#include "modules.h"
#include "path.h"
#include "service.h"
#include "thread.h"

#define FILES_SOFT 65536  /* the agent's own pipes */
#define FILES_HARD 524288 /* what containers may have */

static void
raise_limits (void)
{
  struct rlimit files = { FILES_SOFT, FILES_HARD };
  if (setrlimit (RLIMIT_NOFILE, &files) < 0 && getrlimit (RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit (RLIMIT_NOFILE, &files);
  }
}

static int
prepare (struct agent *agent)
{
  struct fault fault;
  struct ttrpc_server_options options = { .size = sizeof options,
                                          .methods = service_methods (),
                                          .user = agent,
                                          .max_in_flight = AGENT_IN_FLIGHT_MAX,
                                          .stack_size = AGENT_STACK_SIZE };
  int fd = path_make_directory (AGENT_OWN_DIR, 0700, &fault);
  if (fd < 0) {
    log_error (&agent->log, "%s", fault.text);
    return -1;
  }
  close (fd);
  pthread_mutex_init (&agent->lock, NULL);
  storages_init (&agent->storages);
  agent->end_fd = eventfd (0, EFD_CLOEXEC);
  int result = agent->end_fd < 0 ? -errno : reaper_start (&agent->reaper);
  if (result == 0)
    result = oom_start (&agent->oom);
  if (result == 0)
    result = ttrpc_server_new (&agent->server, &options);
  if (result < 0)
    log_error (&agent->log, "cannot start: %s", strerror (-result));
  return result;
}

static int
start_listening (struct agent *agent)
{
  if (text_starts (agent->options.server_addr, "unix://"))
    return listen_unix (agent, agent->options.server_addr + 7);
  if (!agent->is_init) {
    log_error (&agent->log, "not PID 1: give --server-addr unix://PATH");
    return -1;
  }
  int vsock = listen_vsock (agent), serial = listen_serial (agent);
  return vsock < 0 && serial < 0 ? -1 : 0;
}

static int64_t
clock_ms (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
main (int argc, char **argv)
{
  int64_t began = clock_ms ();
  if (getpid () != 1 && argc == 4 && text_is (argv[1], "-q") && text_is (argv[2], "--"))
    return modules_probe (argv[3]); /* as the kernel calls what /proc/sys/kernel/modprobe names */
  struct agent *agent = mem_zero (sizeof *agent);
  struct pollfd end = { .events = POLLIN };
  agent->is_init = getpid () == 1;
  agent->crun_fd = CRUN_FD_UNKNOWN;
  cmdline_init (&agent->options);
  if (!agent->is_init && cmdline_parse_arguments (&agent->options, argc, argv) < 0)
    return 2;
  agent->log.level = agent->options.level;
  signal (SIGPIPE, SIG_IGN);
  reaper_init (&agent->reaper);
  raise_limits ();
  if (agent->is_init)
    init_boot (agent);
  else
    prctl (PR_SET_CHILD_SUBREAPER, 1);
  if (prepare (agent) < 0 || start_listening (agent) < 0)
    return 1;
  init_debug_console (agent);
  if (agent->is_init)
    button_start (agent);
  agent->start_ms = (int) (clock_ms () - began);
  log_info (&agent->log, "version %s ready", KATA_VERSION);
  end.fd = agent->end_fd;
  while (poll (&end, 1, -1) < 0 && errno == EINTR)
    ;
  return 0;
}
