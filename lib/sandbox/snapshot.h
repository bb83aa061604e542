/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot: a sandbox in a directory: what is in it, how it is looked at before anything there is believed, and what must be as it was. */
#ifndef KATA_SANDBOX_SNAPSHOT_H
#define KATA_SANDBOX_SNAPSHOT_H

#include "sandbox/operation.h"

/* Names in the directory. The manifest comes last: what has none is no snapshot. */
#define KATA_SNAPSHOT_MANIFEST "kata.json"
#define KATA_SNAPSHOT_STATE    "state.json"
#define KATA_SNAPSHOT_VM       "vm"    /* a directory: the hypervisor's own files */
#define KATA_SNAPSHOT_PACK     "pack-" /* and a number: what is on a disk for packed directories */

#define KATA_SNAPSHOT_FORMAT       1u
#define KATA_SNAPSHOT_MANIFEST_MAX ((size_t) 16 << 10)

/** The manifest. Strings of one that was read are in the arena. */
struct kata_snapshot_manifest {
  uint32_t format;
  const char *libkata, *hypervisor, *hypervisor_version, *id;
};

/** A directory that is restored from; nothing in it was believed that was not looked at. */
struct kata_snapshot_source {
  int fd;
  char *vm_dir; /* absolute */
  kata_arena *arena;
  struct kata_snapshot_manifest manifest;
  kata_sandbox_state *state;
};

/* ---- snapshot-dir.c ---- */
/**
 * Opens the caller's directory: an absolute path whose last part is no link, the directory ours and nobody else's to write. *real: its path without
 * links; g_free(). @empty: and with nothing in it. KATA_E_INVALID, KATA_E_NOT_FOUND, KATA_E_PERMISSION, KATA_E_EXISTS.
 */
int kata_snapshot_dir__open (int *fd, char **real, const char *dir, bool empty, kata_error **err);
/** Is there nothing in the folder @name below @fd but files of ours that nobody else can write? KATA_E_CORRUPT. @mode: if not 0, they get it. */
int kata_snapshot_dir__check (int fd, const char *name, mode_t mode, kata_error **err);
/** Copies what data there is, holes stay holes. @what: for errors. */
int kata_snapshot_dir__copy (int from, int to, const char *what, kata_error **err);
/** Pure: strings are in @arena. KATA_E_CORRUPT, KATA_E_UNSUPPORTED (another format, another libkata). */
int kata_snapshot_manifest__parse (struct kata_snapshot_manifest *manifest, kata_arena *arena, const char *text,
                                   size_t length, kata_error **err);
/** Reads and checks manifest and state. KATA_E_NOT_FOUND, KATA_E_CORRUPT, KATA_E_UNSUPPORTED (another format). */
int kata_snapshot_source__open (struct kata_snapshot_source *source, const char *dir, kata_error **err);
void kata_snapshot_source__clear (struct kata_snapshot_source *source);

/* ---- snapshot-compare.c ---- */
/** NULL, or the name of the first thing in which a machine made by @now is another than one made by @then; borrowed. */
const char *kata_snapshot__difference (const kata_plan *then, const kata_plan *now);
/** KATA_E_UNSUPPORTED with the reason: what a snapshot of this sandbox could not keep. */
int kata_snapshot__check_plan (const kata_plan *plan, kata_error **err);
/** The hypervisor's version as its probe tells it, "" if it has none; g_free(). */
int kata_snapshot__version (char **version, kata_runtime *runtime, const kata_plan *plan, kata_error **err);

#endif
