/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* life: the life of a sandbox as the lifecycle tests run it: a place for it, a runtime, each step; over the null backend unless told otherwise. */
#ifndef KATA_TESTS_LIFE_H
#define KATA_TESTS_LIFE_H

#include <check.h>
#include <stdbool.h>

#include <glib.h>

#include <kata/kata.h>

#include "sandbox/runtime.h"

#define LIFE_MS                                                                                                        \
  180000 /* a guard, not a measure: an emulated guest boots in 3 s, on a busy machine in 20, emulated twice in 60 */

/** A directory with a root file system and a volume in it, which must never be emptied, and the state directory. */
struct life {
  char *dir, *state_dir, *rootfs, *volume, *config;
  const char *step; /* of life_run(): where it is or failed */
};

/**
 * From now on lives are over this hypervisor with this configuration, and their root file systems hold a busybox.
 * Returns NULL, or why that cannot be here; g_free().
 */
char *life_over (const char *hypervisor, const char *config);

struct life *life_new (void);
void life_free (struct life *life);
/** The same place, seen from another process. */
struct life *life_open (const char *dir);
void life_close (struct life *life);
/** Lines for [hypervisor.null], or the fake's table if the environment names one, for runtimes made from now on. */
void life_configure (struct life *life, const char *settings);

/** A runtime on the null backend; the first one may be used in a child that runs no test. */
int life_runtime_new (kata_runtime **out, struct life *life, kata_error **err);
kata_runtime *life_runtime (struct life *life);
/** Can the hypervisor pause a machine? If not, it must be KATA_E_UNSUPPORTED. */
bool life_pauses (void);
/** create + start. */
kata_sandbox *life_sandbox (kata_runtime *runtime, const char *id);
/** A root file system of one busybox at @dir, which is there. */
void life_busybox (const char *dir);
/** A container that runs @command (a shell line); created, not started. */
int life_container (kata_container **out, kata_sandbox *sandbox, struct life *life, const char *id, const char *command,
                    kata_error **err);
/** Everything that a process writes; g_string_free(). */
GString *life_read_all (kata_process *process, int stream);

/**
 * The whole life: create, start, container, streams, exec, stats, update, second container with a volume, pause and resume, signal, stop, delete.
 * Returns 0 or the first failure; what is there then stays there.
 */
int life_run (struct life *life, kata_runtime *runtime, const char *id, kata_error **err);

/** Fails with @code, or with 0 kills the process, at the fault point number @at (from 1; 0 = nowhere). */
struct life_fault {
  int at, code;
  gint hits;        /* points passed so far */
  char name[128];   /* of the point at which it struck; "" = it did not */
  GPtrArray *names; /* (nullable): gets the names of all */
};
void life_fault (kata_runtime *runtime, struct life_fault *fault);
/** Clears what is left, through a new runtime: by recovery or by a forced delete. */
void life_clear (struct life *life, const char *id, bool recover);

#define ck_ok(call_, err_)                                                                                             \
  do {                                                                                                                 \
    int r_ = (call_);                                                                                                  \
    ck_assert_msg (r_ == 0, "%s: %d %s", #call_, r_, kata_error_get_message (err_));                                   \
  } while (0)

#endif
