/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest: a null virtual machine: a thread that serves Kata's agent protocol and a control line on two unix sockets. */
#ifndef KATA_BACKEND_NULL_GUEST_H
#define KATA_BACKEND_NULL_GUEST_H

#include <kata/error.h>
#include <kata/sys/backend.h>

#include "backend/null/process.h"

#define NULL_AGENT_SOCKET   "null-agent.sock"
#define NULL_CONTROL_SOCKET "null-control.sock"

/** How the agent of a null guest (mis)behaves; from `null.agent=` on the kernel command line. */
enum null_manner { NULL_POLITE = 0, NULL_SILENT, NULL_HANGS_UP, NULL_GARBAGE, NULL_OUT_OF_MEMORY };

struct null_container {
  char *id;
  gboolean paused;
  struct null_process *init;
  GHashTable *execs; /* id → struct null_process */
};

struct null_guest {
  char *id;
  enum null_manner manner;
  guint32 fail_at;
  gint step;          /* atomic: requests seen */
  gint paused;        /* atomic: a paused machine answers nothing */
  gint ending;        /* atomic: its processes are being killed */
  gint ended;         /* atomic: its thread has nothing more to do */
  gint vcpus;         /* atomic */
  guint64 memory_mib; /* its thread's */
  GMutex lock;        /* of containers and connections */
  GHashTable *containers;
  GPtrArray *connections; /* GThread */
  GArray *watchers;       /* descriptors closed when the guest ends */
  struct ttrpc_server *server;
  int agent_fd, control_fd, wake_fd;
  GThread *thread;
};

int kata_null_guest__start (struct null_guest **out, const kata_vm_plan *plan, kata_error **err);
/** Ends it and waits for its threads; idempotent up to the free. */
void kata_null_guest__end (struct null_guest *guest);
void kata_null_guest__free (struct null_guest *guest);

/** Its containers as a text, a line for each; g_free(). keep.c */
char *kata_null_guest__keep (struct null_guest *guest);
/** Pauses a guest that was just started and gives it those containers; what ran is a `cat` now. KATA_E_CORRUPT. */
int kata_null_guest__give_back (struct null_guest *guest, const char *text, kata_error **err);

/** A connected socket to one of the guest's sockets in @dir, or -1 with errno. */
int kata_null_guest__dial (const char *dir, const char *name);

#endif
