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

#endif
