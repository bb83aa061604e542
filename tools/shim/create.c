/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create: the methods that bring tasks and processes to life: Create, Exec, Start. */
#include "methods.h"

#include <errno.h>
#include <string.h>

#include "place.h"
#include "messages/events.pb-c.h"
#include "say.h"

#define TASKS_MAX 256u
#define EXECS_MAX 512u
#define SPEC_MAX  (1u << 20)

#define SPEC_TYPE "opencontainers/runtime-spec/1/Process"

static int32_t
check_create (const Shim__CreateRequest *q, answer *answer)
{
  if (!options_is_identifier (q->id))
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "id: \"%.80s\" is no identifier", q->id);
  if (!options_is_path (q->bundle))
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "bundle: \"%.200s\" is no absolute path without \"..\"",
                        q->bundle);
  if (*q->checkpoint || *q->parent_checkpoint)
    return answer_fail (answer, TTRPC_UNIMPLEMENTED,
                        "a container in a virtual machine cannot be restored from a checkpoint: CRIU works on the "
                        "host's processes");
  return TTRPC_OK;
}

/* The name is taken from here on; the task is found by others once it is ready. */
static int32_t
reserve (service *service, task *task, answer *answer)
{
  int32_t code = TTRPC_OK;
  g_mutex_lock (&service->lock);
  if (service->shutting)
    code = answer_fail (answer, TTRPC_UNAVAILABLE, "the shim is shutting down");
  else if (g_hash_table_contains (service->tasks, task->id))
    code = answer_fail (answer, TTRPC_ALREADY_EXISTS, "task \"%s\" exists already", task->id);
  else if (g_hash_table_size (service->tasks) >= TASKS_MAX)
    code = answer_fail (answer, TTRPC_RESOURCE_EXHAUSTED, "a pod has at most %u containers", TASKS_MAX);
  else
    g_hash_table_insert (service->tasks, task->id, task_ref (task));
  g_mutex_unlock (&service->lock);
  return code;
}

static void
unreserve (service *service, task *task)
{
  g_mutex_lock (&service->lock);
  g_hash_table_remove (service->tasks, task->id);
  g_mutex_unlock (&service->lock);
}

static int32_t
open_streams (service *service, task *task, proc *proc, answer *answer)
{
  const streams_wanted wanted = { proc->in, proc->out, proc->err, *proc->id ? proc->id : task->id,
                                  service->options->namespace_name };
  int error = 0;
  g_autofree char *why = NULL;
  proc->io = streams_open (&wanted, &error, &why);
  if (proc->io)
    return TTRPC_OK;
  return answer_fail (answer,
                      error == ENOENT   ? TTRPC_NOT_FOUND
                      : error == EINVAL ? TTRPC_INVALID_ARGUMENT
                                        : TTRPC_UNKNOWN,
                      "%s", why);
}

/* Into the guest. 0, or a negative code with @err or @why. */
static int
make_container (service *service, task *task, kata_error **err, char **why)
{
  const kata_container_options options = pod_container_options (task);
  kata_sandbox *sandbox = pod_enter (service, task, err, why);
  if (!sandbox)
    return *why ? KATA_E_STATE : kata_error_get_code (*err);
  int r = kata_container_create (&task->container, sandbox, &options, KATA_TIMEOUT_DEFAULT, err);
  if (r == 0)
    r = kata_container_get_process (&task->init->process, task->container, err);
  if (r == 0 && !hooks_created (service, task, why))
    r = KATA_E_HOST;
  if (r < 0) {
    if (task->container)
      kata_container_delete (task->container, KATA_DELETE_FORCE, KATA_TIMEOUT_DEFAULT, NULL);
    task->container = kata_container_unref (task->container);
    pod_leave (service, task);
  }
  kata_sandbox_unref (sandbox);
  return r;
}

/* No such disk for this hypervisor, no place left for one, or no node that it could open: files it can still be given. */
static gboolean
may_share (int code)
{
  return code == KATA_E_UNSUPPORTED || code == KATA_E_LIMIT || code == KATA_E_HOST;
}

static int
share_instead (service *service, task *task, const Shim__CreateRequest *q, kata_error **err, char **why)
{
  say ("\"%s\": its root is mounted here and shared, the guest cannot have the device \"%s\": %s", task->id,
       task->root.path, kata_error_get_message (*err));
  kata_error_unrefp (err);
  root_device_clear (&task->root);
  if (!pod_mount (service, task, q->rootfs, q->n_rootfs, why))
    return KATA_E_HOST;
  return make_container (service, task, err, why);
}

