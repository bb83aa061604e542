/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* entry: what the OCI command line keeps of a container between two invocations, in STATE-DIR/.oci/containers/ID. */
#ifndef KATACTL_VERBS_ENTRY_H
#define KATACTL_VERBS_ENTRY_H

#include "verbs/oci.h"

#define ENTRY_TEXT_MAX ((size_t) 4 << 20) /* of a config.json or state file */

typedef struct entry {
  char *id, *sandbox, *bundle, *rootfs, *created;
  char *cgroup;      /* (nullable) */
  char *config;      /* config.json as it was at create; only entry_load_config() reads it */
  char *annotations; /* a JSON object */
  int64_t pid;       /* of the proxy; 0 = none yet */
  int64_t pid_start; /* its start time, in clock ticks: the number may be another's by now */
  int console;       /* it has a terminal */
} entry;

/** The folder STATE-DIR/.oci/@kind, made if need be; a descriptor, or -1 after an error was written. */
int entry_folder (oci *oci, const char *kind);
/** Make the entry's own folder: fails when the id is taken. 0, or an exit code after an error was written. */
int entry_make (oci *oci, const entry *entry);
/** Write it down, whole or not at all. */
int entry_save (oci *oci, const entry *entry);
/** Read @id's. 0, or an exit code after an error was written: "container … does not exist". */
int entry_load (oci *oci, const char *id, entry *entry);
/** Read @id's without a word; -1 when it cannot be read. */
int entry_try_load (oci *oci, const char *id, entry *entry);
/** Is there such an entry? Writes no error. */
int entry_exists (oci *oci, const char *id);
/** Read the saved config.json into it; -1 when it cannot be read. */
int entry_load_config (oci *oci, entry *entry);
/** What hooks and `state` are told of it; borrowed. */
hooks_container entry_container (const entry *entry);
void entry_remove (oci *oci, const char *id);
void entry_clear (entry *entry);
/** All ids, sorted (g_strfreev()); NULL after an error was written. */
char **entry_list (oci *oci);

/** Start time of a process in ticks, -1 when there is none or it has ended. */
int64_t entry_start_time (int64_t pid);
/** Does its proxy live? */
int entry_lives (const entry *entry);
/** A pidfd of its proxy, or -1 when it has ended. */
int entry_pidfd (const entry *entry);

/** Read a regular file of at most ENTRY_TEXT_MAX bytes below @directory (AT_FDCWD: any path); NULL and errno. */
char *entry_read_file (int directory, const char *name, int flags);

#endif
