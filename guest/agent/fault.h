/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault: why a request failed, a ttrpc code and one line of text; it owns no memory, so it can live on any stack. */
#ifndef AGENT_FAULT_H
#define AGENT_FAULT_H

#include <stdint.h>
#include <ttrpc/ttrpc.h>

struct fault {
  int32_t code;
  char text[768];
};

/** Fills @fault (nullable) and returns -1, so that a caller can write `return fault_set (…)`. */
int fault_set (struct fault *fault, int32_t code, const char *format, ...) __attribute__ ((format (printf, 3, 4)));
/** The same with TTRPC_INTERNAL and the text of errno after a colon. */
int fault_errno (struct fault *fault, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

#endif
