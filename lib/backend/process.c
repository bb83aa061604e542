/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: waits for, ends, and finds again the processes of a virtual machine. */
#include "backend/process.h"

#include <limits.h>
#include <signal.h>

#include "base/error.h"
#include "base/fd.h"

#define KILL_MS 5000

void
kata_backend_process__adopt (kata_backend_process *process, const kata_child *child)
{
  process->identity = child->identity;
  process->pidfd = child->pidfd;
}

bool
kata_backend_process__ended (kata_backend_process *process)
{
  if (process->pidfd < 0)
    return true;
  if (!kata_pidfd__ended (process->pidfd))
    return false;
  if (!process->status.known)
    kata_pidfd__reap (process->pidfd, &process->status);
  return true;
}

int
kata_backend_process__end (kata_backend_process *process, int64_t wait_ms, int64_t deadline_us, kata_error **err)
{
  if (process->pidfd < 0)
    return 0;
  if (kata_pidfd__wait (process->pidfd, kata_deadline__within (deadline_us, wait_ms), NULL) == 0)
    return 0;
  /* Not kata_pidfd__kill(): that would reap, and the exit status would be lost for why(). */
  int code = kata_pidfd__signal (process->pidfd, SIGKILL, err);
  return code < 0 ? code : kata_pidfd__wait (process->pidfd, kata_deadline__within (INT64_MAX, KILL_MS), err);
}

void
kata_backend_process__discard (kata_backend_process *process)
{
  kata_child child = { process->identity, process->pidfd };
  kata_child__discard (&child);
  process->pidfd = -1;
}

void
kata_backend_process__clear (kata_backend_process *process)
{
  kata_fd__closep (&process->pidfd);
}

char *
kata_backend_process__to_json (const kata_backend_process *process)
{
  return g_strdup_printf ("[%lld,%llu]", (long long) process->identity.pid,
                          (unsigned long long) process->identity.start_time);
}

bool
kata_backend_process__from_json (kata_backend_process *process, JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return false;
  JsonArray *pair = json_node_get_array (node);
  if (json_array_get_length (pair) != 2)
    return false;
  for (guint i = 0; i < 2; i++) {
    JsonNode *element = json_array_get_element (pair, i);
    if (!JSON_NODE_HOLDS_VALUE (element) || json_node_get_value_type (element) != G_TYPE_INT64)
      return false;
  }
  int64_t start_time = json_array_get_int_element (pair, 1);
  process->identity.pid = json_array_get_int_element (pair, 0);
  process->identity.start_time = (uint64_t) start_time;
  return process->identity.pid >= 0 && process->identity.pid <= INT_MAX && start_time >= 0;
}

int
kata_backend_process__reopen (kata_backend_process *process, kata_error **err)
{
  g_autoptr (kata_error) error = NULL;
  if (process->identity.pid == 0)
    return 0;
  int code = kata_pidfd__open (&process->pidfd, &process->identity, &error);
  return code == 0 || code == KATA_E_NOT_FOUND ? 0 : kata_error__propagate (err, g_steal_pointer (&error));
}
