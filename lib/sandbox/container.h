/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: the handle behind kata_container and what is done to it. */
#ifndef KATA_SANDBOX_CONTAINER_H
#define KATA_SANDBOX_CONTAINER_H

#include <kata/container.h>

#include "plan/container.h"

#include "sandbox/operation.h"
#include "sandbox/sandbox.h"

struct kata_container {
  gatomicrefcount refs;
  kata_sandbox *sandbox;
  char *id;
  gint deleted; /* atomic */
};

kata_container *kata_container__new (kata_sandbox *sandbox, const char *id);
void kata_container__free (kata_container *container);
int kata_container__open (kata_container **out, kata_sandbox *sandbox, const char *id, kata_error **err);

/* ---- container-create.c ---- */
/** What the options say that the container is: the bundle's config.json or the text, with the options applied. */
int kata_container__read_spec (kata_oci_spec **out, const kata_container_options *options, kata_error **err);
int kata_container__create (kata_container **out, kata_sandbox *sandbox, const kata_container_options *options,
                            int64_t timeout_ms, kata_error **err);

/* ---- container.c ---- */
/** Loads the sandbox's state and finds the container in it. KATA_E_NOT_FOUND. */
int kata_container__look (kata_container *container, kata_sandbox_state **state, struct kata_container_state **found,
                          kata_error **err);
/** The state as it is: asks the agent whether a running one has ended, at most a moment. */
int kata_container__real_state (kata_container *container, const kata_sandbox_state *state,
                                struct kata_container_state *found);
int kata_container__get_state (kata_container *container);
/** Writes down how it ended, unless somebody is at work: then the next one who asks does. */
void kata_container__note_exit (kata_container *container, int status);

/* ---- container-change.c ---- */
int kata_container__start (kata_container *container, int64_t timeout_ms, kata_error **err);
int kata_container__freeze (kata_container *container, bool freeze, int64_t timeout_ms, kata_error **err);
int
kata_container__update (kata_container *container, const char *resources_json, int64_t timeout_ms, kata_error **err);
int kata_container__delete (kata_container *container, uint32_t flags, int64_t timeout_ms, kata_error **err);

/* ---- container-call.c: nothing on the host changes, so no lock is taken ---- */
int kata_container__kill (kata_container *container, int signum, uint32_t flags, int64_t timeout_ms, kata_error **err);
int
kata_container__stats (kata_container *container, kata_container_stats *stats, int64_t timeout_ms, kata_error **err);

/* ---- stages/mounts.c ---- */
/** Shares what the plan says, recorded under the container's scope. */
int kata_container__share (struct kata_operation *op, const kata_container_plan *plan, kata_error **err);

/* ---- stages/pack.c ---- */
/** For a container whose directories are to be packed: one of the sandbox's disks that no other container has. KATA_E_LIMIT. */
int kata_container__choose_pack (struct kata_operation *op, kata_container_plan *plan, kata_error **err);
/** Makes the image of what kata_container__share() has gathered. KATA_E_HOST without mkfs.erofs. */
int kata_container__pack (struct kata_operation *op, const kata_container_plan *plan, kata_error **err);

#endif
