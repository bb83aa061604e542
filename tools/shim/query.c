/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* query: the methods that only look: State, Pids, Wait, Stats, Connect. */
#include "methods.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int32_t
method_state (service *service, const void *request, answer *answer)
{
  const Shim__StateRequest *q = request;
  Shim__StateResponse response = SHIM__STATE_RESPONSE__INIT;
  Shim__Timestamp stamp = SHIM__TIMESTAMP__INIT;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  g_autoptr (proc) proc = task ? service_proc (service, task, q->exec_id, answer, &code) : NULL;
  if (!proc)
    return code;
  g_mutex_lock (&service->lock);
  gboolean waits = *proc->id && proc->status == STATUS_CREATED;
  response.pid = waits ? 0 : service->pid;
  response.status = (uint32_t) (task->paused && proc->status == STATUS_RUNNING ? STATUS_PAUSED : proc->status);
  response.exit_status = proc->exit_status;
  answer_time (&stamp, proc->exited_us);
  g_mutex_unlock (&service->lock);
  response.id = task->id;
  response.bundle = task->bundle;
  response.stdin_path = proc->in;
  response.stdout_path = proc->out;
  response.stderr_path = proc->err;
  response.terminal = proc->terminal;
  response.exited_at = &stamp;
  response.exec_id = proc->id;
  return answer_pack (answer, &response.base);
}

/* The host sees one process: the machine. What runs in the guest has no numbers here. */
int32_t
method_pids (service *service, const void *request, answer *answer)
{
  const Shim__PidsRequest *q = request;
  Shim__PidsResponse response = SHIM__PIDS_RESPONSE__INIT;
  Shim__ProcessInfo info = SHIM__PROCESS_INFO__INIT, *all[] = { &info };
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  if (!task)
    return code;
  g_mutex_lock (&service->lock);
  info.pid = service->pid;
  response.n_processes = task->init->status == STATUS_STOPPED ? 0 : 1;
  g_mutex_unlock (&service->lock);
  response.processes = all;
  return answer_pack (answer, &response.base);
}

int32_t
method_wait (service *service, const void *request, answer *answer)
{
  const Shim__WaitRequest *q = request;
  Shim__WaitResponse response = SHIM__WAIT_RESPONSE__INIT;
  Shim__Timestamp stamp = SHIM__TIMESTAMP__INIT;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  g_autoptr (proc) proc = task ? service_proc (service, task, q->exec_id, answer, &code) : NULL;
  if (!proc)
    return code;
  int cancelled = ttrpc_request_cancel_fd (answer->request);
  if (cancelled < 0)
    return answer_fail (answer, TTRPC_RESOURCE_EXHAUSTED, "the shim has no descriptor left");
  struct pollfd fds[] = { { proc->exit_fd, POLLIN, 0 }, { cancelled, POLLIN, 0 } };
  while (poll (fds, 2, -1) < 0 && errno == EINTR)
    ;
  if (!fds[0].revents)
    return answer_fail (answer, TTRPC_CANCELLED, "the caller does not wait any more");
  g_mutex_lock (&service->lock);
  response.exit_status = proc->exit_status;
  answer_time (&stamp, proc->exited_us);
  g_mutex_unlock (&service->lock);
  response.exited_at = &stamp;
  return answer_pack (answer, &response.base);
}

int32_t
method_stats (service *service, const void *request, answer *answer)
{
  const Shim__StatsRequest *q = request;
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  kata_error *err = NULL;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  if (!task)
    return code;
  if (kata_container_stats_get (task->container, &stats, KATA_TIMEOUT_DEFAULT, &err) < 0)
    return answer_error (answer, err);
  return stats_answer (answer, &stats);
}

int32_t
method_connect (service *service, const void *request, answer *answer)
{
  const Shim__ConnectRequest *q = request;
  Shim__ConnectResponse response = SHIM__CONNECT_RESPONSE__INIT;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  if (!task)
    return code;
  response.shim_pid = (uint32_t) getpid ();
  g_mutex_lock (&service->lock);
  response.task_pid = service->pid;
  g_mutex_unlock (&service->lock);
  response.version = (char *) kata_version ();
  return answer_pack (answer, &response.base);
}
