/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: one container of the sandbox: created by crun, with an init process and any number of execs. */
#ifndef AGENT_CONTAINER_H
#define AGENT_CONTAINER_H

#include "agent.h"
#include "path.h"
#include "process.h"

enum container_state { CONTAINER_CREATING, CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_REMOVED };

struct container {
  struct agent *agent;
  char id[PATH_ID_MAX + 1];
  pthread_mutex_t lock; /* one operation at a time; guards state */
  enum container_state state;
  struct storage_list storages;
  unsigned refs; /* under agent.lock, as the rest */
  struct process *init;
  struct process *execs;
  struct container *next;
};

int container_create (struct agent *agent, const Grpc__CreateContainerRequest *request, struct fault *fault);
int container_start (struct container *container, struct fault *fault);
int container_exec (struct container *container, const Grpc__ExecProcessRequest *request, struct fault *fault);
int container_set_paused (struct container *container, int paused, struct fault *fault);
int container_update (struct container *container, const Grpc__LinuxResources *resources, struct fault *fault);
/** Signals one process, or with an empty @exec_id the init, or with SIGKILL to the init everything. */
int container_signal (struct container *container, const char *exec_id, int number, struct fault *fault);
/** Kills what runs and removes everything; @timeout_s 0 = as long as it takes. */
int container_remove (struct container *container, uint32_t timeout_s, struct fault *fault);
void containers_remove_all (struct agent *agent);
/** SIGTERM to every container's init, and at most @ms for them to end. */
void containers_terminate (struct agent *agent, int ms);

/** A new reference, or NULL with @fault set to @missing_code. */
struct container *container_get (struct agent *agent, const char *id, int32_t missing_code, struct fault *fault);
void container_unref (struct container *container);
/** A new reference to a process; an empty @exec_id means the init. NULL with @fault set. */
struct process *container_get_process (struct container *container, const char *exec_id, struct fault *fault);
/** An exec that somebody has waited for and whose output is read to the end is forgotten. */
void container_forget_exec (struct container *container, struct process *process);
/** Puts a new, referenced container in the table; used by container_create() only. */
int container_add (struct container *container, struct fault *fault);
void container_drop (struct container *container);

#endif
