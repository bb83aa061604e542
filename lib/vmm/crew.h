/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crew: the threads of a machine's vCPUs: made, confined, let go, paused and stopped together. */
#ifndef KATA_VMM_CREW_H
#define KATA_VMM_CREW_H

#include "vmm/vcpu.h"

struct vmm_crew;

struct vmm_crew_config {
  const struct vmm_kvm *kvm;
  unsigned n;
  struct vmm_vcpu_world world;
  int (*confine) (void *ctx, enum vmm_thread thread, kata_error **err); /* nullable */
  void *confine_ctx;
  /** A vCPU ended by itself. On its thread, device lock held. */
  void (*ended) (void *ctx, const struct vmm_exit *exit);
  void *ended_ctx;
};

/** Makes the vCPUs, no thread yet. */
int vmm_crew__new (struct vmm_crew **out, const struct vmm_crew_config *config, kata_error **err);
void vmm_crew__free (struct vmm_crew *crew); /* NULL-safe; joined before */
struct vmm_vcpu *vmm_crew__vcpu (struct vmm_crew *crew, unsigned index);

/** Makes the threads and confines each; returns when all wait for vmm_crew__go(). On failure those that were made are to be stopped and joined. */
int vmm_crew__start (struct vmm_crew *crew, kata_error **err);
void vmm_crew__go (struct vmm_crew *crew);

/* Device lock held; pause gives it up while it waits. */
void vmm_crew__pause (struct vmm_crew *crew); /* returns when no vCPU runs, or another thread has resumed meanwhile */
void vmm_crew__resume (struct vmm_crew *crew);

/** Any thread, no lock, even before start: no vCPU enters the guest again. Those inside come out after vmm_crew__stop(). */
void vmm_crew__ask_stop (struct vmm_crew *crew);
/** Any thread that holds no device lock: as ask_stop, and all come out now. */
void vmm_crew__stop (struct vmm_crew *crew);
void vmm_crew__join (struct vmm_crew *crew);

int64_t vmm_crew__first_run (const struct vmm_crew *crew); /* 0 = not yet */

#endif
