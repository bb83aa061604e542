/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grow: sums up the limits, and says what is missing; the change itself is resize.c's. */
#include "plan/grow.h"

#include "sandbox/grow.h"
#include "sandbox/stage.h"

void
kata_sandbox__limit (struct kata_container_state *container, const kata_oci_resources *resources)
{
  if (resources->cpu.quota.have)
    container->cpu_milli = kata_oci_cpu__milli (&resources->cpu);
  if (resources->memory.limit.have)
    container->memory_bytes = resources->memory.limit.value > 0 ? (uint64_t) resources->memory.limit.value : 0;
}

static void
add (struct kata_limits *sum, const struct kata_container_state *container)
{
  sum->cpu_milli += container->cpu_milli;
  if (__builtin_add_overflow (sum->memory_bytes, container->memory_bytes, &sum->memory_bytes))
    sum->memory_bytes = UINT64_MAX;
}

/* Cut to what there is room for; 0 when that is no more than there is. */
static uint64_t
cut (struct kata_operation *op, const char *key, const char *unit, uint64_t wanted, uint64_t now, uint64_t most)
{
  if (wanted > most)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                     "sandbox \"%s\": the limits of its containers ask for %" G_GUINT64_FORMAT
                     " %s; it gets %" G_GUINT64_FORMAT ", which is all that its start made room for "
                     "(hypervisor.%s.%s)",
                     op->sandbox->id, wanted, unit, MAX (now, most), op->state->plan.hypervisor, key);
  wanted = MIN (wanted, most);
  return wanted > now ? wanted : 0;
}

int
kata_sandbox__grow (struct kata_operation *op, kata_link *link, const struct kata_container_state *more,
                    kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  struct kata_limits sum = { 0 };
  kata_error *cause = NULL;
  for (size_t i = 0; i < op->state->n_containers; i++)
    if (!op->state->containers[i].gone)
      add (&sum, &op->state->containers[i]);
  if (more != NULL)
    add (&sum, more);
  uint64_t vcpus = cut (op, "default_maxvcpus", "vCPUs", kata_plan__vcpus_for (plan, &sum),
                        kata_state__vcpus (op->state), plan->vm.max_vcpus);
  uint64_t memory = cut (op, "default_maxmemory", "MiB", kata_plan__memory_for (plan, &sum),
                         kata_state__memory_mib (op->state), plan->vm.max_memory_mib);
  if (vcpus == 0 && memory == 0)
    return 0;
  int r = kata_sandbox__resize_machine (op, link, (uint32_t) vcpus, memory, &cause);
  return r == 0 ? 0
                : kata_error__wrap (err, cause, op->sandbox->id,
                                    "sandbox \"%s\": make the machine as large as the limits of its containers ask",
                                    op->sandbox->id);
}
