/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: directories of the host's control groups, v2, v1 or both: make, limit, enter, remove. It knows no sandbox. */
#ifndef KATA_HOST_CGROUP_H
#define KATA_HOST_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <kata/error.h>

/** A mounted hierarchy. */
struct kata_cgroup_hierarchy {
  char *dir;   /* where it is mounted */
  char *names; /* v1: its controllers, as "cpu,cpuacct"; v2: "" */
  bool v2;
};

typedef struct kata_cgroups {
  struct kata_cgroup_hierarchy *items;
  size_t n;
} kata_cgroups;

/** Pure: from the text of a mountinfo (proc(5)). Hierarchies that account nothing (name=systemd) are left out. */
kata_cgroups *kata_cgroups__parse (const char *mountinfo);
/** Those of this process. KATA_E_UNSUPPORTED when there are none. */
int kata_cgroups__find (kata_cgroups **out, kata_error **err);
void kata_cgroups__free (kata_cgroups *cgroups); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_cgroups, kata_cgroups__free)

enum kata_cgroup_word {
  KATA_CGROUP_ABOVE, /* one above the one that was asked for is about to be made */
  KATA_CGROUP_LEAF,  /* that one itself */
  KATA_CGROUP_TAKEN  /* it was not: somebody else made it meanwhile, and it is theirs */
};

/** Called before a directory is made. */
typedef int (*kata_cgroup_record) (void *data, const char *dir, enum kata_cgroup_word word, kata_error **err);

/**
 * Makes @path ("/a/b") in every hierarchy, with those above it. KATA_E_EXISTS when the last is there already: somebody else's; KATA_E_HOST.
 */
int kata_cgroups__make (const kata_cgroups *cgroups, const char *path, kata_cgroup_record record, void *data,
                        kata_error **err);
/** @milli: 1000 = one CPU; 0 = no limit. KATA_E_UNSUPPORTED when no hierarchy can; a stricter cgroup above is no error. */
int kata_cgroups__limit_cpu (const kata_cgroups *cgroups, const char *path, uint32_t milli, kata_error **err);
/** Moves a process with all of its threads. KATA_E_HOST. */
int kata_cgroups__enter (const kata_cgroups *cgroups, const char *path, int64_t pid, kata_error **err);

/**
 * Removes a directory of a hierarchy; one that is gone is no error. @own >= 0: it is ours, as are so many above it, which go next: what is
 * still in it goes to the nearest above those that takes it, and what ends just now is waited for. @own < 0: when others use it, it stays. KATA_E_IO.
 */
int kata_cgroup__remove (const char *dir, int own, int64_t deadline_us, kata_error **err);

#endif
