/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residue: what a test could leave behind, as a text: children, descriptors, mounts, threads, sockets, shared memory, files of one directory. */
#ifndef KATA_TESTS_RESIDUE_H
#define KATA_TESTS_RESIDUE_H

enum residue_what {
  RESIDUE_FDS = 1,
  RESIDUE_CHILDREN = 2,
  RESIDUE_MOUNTS = 4,
  RESIDUE_FILES = 8, /* with type, mode, size and content */
  RESIDUE_ALL = 15,
  /* Only where nobody else is: in namespaces of one's own. */
  RESIDUE_THREADS = 16,
  RESIDUE_SOCKETS = 32, /* unix sockets of the network namespace, and its links */
  RESIDUE_SHM = 64,
  RESIDUE_ISOLATED = 127
};

/** Two are equal exactly when nothing was left in between; g_free(). @dir (nullable): whose files count. */
char *residue_take (const char *dir, unsigned what);

/**
 * Waits a moment for @before to come back (threads close their descriptors a little later). NULL when it does, else what is missing (-) and what is
 * new (+), a line each; g_free().
 */
char *residue_compare (const char *before, const char *dir, unsigned what);

/** A test that failed leaves its guests: their processes come to the subreaper, which ends them and what comes after them. */
void residue_end_children (void);

/** This process's resident memory in KiB (PSS: with its share of what it has in common with others), descriptors and threads. */
long residue_rss_kib (void);
long residue_pss_kib (void);
int residue_fds (void);
int residue_threads (void);

#endif
