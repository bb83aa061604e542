/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* task: making, counting and forgetting. */
#include "task.h"

#include <sys/eventfd.h>
#include <unistd.h>

task *
task_new (const char *id, const char *bundle)
{
  task *task = g_new0 (struct task, 1);
  g_atomic_ref_count_init (&task->refs);
  task->id = g_strdup (id);
  task->bundle = g_strdup (bundle);
  task->root = (root_device) ROOT_DEVICE_NONE;
  task->execs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) proc_unref);
  return task;
}

task *
task_ref (task *task)
{
  g_atomic_ref_count_inc (&task->refs);
  return task;
}

void
task_unref (task *task)
{
  if (!task || !g_atomic_ref_count_dec (&task->refs))
    return;
  g_hash_table_unref (task->execs);
  proc_unref (task->init);
  kata_container_unref (task->container);
  g_free (task->id);
  g_free (task->bundle);
  place_clear (&task->place);
  root_device_clear (&task->root);
  g_free (task);
}

proc *
proc_new (const char *id, gboolean terminal, const char *in, const char *out, const char *err)
{
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    return NULL;
  proc *proc = g_new0 (struct proc, 1);
  g_atomic_ref_count_init (&proc->refs);
  proc->id = g_strdup (id);
  proc->terminal = terminal;
  proc->in = g_strdup (in);
  proc->out = g_strdup (out);
  proc->err = g_strdup (err);
  proc->status = STATUS_CREATED;
  proc->exit_fd = fd;
  return proc;
}

proc *
proc_ref (proc *proc)
{
  g_atomic_ref_count_inc (&proc->refs);
  return proc;
}

void
proc_unref (proc *proc)
{
  if (!proc || !g_atomic_ref_count_dec (&proc->refs))
    return;
  streams_unref (proc->io);
  kata_process_unref (proc->process);
  close (proc->exit_fd);
  g_free (proc->id);
  g_free (proc->in);
  g_free (proc->out);
  g_free (proc->err);
  g_free (proc->spec);
  g_free (proc);
}

gboolean
proc_end (proc *proc, uint32_t exit_status, gboolean with_time)
{
  uint64_t one = 1;
  if (proc->status == STATUS_STOPPED)
    return FALSE;
  proc->status = STATUS_STOPPED;
  proc->exit_status = exit_status;
  proc->exited_us = with_time ? g_get_real_time () : 0;
  (void) !write (proc->exit_fd, &one, sizeof one);
  return TRUE;
}
