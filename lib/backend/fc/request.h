/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request: a plan in Firecracker's words: command line and the requests of its API, in their order; pure. */
#ifndef KATA_BACKEND_FC_REQUEST_H
#define KATA_BACKEND_FC_REQUEST_H

#include <stdbool.h>

#include <glib.h>

#include <kata/sys/backend.h>

/* Names in the directory that the VMM works in: the sandbox's, or the root of its jail. */
#define KATA_FC_API_SOCKET   "fc.sock"
#define KATA_FC_VSOCK_SOCKET "vsock.sock"
#define KATA_FC_CONSOLE_LOG  "console.log"
#define KATA_FC_METRICS      "fc-metrics.fifo"
#define KATA_FC_LOG          "fc.log"
#define KATA_FC_PLACES       "places" /* a directory */

/** One request. */
typedef struct kata_fc_request {
  const char *method;
  char *path;
  char *body; /* JSON */
} kata_fc_request;

/** What is only known once the VM is launched. */
struct kata_fc_facts {
  unsigned version[3]; /* of the program */
  bool jailed;         /* files are in its root directory, under the names of kata_fc__inside() */
};

/* From which version on. */
bool kata_fc__at_least (const struct kata_fc_facts *facts, unsigned major, unsigned minor);

/** What @path of the host is called in the jail: @name below its root; @path itself outside of one; g_free(). */
char *kata_fc__inside (const struct kata_fc_facts *facts, const char *path, const char *name);

/** A place for a disk that comes later, from 1: what it is called, its empty file, both g_free(), and which disks it is for. disk.c */
char *kata_fc__place_id (uint64_t place);
char *kata_fc__place_path (uint64_t place);
bool kata_fc__place_readonly (uint64_t place);

/**
 * The requests from an empty VMM to a running guest, of kata_fc_request; g_ptr_array_unref(). What the plan asks for and Firecracker has not is
 * KATA_E_UNSUPPORTED with the configuration's key.
 */
int kata_fc__requests (GPtrArray **out, const kata_vm_plan *plan, const struct kata_fc_facts *facts, kata_error **err);

/** Firecracker's command line, or with a jailer in the plan the jailer's, with Firecracker's behind "--"; g_strfreev(). */
char **kata_fc__argv (const kata_vm_plan *plan, const char *program, const char *jailer);

/** The sandbox's id as the jailer takes one: letters, digits and hyphens, at most 64; g_free(). */
char *kata_fc__jail_id (const char *id);

#endif
