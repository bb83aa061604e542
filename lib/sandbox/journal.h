/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal: what must go away again, written before it is made; one JSON line each, in the sandbox's directory. undo.h replays it. */
#ifndef KATA_SANDBOX_JOURNAL_H
#define KATA_SANDBOX_JOURNAL_H

#include <stdbool.h>

#include <kata/sys/backend.h>

#include "base/arena.h"
#include "sandbox/fault.h"

#define KATA_JOURNAL_FILE        "journal"
#define KATA_JOURNAL_BYTES_MAX   ((size_t) 8 << 20)
#define KATA_JOURNAL_ENTRIES_MAX 20000u

/** Beside the kinds of enum kata_undo_kind, for the library alone: a directory of the host's control groups, @path is absolute. */
#define KATA_JOURNAL_CGROUP 32
/** Its role when it is ours alone, to be emptied: this and how many directories above it are ours. Others stay as long as somebody uses them. */
#define KATA_JOURNAL_CGROUP_OWN "cgroup-own-"

/** One line. @path is relative to the sandbox's directory; of a qdisc or link absolute, @role the interface's name, @start_time the namespace's inode. */
struct kata_journal_entry {
  const char *scope; /* "" = the virtual machine, else the container that it belongs to */
  int32_t kind;      /* enum kata_undo_kind */
  const char *role;
  const char *path;
  int64_t pid;
  uint64_t start_time;
  bool done; /* not in the file: undone, to be forgotten */
};

/** Writes records. Used under the directory's lock only; record() may be called from a backend's threads. */
struct kata_journal {
  int dirfd;         /* borrowed */
  const char *dir;   /* borrowed: its absolute path, the prefix of paths that backends record */
  const char *scope; /* borrowed */
  const struct kata_fault *fault;
};

/** Appends a record and waits until it is on disk. @journal is a struct kata_journal: the `record` of a kata_backend_env. */
int kata_journal__record (void *journal, const kata_undo *undo, kata_error **err);

/**
 * Takes the newest record of this kind with this path and, unless that is NULL, this role out again, in the case that what it speaks of turned out
 * to be somebody else's, made between the record and the effect: replayed, it would take that away. None is no error. KATA_E_IO.
 */
int kata_journal__forget (struct kata_journal *journal, int kind, const char *role, const char *path, kata_error **err);

/** For the library's own effects: @path relative to the directory. */
int kata_journal__path (struct kata_journal *journal, int kind, const char *role, const char *path, kata_error **err);

/** A journal as read. */
typedef struct kata_journal_log {
  kata_arena *arena;
  GPtrArray *entries; /* struct kata_journal_entry *, oldest first */
  bool same_boot;     /* false: processes and mounts in it are of a time before a reboot */
  unsigned bad_lines; /* could not be understood; a torn last line is not counted, its effect had not begun */
} kata_journal_log;

/** No file = an empty log. KATA_E_IO, KATA_E_LIMIT; bad lines are counted, not refused: what can be undone shall be. */
int kata_journal__load (kata_journal_log **out, int dirfd, kata_error **err);
void kata_journal_log__free (kata_journal_log *log); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_journal_log, kata_journal_log__free)

/** One line of text, exposed for tests and the fuzz target. Returns NULL when it cannot be trusted. */
struct kata_journal_entry *kata_journal__parse (kata_arena *arena, const char *line, size_t length);

/** Writes the file anew with the entries that are not done; no file when none is left. */
int kata_journal__store (const kata_journal_log *log, int dirfd, kata_error **err);

#endif
