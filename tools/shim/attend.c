/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attend: the threads that wait: one for each running process, one for the sandbox. They note ends and publish them in order. */
#include "service.h"

#include "messages/events.pb-c.h"
#include "say.h"

#define LOST_STATUS   137 /* of a process whose machine went away: as by SIGKILL */
#define EXECS_WAIT_US (3 * G_USEC_PER_SEC)
#define OUTPUT_MS     1500 /* an end is told after the output; another process that holds the stream may keep it open */

struct waiter {
  service *service;
  task *task;
  proc *proc;
};

void
event_task (service *service, const char *topic, const char *type, const char *id)
{
  Shim__TaskOnly event = SHIM__TASK_ONLY__INIT;
  event.container_id = (char *) id;
  publisher_send (service->publisher, topic, type, &event.base);
}

void
event_exit (service *service, task *task, proc *proc)
{
  Shim__TaskExit event = SHIM__TASK_EXIT__INIT;
  Shim__Timestamp stamp = SHIM__TIMESTAMP__INIT;
  answer_time (&stamp, proc->exited_us);
  event.container_id = task->id;
  event.id = *proc->id ? proc->id : task->id;
  event.pid = service->pid;
  event.exit_status = proc->exit_status;
  event.exited_at = &stamp;
  publisher_send (service->publisher, "/tasks/exit", "TaskExit", &event.base);
}

/* Under the lock: an exec that still runs; a new reference. */
static proc *
running_exec (task *task)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, task->execs);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    proc *exec = value;
    if (exec->status == STATUS_RUNNING)
      return proc_ref (exec);
  }
  return NULL;
}

/* The first process has ended, so the others of its container are dead or about to be: their ends are told before its own. */
static void
end_execs (service *service, task *task)
{
  proc *exec;
  gint64 until = g_get_monotonic_time () + EXECS_WAIT_US;
  g_mutex_lock (&service->lock);
  while ((exec = running_exec (task))) {
    if (g_cond_wait_until (&service->changed, &service->lock, until)) {
      proc_unref (exec);
      continue;
    }
    if (proc_end (exec, LOST_STATUS, TRUE))
      event_exit (service, task, exec);
    streams_ended (exec->io, 0);
    proc_unref (exec);
  }
  g_mutex_unlock (&service->lock);
}

void
attend_end (service *service, task *task, proc *proc, uint32_t exit_status)
{
  if (!*proc->id)
    end_execs (service, task);
  streams_ended (proc->io, OUTPUT_MS);
  g_mutex_lock (&service->lock);
  /* Published under the lock: nobody sees the end, or deletes, before the event is in the queue. */
  if (proc_end (proc, exit_status, TRUE))
    event_exit (service, task, proc);
  g_cond_broadcast (&service->changed);
  g_mutex_unlock (&service->lock);
}

static gpointer
wait_for (gpointer data)
{
  struct waiter *waiter = data;
  int status = 0;
  kata_error *err = NULL;
  if (kata_process_wait (waiter->proc->process, &status, KATA_TIMEOUT_NONE, &err) < 0) {
    say ("\"%s\" %s: %s", waiter->task->id, waiter->proc->id, kata_error_get_message (err));
    status = LOST_STATUS;
  }
  kata_error_unref (err);
  attend_end (waiter->service, waiter->task, waiter->proc, (uint32_t) status);
  proc_unref (waiter->proc);
  task_unref (waiter->task);
  g_free (waiter);
  return NULL;
}

void
attend_start (service *service, task *task, proc *proc)
{
  struct waiter *waiter = g_new0 (struct waiter, 1);
  waiter->service = service;
  waiter->task = task_ref (task);
  waiter->proc = proc_ref (proc);
  streams_start (proc->io, proc->process, proc->terminal);
  g_thread_unref (g_thread_new ("wait", wait_for, waiter));
}

struct listener {
  service *service;
  kata_sandbox *sandbox;
};

/* Ends with the sandbox. Processes whose machine has ended learn that from the library themselves. */
static gpointer
listen_to (gpointer data)
{
  struct listener *listener = data;
  for (;;) {
    kata_event event = KATA_EVENT_INIT;
    int r = kata_sandbox_next_event (listener->sandbox, &event, KATA_TIMEOUT_NONE, NULL);
    if (r == KATA_E_LIMIT)
      continue;
    if (r < 0 || (event.type == KATA_EVENT_SANDBOX_STATE && event.state == KATA_STATE_STOPPED))
      break;
    if (event.type != KATA_EVENT_OOM)
      continue;
    __atomic_fetch_add (&listener->service->ooms, 1, __ATOMIC_RELAXED);
    event_task (listener->service, "/tasks/oom", "TaskOOM", event.container_id);
  }
  kata_sandbox_unref (listener->sandbox);
  g_free (listener);
  return NULL;
}

void
attend_sandbox (service *service, kata_sandbox *sandbox)
{
  struct listener *listener = g_new0 (struct listener, 1);
  listener->service = service;
  listener->sandbox = kata_sandbox_ref (sandbox);
  kata_sandbox_get_event_fd (sandbox); /* starts the watching */
  g_thread_unref (g_thread_new ("events", listen_to, listener));
}
