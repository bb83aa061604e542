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

#endif
