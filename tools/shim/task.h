/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* task: containers and their processes as containerd sees them: identities, states and counters; calls nothing of the library's. */
#ifndef SHIM_TASK_H
#define SHIM_TASK_H

#include <glib.h>
#include <kata/kata.h>

#include "place.h"
#include "root-device.h"
#include "streams.h"

/** containerd.v1.types.Status. */
enum status { STATUS_UNKNOWN = 0, STATUS_CREATED, STATUS_RUNNING, STATUS_STOPPED, STATUS_PAUSED };

/** A process: the container's first one, or one of exec. What changes is guarded by the service's lock. */
typedef struct proc {
  gatomicrefcount refs;
  char *id; /* of the exec; "" = the first process */
  char *in, *out, *err;
  gboolean terminal;
  char *spec; /* (nullable): JSON of what exec runs */
  streams *io;
  kata_process *process; /* (nullable): once it exists in the guest */
  int status;
  gboolean starting; /* a Start is under way */
  uint32_t exit_status;
  gint64 exited_us; /* 0 = not yet */
  int exit_fd;      /* readable for ever once it has ended */
} proc;

typedef struct task {
  gatomicrefcount refs;
  char *id, *bundle;
  place place;
  root_device root; /* the guest mounts it */
  gboolean owner;   /* the virtual machine goes when it goes */
  gboolean ready;   /* Create has succeeded */
  gboolean mounted; /* the root file system is the shim's to unmount */
  gboolean hooked;  /* hooks have run: the last ones are due */
  gboolean paused, deleting;
  kata_container *container;
  proc *init;
  GHashTable *execs; /* id → proc */
} task;

task *task_new (const char *id, const char *bundle);
task *task_ref (task *task);
void task_unref (task *task);

/** NULL when the host has no descriptor left. */
proc *proc_new (const char *id, gboolean terminal, const char *in, const char *out, const char *err);
proc *proc_ref (proc *proc);
void proc_unref (proc *proc);
/** Under the service's lock: notes the end, once. FALSE when it was known. */
gboolean proc_end (proc *proc, uint32_t exit_status, gboolean with_time);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (task, task_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (proc, proc_unref)

#endif
