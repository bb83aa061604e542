/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault: named places in the life of a sandbox at which a test can make it fail or kill the process; in use outside tests it does nothing. */
#ifndef KATA_SANDBOX_FAULT_H
#define KATA_SANDBOX_FAULT_H

#include "base/error.h"

/** @hit is called at each point and returns 0 to go on or an error code to fail there. Part of a runtime; set before its first sandbox. */
struct kata_fault {
  int (*hit) (void *data, const char *name);
  void *data;
};

/** Returns 0, or fails with what the test wants. @fault may be NULL. */
static inline int
kata_fault__point (const struct kata_fault *fault, const char *name, kata_error **err)
{
  int code = fault != NULL && fault->hit != NULL ? fault->hit (fault->data, name) : 0;
  return code == 0 ? 0 : kata_error__set (err, code, name, "failure injected at \"%s\"", name);
}

#endif
