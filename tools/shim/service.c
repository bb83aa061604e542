/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service: the table of methods under both names of the service, the decoding of requests, and how tasks are found. */
#include "service.h"

#include "methods.h"

task *
service_task (service *service, const char *id, answer *answer, int32_t *code)
{
  g_mutex_lock (&service->lock);
  task *task = g_hash_table_lookup (service->tasks, id);
  task = task && task->ready ? task_ref (task) : NULL;
  g_mutex_unlock (&service->lock);
  if (!task)
    *code = answer_fail (answer, TTRPC_NOT_FOUND, "task \"%.80s\": not found", id);
  return task;
}

proc *
service_proc (service *service, task *task, const char *exec_id, answer *answer, int32_t *code)
{
  g_mutex_lock (&service->lock);
  proc *proc = *exec_id ? g_hash_table_lookup (task->execs, exec_id) : task->init;
  if (proc)
    proc_ref (proc);
  g_mutex_unlock (&service->lock);
  if (!proc)
    *code = answer_fail (answer, TTRPC_NOT_FOUND, "exec \"%.80s\" of \"%s\": not found", exec_id, task->id);
  return proc;
}

typedef int32_t (*method_fn) (service *service, const void *request, answer *answer);

static int32_t
run (service *service, const ProtobufCMessageDescriptor *descriptor, method_fn fn, const uint8_t *data, size_t length,
     answer *answer)
{
  ProtobufCMessage *request = protobuf_c_message_unpack (descriptor, NULL, length, data);
  if (!request)
    return answer_fail (answer, TTRPC_INVALID_ARGUMENT, "the request does not decode as %s", descriptor->short_name);
  int32_t code = fn (service, request, answer);
  protobuf_c_message_free_unpacked (request, NULL);
  return code;
}

/* ttrpc tells a method nothing but its user data, so each needs a function of its own. */
#define METHOD(name, type)                                                                                             \
  static int32_t name##_rpc (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,   \
                             size_t *payload_len, char **message)                                                      \
  {                                                                                                                    \
    answer answer = { request, payload, payload_len, message };                                                        \
    service *service = user;                                                                                           \
    gint64 begun = g_get_monotonic_time ();                                                                            \
    int32_t code = run (service, &shim__##type##_request__descriptor, method_##name, data, len, &answer);              \
    metrics_histogram_add (&service->calls[CALL_##name], g_get_monotonic_time () - begun);                             \
    return code;                                                                                                       \
  }
METHOD (state, state)
METHOD (create, create)
METHOD (start, start)
METHOD (delete, delete)
METHOD (pids, pids)
METHOD (pause, pause)
METHOD (resume, resume)
METHOD (checkpoint, checkpoint)
METHOD (kill, kill)
METHOD (exec, exec)
METHOD (resize_pty, resize_pty)
METHOD (close_io, close_io)
METHOD (update, update)
METHOD (wait, wait)
METHOD (stats, stats)
METHOD (connect, connect)
METHOD (shutdown, shutdown)

#define V2 "containerd.task.v2.Task"
#define V3 "containerd.task.v3.Task"
#define BOTH(name, fn)                                                                                                 \
  { V2, name, fn##_rpc },                                                                                              \
  {                                                                                                                    \
    V3, name, fn##_rpc                                                                                                 \
  }
const struct ttrpc_method service_methods[] = {
  BOTH ("State", state),       BOTH ("Create", create), BOTH ("Start", start),          BOTH ("Delete", delete),
  BOTH ("Pids", pids),         BOTH ("Pause", pause),   BOTH ("Resume", resume),        BOTH ("Checkpoint", checkpoint),
  BOTH ("Kill", kill),         BOTH ("Exec", exec),     BOTH ("ResizePty", resize_pty), BOTH ("CloseIO", close_io),
  BOTH ("Update", update),     BOTH ("Wait", wait),     BOTH ("Stats", stats),          BOTH ("Connect", connect),
  BOTH ("Shutdown", shutdown), { NULL, NULL, NULL },
};
