/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: what is known of a sandbox, as it is kept in state.json; hostile when read. It decides nothing. */
#ifndef KATA_SANDBOX_STATE_H
#define KATA_SANDBOX_STATE_H

#include "host/net.h"
#include "host/pidfd.h"
#include "plan/plan.h"

#define KATA_STATE_FILE      "state.json"
#define KATA_STATE_BYTES_MAX ((size_t) 4 << 20)
#define KATA_CONTAINERS_MAX  1024u

struct kata_container_state {
  const char *id;
  int32_t state;       /* enum kata_state */
  int32_t exit_status; /* when STOPPED; -1 = not known */
  int64_t created_ms;  /* since 1970 */
  bool terminal;
  uint32_t pack;         /* which of the disks for images holds its directories, from 1; 0 = none */
  uint32_t cpu_milli;    /* its own limit, 1000 = one CPU; 0 = none */
  uint64_t memory_bytes; /* likewise */
  const char *disk;      /* of the sandbox's, that it has its root file system from; "" = none */
  bool gone;             /* out of the guest; its delete is to be finished */
  char **blocks;         /* (nullable): likewise those that are there for the host's block devices it was given */
  char **host_devices;   /* (nullable): likewise of devices of the host that came later */
};

struct kata_timing {
  const char *name;
  int64_t us;
};

/** One reading of the file; mutable until it is saved, owned by one operation. Strings live in @arena. */
struct kata_sandbox_state {
  kata_arena *arena;
  uint32_t version;
  uint64_t generation; /* grows with each save */
  const char *id;
  const char *boot; /* the kernel's boot id: pids and mounts of another boot mean nothing */
  int32_t state;    /* enum kata_state */
  int64_t created_ms;
  const char *saved; /* (nullable): the backend's words for attach */
  kata_plan plan;    /* @plan.arena is NULL: its strings are in ours */
  struct kata_container_state *containers;
  size_t n_containers;
  struct kata_timing *timing;
  size_t n_timing;
  uint32_t vcpus; /* the machine's now; 0 = as the plan has it */
  uint64_t memory_mib;
  uint32_t asked_vcpus; /* fewer or less than there are, asked for in vain: the guest may follow yet; 0 = not */
  uint64_t asked_memory_mib;
  bool restored;           /* from a snapshot, and not resumed since: the guest's clock and random numbers are old */
  struct kata_net network; /* what the guest was given of the pod's; its arena is NULL */
  const kata_vm_disk *const
      *changing; /* (nullable): disks that come or go: in the machine or not, and no container may have them */
  const kata_vm_host_device *const *host_changing; /* (nullable): likewise devices of the host */
  uint64_t resumes;  /* how often the guest went on after a pause: a connection from before may be dead */
  const char *ended; /* why the virtual machine ended on its own; "" = it did not */
};

/** An empty one. */
struct kata_sandbox_state *kata_state__new (void);
void kata_state__free (struct kata_sandbox_state *state); /* NULL is fine */
typedef struct kata_sandbox_state kata_sandbox_state;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_sandbox_state, kata_state__free)

/** From a text. KATA_E_CORRUPT with the JSON path as key, KATA_E_LIMIT. @id: the directory's name, which the text must agree with. */
int
kata_state__parse (struct kata_sandbox_state **out, const char *text, size_t length, const char *id, kata_error **err);
char *kata_state__format (const struct kata_sandbox_state *state);

/** From and to the file in the sandbox's directory. KATA_E_NOT_FOUND, KATA_E_CORRUPT, KATA_E_IO. Saving needs the directory's lock. */
int kata_state__load (struct kata_sandbox_state **out, int dirfd, const char *id, kata_error **err);
int kata_state__save (struct kata_sandbox_state *state, int dirfd, kata_error **err);

/** By id, or the first for NULL; NULL if there is none. */
struct kata_container_state *kata_state__container (struct kata_sandbox_state *state, const char *id);
/** At the end, with a copy of @id. */
struct kata_container_state *kata_state__add_container (struct kata_sandbox_state *state, const char *id);
void kata_state__drop_container (struct kata_sandbox_state *state, const char *id);
/** How large the machine is now. */
uint32_t kata_state__vcpus (const struct kata_sandbox_state *state);
uint64_t kata_state__memory_mib (const struct kata_sandbox_state *state);
void kata_state__add_timing (struct kata_sandbox_state *state, const char *name, int64_t us);

/** The kernel's boot id; "" when it gives none. g_free(). */
char *kata_state__boot_id (void);
const char *kata_state__name (int state); /* "running" */

#endif
