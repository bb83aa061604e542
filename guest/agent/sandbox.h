/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox: the pod as a whole: host name, name servers, shared storages, kernel modules. */
#ifndef AGENT_SANDBOX_H
#define AGENT_SANDBOX_H

#include "proto/agent.pb-c.h"

#include "fault.h"
#include "storage.h"

struct agent;

struct sandbox {
  int exists;
  char id[129];
  int pidns; /* containers share the first one's process namespace */
  struct storage_list storages;
};

/** 0 or -1 with @fault set. */
int sandbox_create (struct agent *agent, const Grpc__CreateSandboxRequest *request, struct fault *fault);
/** Removes every container and the storages. */
void sandbox_destroy (struct agent *agent);

#endif
