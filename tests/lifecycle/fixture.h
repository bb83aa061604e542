/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture: what most lifecycle tests have: a place, a runtime, and a look at the end that nothing was left behind. */
#ifndef KATA_TESTS_FIXTURE_H
#define KATA_TESTS_FIXTURE_H

#include "bed.h"
#include "life.h"
#include "residue.h"

/* Set up for each test, which runs in a process of its own. */
extern struct life *life;
extern kata_runtime *runtime;

void fixture_setup (void);
void fixture_teardown (void);

/** Over a fake: from now on the VMM is a script that runs it with "--fault ACTION:HOW". The runtime is a new one. */
void fixture_misbehave (const char *action, const char *how);
/** Sandbox "s", made and not started. */
kata_sandbox *fixture_sandbox (void);
/** The same, started with these settings over a fake that misbehaves so. */
kata_sandbox *fixture_running (const char *settings, const char *action, const char *how);
/** Deletes and frees it. */
void fixture_end (kata_sandbox *sandbox);
/** What kata_sandbox_resize() says; 0 = as it is. */
int fixture_resize (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib, int64_t timeout_ms, kata_error **err);

/**
 * Calls @call until none of its points of failure is left: each time another fails, and is found in what the call says; then, with none failing, @after,
 * with the point's name, NULL the last time, when the call did it. Returns how many points there were.
 */
struct fixture_call {
  int (*call) (void *data, kata_error **err);
  void (*after) (void *data, const char *point);
  void *data;
};
int fixture_fail_each (const struct fixture_call *call);

/** Runs "@program live DIRECTORY N" for each point N, which kills it, until one ends with exit status @last; after each @mend (or NULL), then sandbox "s" is cleared. */
int fixture_kill_each (const char *program, int last, void (*mend) (const char *point));

#endif
