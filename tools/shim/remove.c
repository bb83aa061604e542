/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* remove: the methods that take tasks and processes away: Delete, Shutdown; and the end of everything. */
#include "methods.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "messages/events.pb-c.h"
#include "say.h"

#define OUTPUT_MS 10000 /* for output that its reader has not taken yet */

static void
fill (Shim__DeleteResponse *response, Shim__Timestamp *stamp, service *service, proc *proc)
{
  answer_time (stamp, proc->exited_us);
  response->pid = service->pid;
  response->exit_status = proc->exit_status;
  response->exited_at = stamp;
}

static int32_t
delete_exec (service *service, task *task, proc *proc, answer *answer)
{
  Shim__DeleteResponse response = SHIM__DELETE_RESPONSE__INIT;
  Shim__Timestamp stamp = SHIM__TIMESTAMP__INIT;
  streams_finish (proc->io, OUTPUT_MS);
  g_mutex_lock (&service->lock);
  if (g_hash_table_lookup (task->execs, proc->id) == (gpointer) proc)
    g_hash_table_remove (task->execs, proc->id);
  fill (&response, &stamp, service, proc);
  g_mutex_unlock (&service->lock);
  return answer_pack (answer, &response.base);
}

static void
event_delete (service *service, task *task, const Shim__DeleteResponse *response)
{
  Shim__TaskDelete event = SHIM__TASK_DELETE__INIT;
  event.container_id = task->id;
  event.id = task->id;
  event.pid = response->pid;
  event.exit_status = response->exit_status;
  event.exited_at = response->exited_at;
  publisher_send (service->publisher, "/tasks/delete", "TaskDelete", &event.base);
}

/* What the task has in the guest and on the host. It is not found by others any more, but its name is still taken. */
static void
take_down (service *service, task *task)
{
  kata_error *err = NULL;
  streams_finish (task->init->io, OUTPUT_MS);
  int r = kata_container_delete (task->container, KATA_DELETE_FORCE, KATA_TIMEOUT_DEFAULT, &err);
  if (r < 0 && r != KATA_E_NOT_FOUND)
    say ("delete \"%s\": %s", task->id, kata_error_get_message (err)); /* it goes with its virtual machine */
  kata_error_unref (err);
  pod_leave (service, task);
  pod_unmount (service, task);
  hooks_stopped (service, task);
}

static int32_t
delete_task (service *service, task *task, answer *answer)
{
  Shim__DeleteResponse response = SHIM__DELETE_RESPONSE__INIT;
  Shim__Timestamp stamp = SHIM__TIMESTAMP__INIT;
  fill (&response, &stamp, service, task->init);
  take_down (service, task);
  g_mutex_lock (&service->lock);
  event_delete (service, task, &response);
  g_hash_table_remove (service->tasks, task->id);
  g_cond_broadcast (&service->changed);
  g_mutex_unlock (&service->lock);
  return answer_pack (answer, &response.base);
}

static int32_t
may_delete (service *service, task *task, proc *proc, answer *answer)
{
  int32_t code = TTRPC_OK;
  g_mutex_lock (&service->lock);
  if (proc->status == STATUS_RUNNING || proc->starting)
    code = answer_fail (answer, TTRPC_FAILED_PRECONDITION, "\"%s\" %s: cannot delete a running process", task->id,
                        proc->id);
  else if (!*proc->id && task->deleting)
    code = answer_fail (answer, TTRPC_NOT_FOUND, "task \"%s\" is being deleted", task->id);
  else if (!*proc->id)
    task->deleting = TRUE;
  g_mutex_unlock (&service->lock);
  return code;
}

int32_t
method_delete (service *service, const void *request, answer *answer)
{
  const Shim__DeleteRequest *q = request;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  g_autoptr (proc) proc = task ? service_proc (service, task, q->exec_id, answer, &code) : NULL;
  if (!proc)
    return code;
  code = may_delete (service, task, proc, answer);
  if (code != TTRPC_OK)
    return code;
  return *proc->id ? delete_exec (service, task, proc, answer) : delete_task (service, task, answer);
}

/* Answered in any case; the server ends only when no container is left, or when it must. */
int32_t
method_shutdown (service *service, const void *request, answer *answer)
{
  const Shim__ShutdownRequest *q = request;
  uint64_t one = 1;
  g_mutex_lock (&service->lock);
  gboolean empty = g_hash_table_size (service->tasks) == 0;
  service->shutting |= empty || q->now;
  gboolean go = service->shutting;
  g_mutex_unlock (&service->lock);
  if (go)
    (void) !write (service->quit_fd, &one, sizeof one);
  return TTRPC_OK;
}

/* Takes any task out of the table; a new reference. */
static task *
take_any (service *service)
{
  GHashTableIter iter;
  gpointer value = NULL;
  g_mutex_lock (&service->lock);
  service->shutting = TRUE;
  g_hash_table_iter_init (&iter, service->tasks);
  if (g_hash_table_iter_next (&iter, NULL, &value)) {
    task_ref (value);
    g_hash_table_iter_remove (&iter);
  }
  g_mutex_unlock (&service->lock);
  return value;
}

void
service_clear (service *service)
{
  task *task;
  while ((task = take_any (service))) {
    g_mutex_lock (&service->lock);
    if (task->ready && task->init->status == STATUS_RUNNING && proc_end (task->init, 137, TRUE))
      event_exit (service, task, task->init);
    g_mutex_unlock (&service->lock);
    task->owner = TRUE; /* all must go, so the machine goes first */
    pod_leave (service, task);
    pod_unmount (service, task);
    hooks_stopped (service, task);
    task_unref (task);
  }
}
