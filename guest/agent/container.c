/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: the table of containers and processes and their references; making them is container-create.c's. */
#include "container.h"

#include <string.h>

#include "mem.h"

struct container *
container_get (struct agent *agent, const char *id, int32_t missing_code, struct fault *fault)
{
  struct container *found = NULL;
  if (!path_id_is_valid (id)) {
    fault_set (fault, TTRPC_INVALID_ARGUMENT, "container_id is not a valid name");
    return NULL;
  }
  pthread_mutex_lock (&agent->lock);
  for (struct container *at = agent->containers; at && !found; at = at->next)
    if (text_is (at->id, id))
      found = at;
  if (found)
    found->refs++;
  pthread_mutex_unlock (&agent->lock);
  if (!found)
    fault_set (fault, missing_code, "container %s: there is no such container", id);
  return found;
}

static void
container_free (struct container *container)
{
  pthread_mutex_destroy (&container->lock);
  free (container);
}

void
container_unref (struct container *container)
{
  if (!container)
    return;
  struct agent *agent = container->agent;
  pthread_mutex_lock (&agent->lock);
  int last = --container->refs == 0;
  pthread_mutex_unlock (&agent->lock);
  if (last)
    container_free (container);
}

int
container_add (struct container *container, struct fault *fault)
{
  struct agent *agent = container->agent;
  int result = 0;
  pthread_mutex_lock (&agent->lock);
  for (struct container *at = agent->containers; at && result == 0; at = at->next)
    if (text_is (at->id, container->id))
      result = fault_set (fault, TTRPC_ALREADY_EXISTS, "container %s exists already", container->id);
  if (result == 0 && agent->n_containers >= AGENT_CONTAINERS_MAX)
    result = fault_set (fault, TTRPC_RESOURCE_EXHAUSTED, "more than %d containers", AGENT_CONTAINERS_MAX);
  if (result == 0) {
    container->refs++;
    container->next = agent->containers;
    agent->containers = container;
    agent->n_containers++;
  }
  pthread_mutex_unlock (&agent->lock);
  return result;
}

/* Frees a list of processes that nobody can find any more. */
static void
unref_processes (struct process *list)
{
  while (list) {
    struct process *next = list->next;
    list->next = NULL;
    process_unref (list);
    list = next;
  }
}

void
container_drop (struct container *container)
{
  struct agent *agent = container->agent;
  int found = 0;
  pthread_mutex_lock (&agent->lock);
  for (struct container **at = &agent->containers; *at && !found; at = &(*at)->next)
    if (*at == container) {
      *at = container->next;
      found = 1;
      agent->n_containers--;
      break;
    }
  struct process *init = container->init, *execs = container->execs;
  container->init = NULL;
  container->execs = NULL;
  past_drop (agent, container->id, NULL);
  for (struct process *at = execs; at; at = at->next)
    agent->n_execs--;
  pthread_mutex_unlock (&agent->lock);
  process_unref (init);
  unref_processes (execs);
  if (found)
    container_unref (container);
}

struct process *
container_get_process (struct container *container, const char *exec_id, struct fault *fault)
{
  struct process *found = NULL;
  pthread_mutex_lock (&container->agent->lock);
  if (!*exec_id || (container->init && text_is (exec_id, container->id)))
    found = container->init;
  for (struct process *at = container->execs; at && !found; at = at->next)
    if (text_is (at->exec_id, exec_id))
      found = at;
  if (found)
    found->refs++;
  pthread_mutex_unlock (&container->agent->lock);
  if (!found)
    fault_set (fault, TTRPC_NOT_FOUND, "container %s has no process \"%.128s\"", container->id, exec_id);
  return found;
}

void
container_forget_exec (struct container *container, struct process *process)
{
  struct agent *agent = container->agent;
  int found = 0;
  if (!process->exec_id[0] || !process_has_ended (process) || !stream_has_ended (&process->out) ||
      !stream_has_ended (&process->err))
    return;
  pthread_mutex_lock (&agent->lock);
  for (struct process **at = &container->execs; process->waited && *at; at = &(*at)->next)
    if (*at == process) {
      *at = process->next;
      process->next = NULL;
      agent->n_execs--;
      past_add (agent, container->id, process->exec_id, process_status (process));
      found = 1;
      break;
    }
  pthread_mutex_unlock (&agent->lock);
  if (found)
    process_unref (process);
}
