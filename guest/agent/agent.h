/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: the one object that everything else hangs on; passed to every function that needs it, there is no global. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <ttrpc/ttrpc.h>

#include "cmdline.h"
#include "log.h"
#include "oom.h"
#include "past.h"
#include "reaper.h"
#include "sandbox.h"
#include "storage.h"

#define AGENT_CONTAINERS_MAX 256
#define AGENT_EXECS_MAX      1024
#define AGENT_IN_FLIGHT_MAX  1024

#define AGENT_RUN_DIR     "/run/kata-containers" /* bundles; the protocol names it */
#define AGENT_SHARED_DIR  "/run/kata-containers/shared/containers"
#define AGENT_SANDBOX_DIR "/run/kata-containers/sandbox"
#define AGENT_OWN_DIR     "/run/kata-agent" /* console sockets, crun's logs and pid files: no container sees it */

#define CRUN_FD_UNKNOWN (-2)

struct container;

/* Lock order: container.lock, storages.lock, agent.lock, reaper.lock; oom.lock is a leaf. */
struct agent {
  struct log log;
  struct cmdline options;
  int is_init;
  int start_ms; /* from main() to listening */
  struct reaper reaper;
  struct storages storages;
  struct oom oom;
  ttrpc_server *server;
  atomic_uint next_number;     /* names files in AGENT_OWN_DIR */
  atomic_uint replies_written; /* writes that connections have finished; tells when a reply has left */
  atomic_int ending;
  atomic_int dying; /* the VM ends: what lives in it need not be tidied */
  int end_fd;       /* eventfd: main() leaves when it is readable and the agent is not PID 1 */

  pthread_mutex_t lock; /* guards the rest, reference counts of containers and processes, and their lists */
  struct container *containers;
  unsigned n_containers;
  unsigned n_execs;
  int crun_fd; /* a sealed copy of crun; -1 = none; CRUN_FD_UNKNOWN = not tried yet */
  struct sandbox sandbox;
  struct past past[PAST_MAX]; /* a ring */
  unsigned next_past;
};

#endif
