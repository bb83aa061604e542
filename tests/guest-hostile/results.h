/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* results: verdicts by case, transport and device, as the guest told them and the host found; TAP and the table of README.md. */
#ifndef HOSTILE_RESULTS_H
#define HOSTILE_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#define CASES_MAX   29
#define RESULTS_MAX 1024

struct result {
  unsigned number;
  int transport; /* enum vmm_transport */
  char what[32];
  unsigned nrst, reject, ignored, ended, bad;
};

struct results {
  size_t n;
  struct result all[RESULTS_MAX];
  bool skipped[CASES_MAX][2];
};

/** A line of the guest's; true when it was a verdict. */
bool results_line (struct results *results, int transport, const char *line);
void results_add (struct results *results, const struct result *result);
/** A verdict of the host's own on one case: @fault is "" or what is wrong. */
void results_host (struct results *results, unsigned number, int transport, const char *what, const char *verdict,
                   const char *fault);
/** One TAP line for each case and transport; how many are not ok. */
unsigned results_tap (const struct results *results);
void results_table (const struct results *results);

#endif
