/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox: the handle behind kata_sandbox and what is done to it; the public functions in lib/api check arguments and call these. */
#ifndef KATA_SANDBOX_SANDBOX_H
#define KATA_SANDBOX_SANDBOX_H

#include <kata/sandbox.h>

#include "sandbox/link.h"
#include "sandbox/runtime.h"
#include "sandbox/state.h"
#include "sandbox/track.h"

struct kata_events;

/* What of the state decides about a connection, and of which file: another one is read anew. */
struct kata_seen {
  uint64_t ino;
  int64_t mtime_ns;
  uint64_t resumes;
  bool paused;
};

/*
 * Lock order: @op, then the directory's flock, then @lock. @op is held for whole operations that change something; @lock only to look at
 * or swap the fields below it, never while anything blocks.
 */
struct kata_sandbox {
  gatomicrefcount refs;
  kata_runtime *runtime;
  char *id;
  char *dir; /* absolute */
  int dirfd; /* its own open file description: flock is per description */
  GMutex op;
  GMutex lock;
  bool deleted;
  kata_machine *machine;      /* (nullable): launched or attached, on first use */
  kata_link *link;            /* (nullable): made on first use, remade once lost */
  GHashTable *tracks;         /* "cid/exec" → kata_track */
  struct kata_events *events; /* (nullable): made by the first call that wants events */
  bool linking;               /* somebody makes @link; the others wait for @linked, never longer than they want to */
  GCond linked;
  bool lost;             /* there was a link that ended while the machine lived, or was cut */
  char *lost_why;        /* (nullable): of such a one, until it is said */
  unsigned cuts;         /* of kata_sandbox__interrupt(): operations that are still connecting then give up */
  struct kata_seen seen; /* the state file, at the last look */
};

/* ---- handles: sandbox.c ---- */
/** Takes @dirfd. */
kata_sandbox *kata_sandbox__new (kata_runtime *runtime, const char *id, int dirfd);
int kata_sandbox__open (kata_sandbox **out, kata_runtime *runtime, const char *id, kata_error **err);
void kata_sandbox__free (kata_sandbox *sandbox);
/** KATA_E_NOT_FOUND once it is deleted, through this handle or another. */
int kata_sandbox__load (kata_sandbox_state **out, kata_sandbox *sandbox, kata_error **err);
/** The state as it is: a virtual machine that has ended makes RUNNING and PAUSED STOPPED. May attach; waits for nothing. */
int kata_sandbox__real_state (kata_sandbox *sandbox, const kata_sandbox_state *state);
/** KATA_E_STATE with a sentence, unless @state is one of the bits 1 << enum kata_state in @allowed. */
int kata_sandbox__allow (const char *what, const char *id, int state, unsigned allowed, kata_error **err);

/* ---- a virtual machine that ended on its own: ended.c ---- */
/** Why it did, as it is written down or as the backend says now; "" when it goes on, or was asked to end; bounded, one line; g_free(). */
char *kata_sandbox__why_ended (kata_sandbox *sandbox, const kata_sandbox_state *state);
/** As kata_sandbox__allow() for the sandbox itself, whose state is @real; the sentence says why it ended. */
int kata_sandbox__allow_guest (kata_sandbox *sandbox, const kata_sandbox_state *state, const char *what, int real,
                               unsigned allowed, kata_error **err);

/* ---- the virtual machine and its agent: connect.c ---- */
/** A new reference. Attaches when this handle has not used it yet. */
int
kata_sandbox__machine (kata_machine **out, kata_sandbox *sandbox, const kata_sandbox_state *state, kata_error **err);
/** Drops this handle's machine and connection, the latter cut first: calls in flight fail. */
void kata_sandbox__disconnect (kata_sandbox *sandbox, bool machine_too);
/** Makes calls in flight fail; they may be what the next operation waits for. */
void kata_sandbox__interrupt (kata_sandbox *sandbox);
/** Turns "the connection was lost" into what really happened, if the guest has ended: KATA_E_VMM and why. Takes @error, returns its code. */
int kata_sandbox__explain (kata_sandbox *sandbox, kata_link *link, kata_error *error, kata_error **err);
/** @error is the connection's; if the guest has ended, or does so before @deadline_us and in a moment, that is the reason. Likewise. */
int kata_sandbox__blame_end (kata_sandbox *sandbox, kata_error *error, int64_t deadline_us, kata_error **err);
/** KATA_E_VMM, and why: the virtual machine has ended. */
int kata_sandbox__ended_error (kata_sandbox *sandbox, kata_machine *machine, kata_error **err);
/** The fields that every backend call needs; @journal may be NULL where nothing can be made. */
kata_backend_env kata_sandbox__env (kata_sandbox *sandbox, void *journal, int64_t deadline_us);

/* ---- a connection that can be relied on: reach.c ---- */
/** A new reference; connects when there is no connection or it was lost, asks the agent where the guest was resumed since or it was lost before. */
int kata_sandbox__link (kata_link **out, kata_sandbox *sandbox, int64_t deadline_us, kata_error **err);
/** The same for a caller who can be interrupted: KATA_E_CANCELLED. */
int kata_sandbox__reach (kata_link **out, kata_sandbox *sandbox, const struct kata_track_patience *patience,
                         kata_error **err);
/** How the state file has it; as it was at the last look if that cannot be told. */
struct kata_seen kata_sandbox__seen (kata_sandbox *sandbox);

/** New reference; one per process and handle. */
kata_track *kata_sandbox__track (kata_sandbox *sandbox, const char *container_id, const char *exec_id);
/** Forgets those of a container. */
void kata_sandbox__drop_tracks (kata_sandbox *sandbox, const char *container_id);

/* ---- what can be done: create.c, start.c, stop.c, pause.c, inspect.c ---- */
int
kata_sandbox__make_plan (kata_plan **out, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err);
int
kata_sandbox__create (kata_sandbox **out, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err);
int kata_sandbox__plan_json (char **json, kata_runtime *runtime, const kata_sandbox_options *options, kata_error **err);
int kata_sandbox__start (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);
/** refresh.c */
int kata_sandbox__refresh_network (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);
/** disk-change.c */
int kata_sandbox__add_host_device (kata_sandbox *sandbox, const kata_host_device *device, int64_t timeout_ms,
                                   kata_error **err);
int kata_sandbox__remove_host_device (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err);
int kata_sandbox__add_disk (kata_sandbox *sandbox, const kata_disk *disk, int64_t timeout_ms, kata_error **err);
int kata_sandbox__remove_disk (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err);
/** resize.c: @size has what is wanted, 0 = as it is, and then what is. */
int kata_sandbox__resize (kata_sandbox *sandbox, kata_sandbox_size *size, int64_t timeout_ms, kata_error **err);
/** snapshot.c, restore.c */
int kata_sandbox__snapshot (kata_sandbox *sandbox, const char *dir, int64_t timeout_ms, kata_error **err);
int kata_sandbox__restore (kata_sandbox **out, kata_runtime *runtime, const char *dir,
                           const kata_sandbox_options *options, int64_t timeout_ms, kata_error **err);
/** metrics.c */
int kata_sandbox__metrics (char **text, kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);
int kata_sandbox__pause (kata_sandbox *sandbox, bool pause, int64_t timeout_ms, kata_error **err);
int kata_sandbox__stop (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err);
int kata_sandbox__delete (kata_sandbox *sandbox, uint32_t flags, kata_error **err);
int kata_sandbox__inspect (char **json, kata_sandbox *sandbox, kata_error **err);

#endif
