/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container-control: start, pause, update, signal and removal of a container that exists. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bundle.h"
#include "cgroup.h"
#include "container.h"
#include "crun.h"
#include "file.h"
#include "linux-json.h"
#include "mem.h"

/* A crun delete that fails for want of a kill must not make removal wait for ever. */
#define KILL_WAIT_MS 30000
/* Before the guest ends of itself: for the host to read the rest of the output, and for the last replies to leave. */
#define READ_MS  2000
#define REPLY_MS 100

static int
wrong_state (const struct container *container, const char *verb, struct fault *fault)
{
  static const char *const names[] = { "being created", "created", "running", "paused", "removed" };
  return fault_set (fault, TTRPC_FAILED_PRECONDITION, "cannot %s container %s: it is %s", verb, container->id,
                    names[container->state]);
}

int
container_start (struct container *container, struct fault *fault)
{
  const char *args[] = { "start", container->id, NULL };
  pthread_mutex_lock (&container->lock);
  int result = container->state == CONTAINER_CREATED ? 0 : wrong_state (container, "start", fault);
  if (result == 0)
    result = crun_run (container->agent, args, NULL, fault);
  if (result == 0)
    container->state = CONTAINER_RUNNING;
  pthread_mutex_unlock (&container->lock);
  return result;
}

int
container_set_paused (struct container *container, int paused, struct fault *fault)
{
  enum container_state from = paused ? CONTAINER_RUNNING : CONTAINER_PAUSED;
  enum container_state to = paused ? CONTAINER_PAUSED : CONTAINER_RUNNING;
  int result = 0;
  pthread_mutex_lock (&container->lock);
  if (container->state == from) {
    result = cgroup_freeze (container->id, paused, fault);
    if (result == 0)
      container->state = to;
  } else if (container->state != to) {
    result = wrong_state (container, paused ? "pause" : "resume", fault);
  }
  pthread_mutex_unlock (&container->lock);
  return result;
}

static int
update_with (struct container *container, const Grpc__LinuxResources *resources, struct fault *fault)
{
  char path[64], option[96];
  struct kata_json_writer json = JSON_FILE_INIT;
  const char *args[] = { "update", option, container->id, NULL };
  snprintf (path, sizeof path, AGENT_OWN_DIR "/resources-%u.json",
            atomic_fetch_add (&container->agent->next_number, 1));
  snprintf (option, sizeof option, "--resources=%s", path);
  resources_json (&json, NULL, resources);
  int result = json_file_create (&json, path, "the container's resources", fault);
  if (result == 0)
    result = crun_run (container->agent, args, NULL, fault);
  unlink (path);
  return result;
}

int
container_update (struct container *container, const Grpc__LinuxResources *resources, struct fault *fault)
{
  if (!resources)
    return 0;
  pthread_mutex_lock (&container->lock);
  int alive = container->state >= CONTAINER_CREATED && container->state <= CONTAINER_PAUSED;
  int result = alive ? update_with (container, resources, fault) : wrong_state (container, "update", fault);
  pthread_mutex_unlock (&container->lock);
  return result;
}

static int
signal_init (struct container *container, struct process *init, int number, struct fault *fault)
{
  if (number == SIGKILL) {
    if (cgroup_kill (container->id) < 0)
      return process_signal (init, SIGKILL, fault);
    return 0;
  }
  if (number == SIGTERM && process_ignores_signal (init, SIGTERM))
    number = SIGKILL;
  return process_signal (init, number, fault);
}

int
container_signal (struct container *container, const char *exec_id, int number, struct fault *fault)
{
  if (number < 0 || number > 64)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "%d is not a signal", number);
  struct process *process = container_get_process (container, exec_id, fault);
  if (!process)
    return -1;
  int result =
      process->exec_id[0] ? process_signal (process, number, fault) : signal_init (container, process, number, fault);
  process_unref (process);
  return result;
}

