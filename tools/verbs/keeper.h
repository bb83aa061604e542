/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper: the background process of one pod: it holds the library's sandbox, and answers the verbs over a socket. */
#ifndef KATACTL_VERBS_KEEPER_H
#define KATACTL_VERBS_KEEPER_H

#include "verbs/kept.h"
#include "verbs/oci.h"
#include "verbs/wire.h"

/** One container. */
typedef struct unit {
  char *id;
  kata_container *container;
  kept *init;
  GPtrArray *execs; /* kept *; those that have ended are freed now and then */
  int busy;         /* requests that use it outside the lock */
  char *bundle;     /* (nullable) */
  int ooms;         /* times that the guest was short of memory for it */
} unit;

typedef struct keeper {
  oci *oci;
  char *id;
  const char *cgroup; /* (nullable): where we and the virtual machine are */
  int folder_fd, listen_fd, lock_fd, wake_fd;
  GMutex lock; /* of what follows */
  GCond idle;
  GHashTable *units;    /* id → unit */
  GHashTable *creating; /* ids that a request is making: their deletion waits for it */
  int n_requests, leaving;
  int n_unread;          /* of them those that are still to be read: any may ask to make a container */
  uint64_t n_served;     /* requests so far */
  gint ooms;             /* atomic: how often a container ran out of memory */
  int used;              /* a container was made, or failed to be: from now on an empty pod ends */
  GMutex boot;           /* one boot at a time; taken before @lock; of what follows */
  kata_sandbox *sandbox; /* (nullable): made by the first container */
  int n_making;          /* requests that put a container into it just now: it stays as long as there is one */
} keeper;

/** What a request answers: members of an open object in @reply, or an error's text. */
typedef struct answer {
  JsonBuilder *reply;
  char *error;
} answer;

/** Does what @request says. */
void keeper_serve (keeper *keeper, wire_message *request, answer *answer);
/** Remove the virtual machine and all of it; (nullable) @error gets why not. */
int keeper_remove_sandbox (keeper *keeper, char **error);

/** Hear of lacks of memory in @sandbox until it ends; the units know them then. */
void keeper_watch (keeper *keeper, kata_sandbox *sandbox);

/** A unit that stays while it is used; NULL when there is none. */
unit *keeper_take (keeper *keeper, const char *id);
void keeper_give (keeper *keeper, unit *unit);
/** Takes @unit's place in the table; 0, or -1 when the id is taken. */
int keeper_add (keeper *keeper, unit *unit);
/** A request has been read; (nullable) @id is what it makes. */
void keeper_read (keeper *keeper, const char *id);
/** The making of @id has ended. */
void keeper_created (keeper *keeper, const char *id);
/** Wait until no request makes @id, not even one that came before us and is read only now. */
void keeper_wait_created (keeper *keeper, const char *id);
/** Out of the table, once nobody uses it. The caller frees it. */
unit *keeper_remove (keeper *keeper, const char *id);
guint keeper_count (keeper *keeper);

void unit_free (unit *unit);

#endif
