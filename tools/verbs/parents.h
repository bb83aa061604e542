/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parents: which folders above the containers' cgroups were made here: a list in STATE-DIR/.oci/cgroups, and a lock on their making and removing. */
#ifndef KATACTL_VERBS_PARENTS_H
#define KATACTL_VERBS_PARENTS_H

#include <sys/types.h>

#include "verbs/oci.h"

typedef struct parents parents;

/** Read and locked against other invocations until parents_close(); NULL when it cannot be: nothing is noted then. */
parents *parents_open (oci *oci);
/** NULL is fine. */
void parents_close (parents *parents);

/* @parents may be NULL in what follows; @path is the whole one, with the place where the hierarchy is mounted. */

/** @path is not there, and is about to be made. */
void parents_intend (parents *parents, const char *path);
/** It was made, and is @inode: who makes another one there later makes another's. */
void parents_made (parents *parents, const char *path, ino_t inode);
/** It was not made by us, or is no more. */
void parents_forget (parents *parents, const char *path);
/** Was what is there now made here? */
int parents_has (const parents *parents, const char *path, ino_t inode);

#endif