static int32_t
enter_guest (service *service, task *task, const Shim__CreateRequest *q, answer *answer)
{
  kata_error *err = NULL;
  g_autofree char *why = NULL;
  int r = make_container (service, task, &err, &why);
  if (task->root.path && err && may_share (r))
    r = share_instead (service, task, q, &err, &why);
  if (r == 0)
    return TTRPC_OK;
  if (err)
    return answer_start_error (answer, err);
  return answer_fail (answer, r == KATA_E_STATE ? TTRPC_FAILED_PRECONDITION : TTRPC_UNKNOWN, "%s", why);
}

static void
event_create (service *service, task *task, const Shim__CreateRequest *q)
{
  Shim__TaskCreate event = SHIM__TASK_CREATE__INIT;
  Shim__TaskIO io = SHIM__TASK_IO__INIT;
  io.stdin_path = q->stdin_path;
  io.stdout_path = q->stdout_path;
  io.stderr_path = q->stderr_path;
  io.terminal = q->terminal;
  event.container_id = task->id;
  event.bundle = task->bundle;
  event.n_rootfs = q->n_rootfs;
  event.rootfs = q->rootfs;
  event.io = &io;
  event.pid = service->pid;
  publisher_send (service->publisher, "/tasks/create", "TaskCreate", &event.base);
}

static int32_t
make_task (service *service, task *task, const Shim__CreateRequest *q, answer *answer)
{
  g_autofree char *why = NULL;
  int32_t code = open_streams (service, task, task->init, answer);
  if (code == TTRPC_OK && !pod_root (service, task, q->rootfs, q->n_rootfs, &why))
    code = answer_fail (answer, TTRPC_UNKNOWN, "%s", why);
  if (code == TTRPC_OK && (!hooks_hold (service, task, &why) || !hooks_create (service, task, &why)))
    code = answer_fail (answer, TTRPC_UNKNOWN, "%s", why);
  if (code == TTRPC_OK)
    code = enter_guest (service, task, q, answer);
  if (code != TTRPC_OK) {
    pod_unmount (service, task);
    hooks_stopped (service, task);
    hooks_release (service);
    return code;
  }
  Shim__PidResponse response = SHIM__PID_RESPONSE__INIT;
  g_mutex_lock (&service->lock);
  task->ready = TRUE;
  response.pid = service->pid;
  event_create (service, task, q);
  g_mutex_unlock (&service->lock);
  return answer_pack (answer, &response.base);
}

int32_t
method_create (service *service, const void *request, answer *answer)
{
  const Shim__CreateRequest *q = request;
  g_autofree char *why = NULL;
  int32_t code = check_create (q, answer);
  if (code != TTRPC_OK)
    return code;
  g_autoptr (task) task = task_new (q->id, q->bundle);
  if (!place_read (&task->place, q->bundle, q->id, &why))
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "%s", why);
  task->owner = task->place.owner;
  if (!pod_may_have (task->place.placement, &why))
    return answer_fail (answer, TTRPC_FAILED_PRECONDITION, "%s", why);
  if (!g_str_equal (task->place.group, service->group->id))
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "task \"%s\" is of another pod than this shim's, \"%s\"", q->id,
                        service->group->id);
  task->init = proc_new ("", q->terminal, q->stdin_path, q->stdout_path, q->stderr_path);
  if (!task->init)
    return answer_fail (answer, TTRPC_RESOURCE_EXHAUSTED, "the shim has no descriptor left");
  if (q->options && task->owner &&
      !options_take_any (service->options, q->options->type_url, q->options->value.data, q->options->value.len, &why))
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "%s", why);
  code = reserve (service, task, answer);
  if (code != TTRPC_OK)
    return code;
  code = make_task (service, task, q, answer);
  if (code != TTRPC_OK)
    unreserve (service, task);
  return code;
}

static int32_t
check_exec (const Shim__ExecRequest *q, answer *answer)
{
  const char *slash = q->spec ? strstr (q->spec->type_url, SPEC_TYPE) : NULL;
  if (!options_is_identifier (q->exec_id))
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "exec_id: \"%.80s\" is no identifier", q->exec_id);
  if (!slash || q->spec->value.len == 0 || q->spec->value.len > SPEC_MAX)
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT,
                        "spec: a process of the runtime specification as JSON is needed, at most 1 MiB");
  return TTRPC_OK;
}

