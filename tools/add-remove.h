/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* add-remove: the command lines "NOUN add SANDBOX WORD" and "NOUN remove SANDBOX WORD". */
#ifndef CTL_ADD_REMOVE_H
#define CTL_ADD_REMOVE_H

#include "ctl.h"

/** Adds or takes away what @word names. CTL_OK, or the exit code of what it has printed. */
typedef int (*add_remove_change) (ctl *ctl, kata_sandbox *sandbox, gboolean adds, const char *word);

/** Reads the line, finds the sandbox, calls @change and says that it is done. The program's exit code. */
int add_remove (ctl *ctl, int argc, char **argv, const char *noun, add_remove_change change);

#endif
