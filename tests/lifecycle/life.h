/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* life: the life of a sandbox over the null backend, as the lifecycle tests run it: a place for it, a runtime, each step. */
#ifndef KATA_TESTS_LIFE_H
#define KATA_TESTS_LIFE_H

#include <check.h>

#include <glib.h>

#include <kata/kata.h>

#include "sandbox/runtime.h"

#define LIFE_MS 20000

/** A directory with a root file system in it, and the state directory. */
struct life {
  char *dir, *state_dir, *rootfs, *config;
};

/** A mount namespace of our own, so that mounts of other programs are not taken for residue. Only root can. */
void life_isolate (void);

struct life *life_new (void);
void life_free (struct life *life);

/** A runtime on the null backend. */
kata_runtime *life_runtime (struct life *life);
/** create + start. */
kata_sandbox *life_sandbox (kata_runtime *runtime, const char *id);
/** A container that runs @command (a shell line); created, not started. */
int life_container (kata_container **out, kata_sandbox *sandbox, struct life *life, const char *id, const char *command,
                    kata_error **err);
/** Everything that a process writes; g_string_free(). */
GString *life_read_all (kata_process *process, int stream);

/** The whole life: create, start, container, exec, streams, pause, resume, stop, delete. Returns 0 or the first failure. */
int life_run (struct life *life, kata_runtime *runtime, const char *id, kata_error **err);

#define ck_ok(call_, err_)                                                                                             \
  do {                                                                                                                 \
    int r_ = (call_);                                                                                                  \
    ck_assert_msg (r_ == 0, "%s: %d %s", #call_, r_, kata_error_get_message (err_));                                   \
  } while (0)

#endif
