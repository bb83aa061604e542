/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container-create: makes containers and execs: storages, bundle, crun, pid; each step is undone when a later one fails. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "cgroup.h"
#include "container.h"
#include "crun.h"
#include "device-patch.h"
#include "file.h"
#include "mem.h"
#include "process-json.h"
#include "sysctl.h"

static int
check_request (const Grpc__CreateContainerRequest *request, struct fault *fault)
{
  static const char *const reserved[] = { "shared", "sandbox", "virtual-volumes", "image" };
  if (!path_id_is_valid (request->container_id))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "container_id is not a valid name");
  for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
    if (text_is (request->container_id, reserved[i]))
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "container_id \"%s\" is a reserved name", reserved[i]);
  if (!request->oci || !request->oci->process || !request->oci->root)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "container %s: the OCI specification has no process or no root",
                      request->container_id);
  if (request->stdin_port || request->stdout_port || request->stderr_port)
    return fault_set (fault, TTRPC_UNIMPLEMENTED, "container %s: stdio over vsock ports is not supported by this agent",
                      request->container_id);
  for (size_t i = 0; i < request->n_devices; i++)
    if (!text_is (request->devices[i]->type, "blk") && !text_is (request->devices[i]->type, "mmioblk"))
      return fault_set (fault, TTRPC_UNIMPLEMENTED,
                        "container %s: device type \"%.40s\" is not supported by this agent", request->container_id,
                        text_of (request->devices[i]->type));
  return 0;
}

/* crun create or crun exec with the stdio of @process, which then takes its pid and terminal. */
static int
run_and_adopt (struct process *process, struct process_birth *birth, const char *args[], size_t n, struct fault *fault)
{
  char pid_option[96], console_option[96];
  const char *id = args[n - 1];
  n--;
  snprintf (pid_option, sizeof pid_option, "--pid-file=%s", birth->pid_path);
  args[n++] = pid_option;
  if (process->terminal) {
    snprintf (console_option, sizeof console_option, "--console-socket=%s", birth->console_path);
    args[n++] = console_option;
  }
  args[n++] = id;
  args[n] = NULL;
  if (crun_run (process->agent, args, process->terminal ? NULL : birth->stdio, fault) < 0)
    return -1;
  return process_adopt (process, birth, fault);
}

/* Joins the process namespace of the first container, if the pod shares one and that container lives. */
static void
find_pidns (struct agent *agent, int wanted, char path[64])
{
  path[0] = 0;
  pthread_mutex_lock (&agent->lock);
  for (struct container *at = agent->containers; at && (wanted || agent->sandbox.pidns); at = at->next)
    if (at->init && !process_has_ended (at->init))
      snprintf (path, 64, "/proc/%d/ns/pid", (int) at->init->watch.pid); /* the list's last is the oldest */
  pthread_mutex_unlock (&agent->lock);
}

static int
create_init (struct container *container, const Grpc__Spec *spec, struct fault *fault)
{
  struct process_birth birth;
  char bundle[300];
  const char *args[CRUN_ARGS_MAX] = { "create", "--bundle", bundle, container->id };
  bundle_path (bundle, sizeof bundle, container->id, "");
  struct process *init = process_new (container->agent, "", spec->process->terminal, &birth, fault);
  if (!init)
    return -1;
  int result = run_and_adopt (init, &birth, args, 4, fault);
  process_birth_clear (&birth);
  if (result < 0) {
    process_unref (init);
    return -1;
  }
  pthread_mutex_lock (&container->agent->lock);
  container->init = init;
  pthread_mutex_unlock (&container->agent->lock);
  return 0;
}

static void
crun_delete (struct container *container)
{
  const char *args[] = { "delete", "--force", container->id, NULL };
  crun_run (container->agent, args, NULL, NULL);
}

static int
build (struct container *container, const Grpc__CreateContainerRequest *request, struct fault *fault)
{
  struct agent *agent = container->agent;
  char pidns[64];
  if (storages_acquire (agent, request->storages, request->n_storages, &container->storages, fault) < 0)
    return -1;
  device_allow_bound (request);
  find_pidns (agent, request->sandbox_pidns, pidns);
  int result = sysctl_apply (request->oci->linux, fault);
  if (result == 0)
    result = bundle_create (agent, container->id, request->oci, pidns[0] ? pidns : NULL, fault);
  if (result == 0) {
    result = create_init (container, request->oci, fault);
    if (result < 0) {
      crun_delete (container);
      cgroup_remove (container->id);
      bundle_remove (container->id);
    }
  }
  if (result < 0)
    storages_release (agent, &container->storages);
  return result;
}

