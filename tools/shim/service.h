/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service: the Task service of one pod: what its methods share; each group of methods is a file of its own. */
#ifndef SHIM_SERVICE_H
#define SHIM_SERVICE_H

#include <glib.h>
#include <kata/kata.h>
#include <protobuf-c/protobuf-c.h>
#include <ttrpc/ttrpc.h>

#include "group.h"
#include "holder.h"
#include "metrics/histogram.h"
#include "options.h"
#include "messages/common.pb-c.h"
#include "publish.h"
#include "task.h"

/** The methods, for counting. */
enum service_call {
  CALL_state,
  CALL_create,
  CALL_start,
  CALL_delete,
  CALL_pids,
  CALL_pause,
  CALL_resume,
  CALL_checkpoint,
  CALL_kill,
  CALL_exec,
  CALL_resize_pty,
  CALL_close_io,
  CALL_update,
  CALL_wait,
  CALL_stats,
  CALL_connect,
  CALL_shutdown,
  N_SERVICE_CALLS
};

/*
 * Lock order: pod, then lock. `pod` is held while the virtual machine is made or removed; `lock` only for looking and noting, so that
 * State is answered from memory whatever else goes on.
 */
typedef struct service {
  options *options;
  group *group;
  publisher *publisher;
  int quit_fd; /* an eventfd: a Shutdown was granted */
  GMutex pod;
  kata_runtime *runtime; /* both NULL until the pod's first Create */
  kata_sandbox *sandbox;
  holder holder; /* for hooks; guarded by `pod` */
  GMutex lock;
  GCond changed;     /* a process has ended */
  GHashTable *tasks; /* id → task */
  uint32_t pid;      /* of the virtual machine, or ours */
  gboolean shutting;
  guint64 ooms;                             /* atomic: containers that ran out of memory */
  metrics_histogram calls[N_SERVICE_CALLS]; /* how long each method took */
} service;

/** What a method answers with. */
typedef struct answer {
  ttrpc_request *request;
  uint8_t **payload;
  size_t *length;
  char **message;
} answer;

int32_t answer_pack (answer *answer, const ProtobufCMessage *message);
int32_t answer_fail (answer *answer, int32_t code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** Takes @error's code and message; releases it. */
int32_t answer_error (answer *answer, kata_error *error);
/** The same for what starts a program: a missing one is no missing task. */
int32_t answer_start_error (answer *answer, kata_error *error);
void answer_time (Shim__Timestamp *out, gint64 us);

/** The table for ttrpc_server_new(). */
extern const struct ttrpc_method service_methods[];

/** A task whose Create has succeeded; a new reference. NULL: the answer is given in @code. */
task *service_task (service *service, const char *id, answer *answer, int32_t *code);
/** One of its processes ("" = the first); a new reference, valid as long as the caller keeps @task. */
proc *service_proc (service *service, task *task, const char *exec_id, answer *answer, int32_t *code);

/** Serves metrics and status on a socket in the group's directory, to the end of the process. FALSE: it cannot; errno says why. */
gboolean service_monitor (service *service);
/** Takes everything down, as far as it goes: for the end of the shim. */
void service_clear (service *service);

/* pod.c */
/** The sandbox that a container of @task goes into, made if this is the pod's first. A new reference; NULL: @err or @why. */
kata_sandbox *pod_enter (service *service, task *task, kata_error **err, char **why);
/** Removes the virtual machine if nobody is left in it, or if @task was its owner. */
void pod_leave (service *service, task *task);
/** Valid as long as @task's root is. */
kata_container_options pod_container_options (const task *task);
/** The container's root: a device for the guest to mount, or its files on the host. */
gboolean pod_root (service *service, task *task, Shim__Mount *const *mounts, size_t n, char **why);
gboolean pod_mount (service *service, task *task, Shim__Mount *const *mounts, size_t n, char **why);
/** Gives up either. */
void pod_unmount (service *service, task *task);

/** A virtual machine cannot have the host's network. FALSE: @why. */
gboolean pod_may_have (const kata_placement *placement, char **why);

/* hooks.c: all do nothing for a task whose config.json has no hook. */
/** A process that stands in the pod's network namespace, to be released. FALSE: @why. */
gboolean hooks_hold (service *service, task *task, char **why);
void hooks_release (service *service);
/** Before the machine is started, or the container is made in it: prestart, createRuntime. */
gboolean hooks_create (service *service, task *task, char **why);
/** Once the container is there: createContainer. */
gboolean hooks_created (service *service, task *task, char **why);
/** Right before the start: what came to the namespace since the machine was started goes into the guest. */
int hooks_refresh (service *service, kata_error **err);
/** poststart; a failure is written to the log. */
void hooks_started (service *service, task *task);
/** poststop, if any hook ran before, once; a failure is written to the log. */
void hooks_stopped (service *service, task *task);

/* attend.c */
/** From here on the process's streams are copied and its end is noted and published. */
void attend_start (service *service, task *task, proc *proc);
/** Notes and publishes an end that no guest tells. */
void attend_end (service *service, task *task, proc *proc, uint32_t exit_status);
/** The thread that publishes what the sandbox tells. */
void attend_sandbox (service *service, kata_sandbox *sandbox);

/* Events. */
void event_exit (service *service, task *task, proc *proc);
void event_task (service *service, const char *topic, const char *type, const char *id);

/* stats.c */
/** In the words of the host's cgroup version. */
int32_t stats_answer (answer *answer, const kata_container_stats *stats);

#endif