static int
end_processes (struct container *container, uint32_t timeout_s, struct fault *fault)
{
  struct process *init = container_get_process (container, "", NULL);
  int64_t timeout_ms = timeout_s && timeout_s < KILL_WAIT_MS / 1000 ? (int64_t) timeout_s * 1000 : KILL_WAIT_MS;
  if (!init)
    return 0;
  if (cgroup_kill (container->id) < 0)
    process_signal (init, SIGKILL, NULL);
  int ended = process_wait_ms (init, (int) timeout_ms);
  process_unref (init);
  if (!ended)
    return fault_set (fault, TTRPC_DEADLINE_EXCEEDED, "container %s does not end within %d s after SIGKILL",
                      container->id, (int) (timeout_ms / 1000));
  return 0;
}

int
container_remove (struct container *container, uint32_t timeout_s, struct fault *fault)
{
  struct agent *agent = container->agent;
  const char *args[] = { "delete", "--force", container->id, NULL };
  struct fault complaint = { 0 };
  pthread_mutex_lock (&container->lock);
  int result = container->state == CONTAINER_REMOVED ? wrong_state (container, "remove", fault)
                                                     : end_processes (container, timeout_s, fault);
  if (result == 0) {
    if (!atomic_load (&agent->dying) && crun_run (agent, args, NULL, &complaint) < 0)
      log_warn (&agent->log, "container %s: %s", container->id, complaint.text);
    oom_forget (&agent->oom, container->id);
    cgroup_remove (container->id);
    bundle_remove (container->id);
    storages_release (agent, &container->storages);
    container->state = CONTAINER_REMOVED;
    container_drop (container);
    log_info (&agent->log, "container %s removed", container->id);
  }
  pthread_mutex_unlock (&container->lock);
  return result;
}

void
containers_remove_all (struct agent *agent)
{
  struct fault fault;
  for (unsigned i = 0; i < AGENT_CONTAINERS_MAX; i++) {
    pthread_mutex_lock (&agent->lock);
    struct container *container = agent->containers;
    if (container)
      container->refs++;
    pthread_mutex_unlock (&agent->lock);
    if (!container)
      return;
    int result = container_remove (container, 5, &fault);
    if (result < 0 && container->state != CONTAINER_REMOVED) {
      log_warn (&agent->log, "%s", fault.text);
      container_drop (container); /* the VM ends anyway */
    }
    container_unref (container);
  }
}

static unsigned
containers_hold (struct agent *agent, struct container *held[AGENT_CONTAINERS_MAX])
{
  unsigned n = 0;
  pthread_mutex_lock (&agent->lock);
  for (struct container *at = agent->containers; at && n < AGENT_CONTAINERS_MAX; at = at->next) {
    at->refs++;
    held[n++] = at;
  }
  pthread_mutex_unlock (&agent->lock);
  return n;
}

static int64_t
now_ms (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
stream_is_read (struct stream *stream)
{
  pthread_mutex_lock (&stream->lock);
  int read = stream->ended || stream->fd < 0;
  pthread_mutex_unlock (&stream->lock);
  return read;
}

/* The machine ends next: the host gets a moment to read what the process has said last. */
static void
let_read (struct process *init, int64_t end)
{
  while (now_ms () < end && (!stream_is_read (&init->out) || !stream_is_read (&init->err)))
    usleep (10000);
}

void
containers_terminate (struct agent *agent, int ms)
{
  struct container *held[AGENT_CONTAINERS_MAX];
  unsigned n = containers_hold (agent, held);
  int64_t end = now_ms () + ms, read_end = 0;
  for (unsigned i = 0; i < n; i++)
    container_signal (held[i], "", SIGTERM, NULL);
  for (unsigned i = 0; i < n; i++) {
    struct process *init = container_get_process (held[i], "", NULL);
    int64_t left = end - now_ms ();
    if (init) {
      process_wait_ms (init, left > 0 ? (int) left : 0);
      read_end = read_end ? read_end : now_ms () + READ_MS;
      let_read (init, read_end);
      process_unref (init);
    }
    container_unref (held[i]);
  }
  if (n > 0)
    usleep (REPLY_MS * 1000);
}