int
container_create (struct agent *agent, const Grpc__CreateContainerRequest *request, struct fault *fault)
{
  if (check_request (request, fault) < 0 || device_patch (agent, request, fault) < 0)
    return -1;
  struct container *container = mem_zero (sizeof *container);
  container->agent = agent;
  container->refs = 1;
  snprintf (container->id, sizeof container->id, "%s", request->container_id);
  pthread_mutex_init (&container->lock, NULL);
  pthread_mutex_lock (&container->lock);
  int result = container_add (container, fault); /* first: the name is taken from here on */
  if (result == 0) {
    result = build (container, request, fault);
    container->state = result == 0 ? CONTAINER_CREATED : CONTAINER_REMOVED;
    if (result < 0)
      container_drop (container);
    else
      oom_watch (&agent->oom, container->id);
  }
  pthread_mutex_unlock (&container->lock);
  if (result == 0)
    log_info (&agent->log, "container %s created, pid %d", container->id, (int) container->init->watch.pid);
  container_unref (container);
  return result;
}

static int
write_process_file (struct agent *agent, const Grpc__Process *process, char path[64], struct fault *fault)
{
  struct kata_json_writer json = JSON_FILE_INIT;
  snprintf (path, 64, AGENT_OWN_DIR "/process-%u.json", atomic_fetch_add (&agent->next_number, 1));
  int result = process_json (&json, NULL, process, fault);
  if (result == 0)
    result = json_file_create (&json, path, "the process", fault);
  kata_json_write__clear (&json);
  return result;
}

/* Nobody may ever read the output of an exec; those that were waited for make room. Under agent.lock; returns what to unref. */
static struct process *
evict_exec (struct container *container)
{
  struct process **oldest = NULL;
  for (struct process **at = &container->execs; *at; at = &(*at)->next)
    if ((*at)->waited && process_has_ended (*at))
      oldest = at;
  if (!oldest)
    return NULL;
  struct process *process = *oldest;
  *oldest = process->next;
  process->next = NULL;
  container->agent->n_execs--;
  return process;
}

/* Takes the name before crun runs, so that one of two equal requests loses. */
static int
add_exec (struct container *container, struct process *process, struct fault *fault)
{
  struct agent *agent = container->agent;
  struct process *evicted = NULL;
  int result = 0;
  pthread_mutex_lock (&agent->lock);
  if (agent->n_execs >= AGENT_EXECS_MAX)
    evicted = evict_exec (container);
  past_drop (agent, container->id, process->exec_id);
  if (!container->init)
    result = fault_set (fault, TTRPC_NOT_FOUND, "container %s is being removed", container->id);
  for (struct process *at = container->execs; at && result == 0; at = at->next)
    if (text_is (at->exec_id, process->exec_id))
      result = fault_set (fault, TTRPC_ALREADY_EXISTS, "container %s already has a process \"%s\"", container->id,
                          process->exec_id);
  if (result == 0 && agent->n_execs >= AGENT_EXECS_MAX)
    result = fault_set (fault, TTRPC_RESOURCE_EXHAUSTED, "more than %d processes", AGENT_EXECS_MAX);
  if (result == 0) {
    process->refs++;
    process->next = container->execs;
    container->execs = process;
    agent->n_execs++;
  }
  pthread_mutex_unlock (&agent->lock);
  process_unref (evicted);
  return result;
}

static void
remove_exec (struct container *container, struct process *process)
{
  int found = 0;
  pthread_mutex_lock (&container->agent->lock);
  for (struct process **at = &container->execs; *at && !found; at = &(*at)->next)
    if (*at == process) {
      *at = process->next;
      process->next = NULL;
      container->agent->n_execs--;
      found = 1;
      break;
    }
  pthread_mutex_unlock (&container->agent->lock);
  if (found)
    process_unref (process);
}

int
container_exec (struct container *container, const Grpc__ExecProcessRequest *request, struct fault *fault)
{
  struct process_birth birth;
  char path[64], process_option[96];
  const char *args[CRUN_ARGS_MAX] = { "exec", "--detach", process_option, container->id };
  if (!path_id_is_valid (request->exec_id))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "exec_id is not a valid name");
  if (!request->process || request->stdin_port || request->stdout_port || request->stderr_port)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "exec %s: no process, or stdio over vsock ports (not supported)",
                      request->exec_id);
  pthread_mutex_lock (&container->lock);
  enum container_state state = container->state;
  pthread_mutex_unlock (&container->lock);
  if (state != CONTAINER_RUNNING)
    return fault_set (fault, TTRPC_FAILED_PRECONDITION, "container %s is %s", container->id,
                      state == CONTAINER_PAUSED ? "paused: resume it first" : "not running");
  if (write_process_file (container->agent, request->process, path, fault) < 0)
    return -1;
  snprintf (process_option, sizeof process_option, "--process=%s", path);
  struct process *process = process_new (container->agent, request->exec_id, request->process->terminal, &birth, fault);
  int result = process ? add_exec (container, process, fault) : -1;
  if (result == 0) {
    result = run_and_adopt (process, &birth, args, 4, fault);
    if (result < 0)
      remove_exec (container, process);
  }
  unlink (path);
  process_birth_clear (&birth);
  process_unref (process);
  return result;
}
