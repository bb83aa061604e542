/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* link: one connection to a guest's agent, with the calls on it that outlive the function that began them (reads, waits). */
#ifndef KATA_SANDBOX_LINK_H
#define KATA_SANDBOX_LINK_H

#include "agent/agent.h"
#include "sandbox/machine.h"

typedef struct kata_link kata_link;

/** Connects. KATA_E_VMM, KATA_E_TIMEOUT, KATA_E_AGENT. */
int kata_link__new (kata_link **out, kata_machine *machine, const kata_backend_env *env, kata_error **err);
kata_link *kata_link__ref (kata_link *link);
/** The last reference closes the connection; not from one of its callbacks. */
kata_link *kata_link__unref (kata_link *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_link, kata_link__unref)

kata_agent *kata_link__agent (kata_link *link);
/** All calls on it fail from now on. From any thread. */
void kata_link__shutdown (kata_link *link);

kata_machine *kata_link__machine (kata_link *link);

/* ---- is the other end there? A VMM can end it without a word, and then only what is written shows it ---- */
enum kata_link_sign { KATA_LINK_ALIVE, KATA_LINK_SILENT, KATA_LINK_LOST };
/** It is known to be alive since the guest's @age-th resume. */
void kata_link__trust (kata_link *link, uint64_t age);
/**
 * Unless it is: asks the agent, or goes on waiting for what was asked before, at most to @until_us. *asked_us (nullable): since when.
 * Whatever the agent says is a sign of life.
 */
enum kata_link_sign kata_link__sign (kata_link *link, uint64_t age, int64_t until_us, int64_t *asked_us);

#endif
