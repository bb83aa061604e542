/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: the context that all handles share; immutable once it is made, but for the registry, which locks itself. */
#ifndef KATA_SANDBOX_RUNTIME_H
#define KATA_SANDBOX_RUNTIME_H

#include <kata/runtime.h>

#include "backend/registry.h"
#include "host/pidfd.h"
#include "base/arena.h"
#include "base/log.h"
#include "plan/plan.h"
#include "sandbox/fault.h"

struct kata_config;

struct kata_runtime {
  gatomicrefcount refs;
  struct kata_log log;
  void (*log_data_free) (void *data);
  char *state_dir;
  int state_fd;
  struct kata_config *config;
  char *hypervisor;      /* for sandboxes that name none */
  char *why_not_builtin; /* (nullable): it was the library's choice, and fell to another */
  kata_registry *registry;
  kata_arena *arena; /* of @guest */
  struct kata_guest_facts guest;
  char *guest_manifest; /* (nullable): the file that @guest came from */
  struct kata_host_facts host;
  struct kata_fault fault; /* tests only */
  const char *host_root;   /* likewise: where the host's devices are looked at; "" */
};

int kata_runtime__new (kata_runtime **out, const kata_runtime_options *options, kata_error **err);
void kata_runtime__free (kata_runtime *runtime);

/** What the hypervisor of a plan can do here, and why not the rest. */
int kata_runtime__probe (kata_capabilities *caps, const kata_runtime *runtime, const kata_plan *plan, kata_error **err);

/** The value of KATA_TIMEOUT_DEFAULT, -1 … as a deadline. @default_ms: what the configuration says. */
int64_t kata_runtime__deadline (int64_t timeout_ms, int64_t default_ms);
/** What is left of a deadline as a time-out for the agent's calls: never 0 unless it has passed. */
int64_t kata_runtime__left_ms (int64_t deadline_us);

#endif