/* Only notes it; the guest learns of it in Start. */
int32_t
method_exec (service *service, const void *request, answer *answer)
{
  const Shim__ExecRequest *q = request;
  int32_t code = check_exec (q, answer);
  if (code != TTRPC_OK)
    return code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  if (!task)
    return code;
  g_autoptr (proc) proc = proc_new (q->exec_id, q->terminal, q->stdin_path, q->stdout_path, q->stderr_path);
  if (!proc)
    return answer_fail (answer, TTRPC_RESOURCE_EXHAUSTED, "the shim has no descriptor left");
  proc->spec = g_strndup ((const char *) q->spec->value.data, q->spec->value.len);
  code = open_streams (service, task, proc, answer);
  if (code != TTRPC_OK)
    return code;
  g_mutex_lock (&service->lock);
  if (g_hash_table_contains (task->execs, q->exec_id))
    code = answer_fail (answer, TTRPC_ALREADY_EXISTS, "exec \"%s\" of \"%s\" exists already", q->exec_id, q->id);
  else if (g_hash_table_size (task->execs) >= EXECS_MAX)
    code = answer_fail (answer, TTRPC_RESOURCE_EXHAUSTED, "a container has at most %u execs at a time", EXECS_MAX);
  else if (task->init->status == STATUS_STOPPED)
    code = answer_fail (answer, TTRPC_FAILED_PRECONDITION, "\"%s\" does not run any more", q->id);
  else
    g_hash_table_insert (task->execs, proc->id, proc_ref (proc));
  if (code == TTRPC_OK) {
    Shim__TaskExecAdded event = SHIM__TASK_EXEC_ADDED__INIT;
    event.container_id = q->id;
    event.exec_id = q->exec_id;
    publisher_send (service->publisher, "/tasks/exec-added", "TaskExecAdded", &event.base);
  }
  g_mutex_unlock (&service->lock);
  return code;
}

/* Under the lock. */
static void
event_start (service *service, task *task, proc *proc)
{
  Shim__TaskStart start = SHIM__TASK_START__INIT;
  Shim__TaskExecStarted exec = SHIM__TASK_EXEC_STARTED__INIT;
  if (*proc->id) {
    exec.container_id = task->id;
    exec.exec_id = proc->id;
    exec.pid = service->pid;
    publisher_send (service->publisher, "/tasks/exec-started", "TaskExecStarted", &exec.base);
  } else {
    start.container_id = task->id;
    start.pid = service->pid;
    publisher_send (service->publisher, "/tasks/start", "TaskStart", &start.base);
  }
}

static int
start_process (task *task, proc *proc, kata_error **err)
{
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  if (!*proc->id)
    return kata_container_start (task->container, KATA_TIMEOUT_DEFAULT, err);
  options.id = proc->id;
  options.process_json = proc->spec;
  options.flags = proc->terminal ? KATA_EXEC_TERMINAL : 0;
  return kata_container_exec (&proc->process, task->container, &options, KATA_TIMEOUT_DEFAULT, err);
}

static int32_t
claim (service *service, task *task, proc *proc, answer *answer)
{
  int32_t code = TTRPC_OK;
  g_mutex_lock (&service->lock);
  if (proc->status != STATUS_CREATED || proc->starting || task->deleting)
    code = answer_fail (answer, TTRPC_FAILED_PRECONDITION, "\"%s\" %s is started already, or has ended", task->id,
                        proc->id);
  else
    proc->starting = TRUE;
  g_mutex_unlock (&service->lock);
  return code;
}

int32_t
method_start (service *service, const void *request, answer *answer)
{
  const Shim__StartRequest *q = request;
  kata_error *err = NULL;
  int32_t code;
  g_autoptr (task) task = service_task (service, q->id, answer, &code);
  g_autoptr (proc) proc = task ? service_proc (service, task, q->exec_id, answer, &code) : NULL;
  if (!proc)
    return code;
  code = claim (service, task, proc, answer);
  if (code != TTRPC_OK)
    return code;
  int r = *proc->id || !task->hooked ? 0 : hooks_refresh (service, &err);
  if (r == 0)
    r = start_process (task, proc, &err);
  Shim__PidResponse response = SHIM__PID_RESPONSE__INIT;
  g_mutex_lock (&service->lock);
  proc->starting = FALSE;
  response.pid = service->pid;
  if (r < 0) {
    proc_end (proc, 0, FALSE);
    g_cond_broadcast (&service->changed);
  } else {
    proc->status = STATUS_RUNNING;
    event_start (service, task, proc);
  }
  g_mutex_unlock (&service->lock);
  if (r < 0) {
    streams_finish (proc->io, 0); /* the client waits for their end before it deletes */
    return answer_start_error (answer, err);
  }
  attend_start (service, task, proc);
  if (!*proc->id)
    hooks_started (service, task);
  return answer_pack (answer, &response.base);
}
