/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: the methods that act on what runs: Kill, Pause, Resume, Update, ResizePty, CloseIO; and Checkpoint, which cannot. */
#include "methods.h"

#include <signal.h>
#include <string.h>

#define SIGNAL_MAX   64u
#define RESOURCE_MAX (1u << 20)

static int32_t
gone (answer *answer, task *task, proc *proc)
{
  return answer_fail (answer, TTRPC_NOT_FOUND, "\"%s\" %s: process already finished", task->id, proc->id);
}

/* One that was never started has nothing in the guest that could end: its end is only noted. */
static void
end_unstarted (service *service, task *task, proc *proc, uint32_t signum)
{
  if (!*proc->id)
    kata_container_kill (task->container, SIGKILL, 0, KATA_TIMEOUT_DEFAULT, NULL);
  attend_end (service, task, proc, 128 + signum);
}

static int32_t
send_signal (service *service, task *task, proc *proc, const Shim__KillRequest *q, answer *answer)
{
  kata_error *err = NULL;
  int signum = (int) q->signal;
  int r;
  if (*proc->id) {
    r = kata_process_signal (proc->process, signum, KATA_TIMEOUT_DEFAULT, &err);
  } else {
    /* Only SIGKILL reaches all processes at once in a guest; the others go to the first one, as without "all". */
    uint32_t flags = q->all && signum == SIGKILL ? KATA_KILL_ALL : 0;
    r = kata_container_kill (task->container, signum, flags, KATA_TIMEOUT_DEFAULT, &err);
  }
  if (r == 0)
    return TTRPC_OK;
  g_mutex_lock (&service->lock);
  gboolean ended = proc->status == STATUS_STOPPED || r == KATA_E_NOT_FOUND || r == KATA_E_STATE;
  g_mutex_unlock (&service->lock);
  if (!ended)
    return answer_error (answer, err);
  kata_error_unref (err);
  return gone (answer, task, proc);
}

int32_t
method_kill (service *service, const void *request, answer *answer)
{
  const Shim__KillRequest *q = request;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  g_autoptr (proc) proc = task ? service_proc (service, task, q->exec_id, answer, &code) : NULL;
  if (!proc)
    return code;
  if (q->signal > SIGNAL_MAX)
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "signal: %u is none of 0 to %u", q->signal, SIGNAL_MAX);
  g_mutex_lock (&service->lock);
  int status = proc->status;
  gboolean starting = proc->starting;
  gboolean unstarted = status == STATUS_CREATED && !starting && (q->signal == SIGKILL || q->signal == SIGTERM);
  proc->starting |= unstarted; /* nobody starts it any more */
  g_mutex_unlock (&service->lock);
  if (status == STATUS_STOPPED)
    return gone (answer, task, proc);
  if (q->signal == 0)
    return TTRPC_OK;
  if (unstarted) {
    end_unstarted (service, task, proc, q->signal);
    g_mutex_lock (&service->lock);
    proc->starting = FALSE;
    g_mutex_unlock (&service->lock);
    return TTRPC_OK;
  }
  if (status == STATUS_CREATED)
    return answer_fail (answer, TTRPC_FAILED_PRECONDITION, "\"%s\" %s is not started yet", task->id, proc->id);
  return send_signal (service, task, proc, q, answer);
}

static int32_t
set_paused (service *service, const char *id, gboolean paused, answer *answer)
{
  kata_error *err = NULL;
  int32_t code;
  g_autoptr (task) task = service_task (service, id, answer, &code);
  if (!task)
    return code;
  int r = paused ? kata_container_pause (task->container, KATA_TIMEOUT_DEFAULT, &err)
                 : kata_container_resume (task->container, KATA_TIMEOUT_DEFAULT, &err);
  if (r < 0)
    return answer_error (answer, err);
  g_mutex_lock (&service->lock);
  task->paused = paused;
  event_task (service, paused ? "/tasks/paused" : "/tasks/resumed", paused ? "TaskPaused" : "TaskResumed", task->id);
  g_mutex_unlock (&service->lock);
  return TTRPC_OK;
}

int32_t
method_pause (service *service, const void *request, answer *answer)
{
  return set_paused (service, ((const Shim__PauseRequest *) request)->id, TRUE, answer);
}

int32_t
method_resume (service *service, const void *request, answer *answer)
{
  return set_paused (service, ((const Shim__ResumeRequest *) request)->id, FALSE, answer);
}

int32_t
method_update (service *service, const void *request, answer *answer)
{
  const Shim__UpdateRequest *q = request;
  kata_error *err = NULL;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  if (!task)
    return code;
  if (!q->resources || q->resources->value.len == 0 || q->resources->value.len > RESOURCE_MAX ||
      !strstr (q->resources->type_url, "LinuxResources"))
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT,
                        "resources: LinuxResources of the runtime specification as JSON is needed, at most 1 MiB");
  g_autofree char *json = g_strndup ((const char *) q->resources->value.data, q->resources->value.len);
  if (kata_container_update (task->container, json, KATA_TIMEOUT_DEFAULT, &err) < 0)
    return answer_error (answer, err);
  return TTRPC_OK;
}

/* A process without a terminal, and a size of nothing, are no mistakes of the user's: clients send both. */
int32_t
method_resize_pty (service *service, const void *request, answer *answer)
{
  const Shim__ResizePtyRequest *q = request;
  kata_error *err = NULL;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  g_autoptr (proc) proc = task ? service_proc (service, task, q->exec_id, answer, &code) : NULL;
  if (!proc)
    return code;
  if (!proc->terminal || q->width == 0 || q->height == 0)
    return TTRPC_OK;
  if (q->width > G_MAXUINT16 || q->height > G_MAXUINT16)
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "a terminal has at most %d rows and columns", G_MAXUINT16);
  g_mutex_lock (&service->lock);
  kata_process *process = proc->status == STATUS_RUNNING || !*proc->id ? kata_process_ref (proc->process) : NULL;
  g_mutex_unlock (&service->lock);
  int r = process ? kata_process_resize (process, q->height, q->width, KATA_TIMEOUT_DEFAULT, &err) : 0;
  kata_process_unref (process);
  return r < 0 ? answer_error (answer, err) : TTRPC_OK;
}

int32_t
method_close_io (service *service, const void *request, answer *answer)
{
  const Shim__CloseIoRequest *q = request;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  g_autoptr (proc) proc = task ? service_proc (service, task, q->exec_id, answer, &code) : NULL;
  if (!proc)
    return code;
  if (q->stdin_end)
    streams_close_input (proc->io);
  return TTRPC_OK;
}

int32_t
method_checkpoint (service *service, const void *request, answer *answer)
{
  return answer_fail (answer, TTRPC_UNIMPLEMENTED,
                      "a container in a virtual machine cannot be checkpointed: CRIU works on the host's processes");
}
