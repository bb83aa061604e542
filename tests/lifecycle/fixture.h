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
/** From now on these settings, and a new runtime. */
void fixture_configure (const char *settings);
/** Beside the kernel that fakes are given, the manifest of a guest whose agent finds disks by their id. */
void fixture_disk_guest (void);
/** Sandbox "s", made and not started. */
kata_sandbox *fixture_sandbox (void);
/** The same, started with these settings over a fake that misbehaves so. */
kata_sandbox *fixture_running (const char *settings, const char *action, const char *how);
/** The same, started with disk "root" (this file, read-only) and container "c" on it, a `cat` that runs. @container: (nullable) (out). */
kata_sandbox *fixture_cat (kata_container **container, const char *image);
/** Deletes and frees it. */
void fixture_end (kata_sandbox *sandbox);
/** A call failed with @code and an error that has @text in it. Drops *error. */
void fixture_refused (int result, int code, const char *text, kata_error **error);
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

/** Runs "@program live DIRECTORY @at [@how]": false when the point did not kill it; then it ended with exit status @last. */
bool fixture_killed (const char *program, int at, const char *how, int last);
/** So for each point, until one does not; after each @mend (or NULL), then sandbox "s" is cleared. Returns how many killed it. */
int fixture_kill_each (const char *program, const char *how, int last, void (*mend) (const char *point));
/** That program's main(): @begin (or NULL) makes the sandbox, then each point counts and @go does what is looked at. Returns 0; 1 when @go failed, 3 when @begin did. */
typedef int (*fixture_step) (kata_sandbox **sandbox);
int fixture_live (char **argv, fixture_step begin, fixture_step go);
/** A step: sandbox "s" made and started. */
int fixture_live_running (kata_sandbox **sandbox);

/** What comes to a running sandbox and goes from it. */
struct fixture_thing {
  int (*add) (kata_sandbox *sandbox, kata_error **err);
  int (*take_out) (kata_sandbox *sandbox, kata_error **err);
  /** Asserts that it is there, or not there at all. */
  void (*see) (kata_sandbox *sandbox, bool there, const char *point);
};
/** Each point of an addition fails once, and of a removal; the next call mends it. Returns how many there were. */
int fixture_thing_fail_each (const struct fixture_thing *thing, kata_sandbox *sandbox);
/** A step: it comes and goes. */
int fixture_thing_go (const struct fixture_thing *thing, kata_sandbox *sandbox);
/** After a SIGKILL: if sandbox "s" runs (over a fake it outlives its caller) it can be added, unless it is there, and taken out. */
void fixture_thing_mend (const struct fixture_thing *thing, const char *point);

#endif
