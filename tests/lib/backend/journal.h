/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal: for tests of backends: keeps undo records in memory and replays them backwards. */
#ifndef KATA_TESTS_BACKEND_JOURNAL_H
#define KATA_TESTS_BACKEND_JOURNAL_H

#include <stdio.h>
#include <unistd.h>

#include <glib.h>

#include <kata/sys/backend.h>

#include "host/pidfd.h"

struct test_journal {
  GPtrArray *files;
  GArray *processes; /* of kata_pid_identity */
};

static inline struct test_journal *
test_journal_new (void)
{
  struct test_journal *j = g_new0 (struct test_journal, 1);
  j->files = g_ptr_array_new_with_free_func (g_free);
  j->processes = g_array_new (FALSE, FALSE, sizeof (kata_pid_identity));
  return j;
}

static inline int
test_journal_record (void *data, const kata_undo *undo, kata_error **err)
{
  struct test_journal *j = data;
  if (undo->kind == KATA_UNDO_PROCESS) {
    kata_pid_identity identity = { undo->pid, undo->start_time };
    g_array_append_val (j->processes, identity);
  } else {
    g_ptr_array_add (j->files, g_strdup (undo->path));
  }
  return 0;
}

/* How many recorded processes are still there. */
static inline unsigned
test_journal_alive (struct test_journal *j)
{
  unsigned alive = 0;
  for (guint i = 0; i < j->processes->len; i++) {
    int pidfd;
    if (kata_pidfd__open (&pidfd, &g_array_index (j->processes, kata_pid_identity, i), NULL) == 0) {
      alive++;
      close (pidfd);
    }
  }
  return alive;
}

/* Removes the recorded files and then the directory, which must be empty by then: returns 0 if it was. */
static inline int
test_journal_replay (struct test_journal *j, const char *dir)
{
  for (guint i = j->processes->len; i-- > 0;) {
    int pidfd;
    if (kata_pidfd__open (&pidfd, &g_array_index (j->processes, kata_pid_identity, i), NULL) == 0) {
      kata_pidfd__kill (pidfd, kata_deadline__within (INT64_MAX, 5000), NULL);
      close (pidfd);
    }
  }
  for (guint i = j->files->len; i-- > 0;)
    unlink (g_ptr_array_index (j->files, i));
  g_ptr_array_unref (j->files);
  g_array_unref (j->processes);
  g_free (j);
  return rmdir (dir);
}

#endif
