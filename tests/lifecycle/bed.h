/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed: where a lifecycle test runs: namespaces of its own (mounts, network), so that the residue check is exact and nothing outlives it. */
#ifndef KATA_TESTS_BED_H
#define KATA_TESTS_BED_H

#include <check.h>
#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

#include <kata/error.h>

/** Enters the namespaces, runs the suite, returns main()'s result: 77 with a printed reason where namespaces cannot be had. */
int bed_run (Suite *(*make) (void) );

/** A suite of one case: its tests run in processes of their own, each at most @seconds. */
TCase *bed_case (Suite **suite, const char *name, int seconds, void (*setup) (void), void (*teardown) (void));

/** This program again, with arguments (NULL-terminated); standard output and error are ours. */
pid_t bed_spawn (const char *const *args);
/** Its wait status; fails the test and kills it after @ms. */
int bed_wait (pid_t pid, int ms);
/** A child that only sleeps; bed_kill() ends it. */
pid_t bed_stranger (void);
bool bed_alive (pid_t pid);
void bed_kill (pid_t pid);

/** True under ASan or TSan, where memory and time figures mean nothing. */
bool bed_sanitized (void);

/** A failure as it must be: a known code, an error with the same code and a sentence without control characters. Drops *error. */
void bed_failed (int result, kata_error **error, const char *what);

#endif
