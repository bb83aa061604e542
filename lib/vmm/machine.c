/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: the spine: acquire what the host gives, build the board, load the guest, confine the threads, run; then take it all down. */
#include "vmm/machine-parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/raise.h"
#include "vmm/acpi/acpi.h"
#include "vmm/arch/x86_64/x86.h"
#include "vmm/layout.h"

#define ADDRESS_LIMIT (UINT64_C (1) << 52)

void
vmm_machine__end (struct vmm_machine *machine, const struct vmm_exit *exit)
{
  if (machine->exit.reason == VMM_EXIT_RUNNING)
    machine->exit = *exit;
  vmm_crew__ask_stop (machine->crew);
  vmm_loop__quit (machine->loop);
}

static void
grant (void *ctx, enum vmm_wish wish)
{
  static const struct {
    enum vmm_exit_reason reason;
    const char *text;
  } ends[] = {
    [VMM_WISH_POWEROFF] = { VMM_EXIT_POWEROFF, "the guest switched itself off" },
    [VMM_WISH_RESET] = { VMM_EXIT_RESET, "the guest asked for a reset" },
    [VMM_WISH_SERVER] = { VMM_EXIT_SERVER, "virtiofsd is gone, and with it the guest's files" },
  };
  struct vmm_exit exit = { .reason = ends[wish].reason, .vcpu = -1 };
  snprintf (exit.text, sizeof exit.text, "%s", ends[wish].text);
  vmm_machine__end (ctx, &exit);
}

static void
vcpu_ended (void *ctx, const struct vmm_exit *exit)
{
  vmm_machine__end (ctx, exit);
}

/* The first thing that a thread of a disk's does; without the lock, which whoever makes the disk holds. */
static int
confine_disk (void *ctx, kata_error **err)
{
  const struct vmm_machine_config *config = &((struct vmm_machine *) ctx)->config;
  return config->confine != NULL ? config->confine (config->ctx, VMM_THREAD_DISK, err) : 0;
}

/* What the host gives: RAM, a VM that sees it, buses, interrupts, the loop, vCPUs. */
static int
acquire (struct vmm_machine *machine, kata_error **err)
{
  const struct vmm_machine_config *config = &machine->config;
  int result = vmm_kvm__open (&machine->kvm, config->kvm_fd, err);
  if (result == 0)
    result = vmm_memory__open (&machine->memory, config->memory, config->memory_flags, err);
  for (size_t i = 0; i < machine->memory.n_regions && result == 0; i++) {
    const struct vmm_region *region = &machine->memory.regions[i];
    result = vmm_kvm__add_slot (&machine->kvm, region->base, region->size, region->host, false, err);
  }
  if (result == 0)
    result = vmm_irqchip__new (&machine->irqchip, &machine->kvm, err);
  if (result == 0)
    result = vmm_loop__new (&machine->loop, &machine->lock, err);
  if (result < 0)
    return result;
  machine->mmio = vmm_bus__new (ADDRESS_LIMIT, &vmm_kvm_mmio_doorbells, &machine->kvm);
  machine->pio = vmm_bus__new (65536, &vmm_kvm_pio_doorbells, &machine->kvm);
  if (machine->mmio == NULL || machine->pio == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "machine: no memory for the buses");
  struct vmm_crew_config crew = {
    .kvm = &machine->kvm,
    .n = config->vcpus,
    .world = { .lock = &machine->lock, .mmio = machine->mmio, .pio = machine->pio },
    .confine = config->confine,
    .confine_ctx = config->ctx,
    .ended = vcpu_ended,
    .ended_ctx = machine,
  };
  return vmm_crew__new (&machine->crew, &crew, err);
}

/* The tables that describe the devices, the kernel, and the vCPUs as it expects them. */
static int
load (struct vmm_machine *machine, kata_error **err)
{
  const struct vmm_machine_config *config = &machine->config;
  struct vmm_acpi_virtio virtio[VMM_SLOTS_MAX];
  struct vmm_acpi_config acpi = { .vcpus = config->vcpus,
                                  .virtio = virtio,
                                  .serial = true,
                                  .rtc = true,
                                  .pci = machine->pci != NULL,
                                  .high_base = machine->high_base };
  for (size_t i = 0; i < machine->n_slots; i++)
    if (machine->slots[i].mmio != NULL)
      virtio[acpi.n_virtio++] = (struct vmm_acpi_virtio){ .base = machine->slots[i].mmio_base,
                                                          .gsi = vmm_virtio_mmio__gsi (machine->slots[i].mmio) };
  struct vmm_boot_config boot = { .kernel_fd = config->kernel_fd,
                                  .initrd_fd = config->initrd_fd,
                                  .cmdline = config->cmdline };
  struct vmm_x86_board board = { .vcpus = config->vcpus, .tsc_deadline = machine->kvm.tsc_deadline };
  int result = vmm_acpi__write (&acpi, &machine->memory, &boot.rsdp, err);
  if (result == 0)
    result = vmm_boot__load (&board.entry, &boot, &machine->memory, err);
  if (result == 0 && !vmm_x86__boot_tables (&machine->memory, board.entry.protocol))
    result = kata_error__set (err, KATA_E_INTERNAL, NULL, "machine: no RAM where the boot tables go");
  if (result == 0)
    result = vmm_kvm__supported_cpuid (&machine->kvm, &board.cpuid, err);
  for (unsigned i = 0; i < config->vcpus && result == 0; i++)
    result = vmm_x86__prepare (&vmm_crew__vcpu (machine->crew, i)->kvm, &board, i, err);
  return result;
}

static int
build (struct vmm_machine *machine, kata_error **err)
{
  uint64_t end = machine->memory.regions[machine->memory.n_regions - 1].base +
                 machine->memory.regions[machine->memory.n_regions - 1].size;
  uint64_t high = (end + VMM_LAYOUT_HIGH_ALIGN - 1) / VMM_LAYOUT_HIGH_ALIGN * VMM_LAYOUT_HIGH_ALIGN;
  machine->high_base = high > VMM_LAYOUT_HIGH_MIN ? high : VMM_LAYOUT_HIGH_MIN;
  machine->env = (struct vmm_env){
    .memory = &machine->memory,
    .mmio = machine->mmio,
    .pio = machine->pio,
    .irqs = vmm_irqchip__irqs (machine->irqchip),
    .loop = machine->loop,
    .wish = grant,
    .log = machine->config.log != NULL ? vmm_machine__log : NULL,
    .confine = confine_disk,
    .ctx = machine,
  };
  int result = vmm_machine__add_board (machine, err);
  if (result == 0)
    result = vmm_machine__map_pmem (machine, err);
  if (result == 0)
    result = vmm_machine__add_devices (machine, err);
  return result == 0 ? load (machine, err) : result;
}

int
vmm_machine__new (struct vmm_machine **out, const struct vmm_machine_config *config, kata_error **err)
{
  int result = vmm_machine__check (config, err);
  if (result < 0)
    return result;
  struct vmm_machine *machine = calloc (1, sizeof *machine);
  if (machine == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "machine: no memory");
  machine->config = *config;
  machine->memory.fd = machine->kvm.vm_fd = -1;
  pthread_mutex_init (&machine->lock, NULL);
  vmm_machine__lock (machine);
  result = acquire (machine, err);
  if (result == 0)
    result = build (machine, err);
  machine->config.cmdline = NULL; /* the caller's */
  vmm_machine__unlock (machine);
  if (result < 0)
    vmm_machine__free (machine);
  else
    *out = machine;
  return result;
}

int
vmm_machine__run (struct vmm_machine *machine, struct vmm_exit *exit, kata_error **err)
{
  const struct vmm_machine_config *config = &machine->config;
  int result = vmm_crew__start (machine->crew, err);
  bool confined = result == 0;
  if (result == 0 && config->confine != NULL)
    result = config->confine (config->ctx, VMM_THREAD_LOOP, err);
  if (result == 0) {
    vmm_crew__go (machine->crew);
    vmm_loop__run (machine->loop);
  }
  vmm_crew__stop (machine->crew);
  vmm_crew__join (machine->crew);
  vmm_machine__lock (machine);
  *exit = machine->exit;
  if (exit->reason == VMM_EXIT_RUNNING) {
    *exit = (struct vmm_exit){ .reason = result < 0 ? VMM_EXIT_CONFINE : VMM_EXIT_STOPPED, .vcpu = -1 };
    snprintf (exit->text, sizeof exit->text, "%s",
              result == 0 ? "stopped"
              : confined  ? "the loop's thread could not confine itself"
                          : "the vCPUs could not start");
  }
  machine->exit = *exit;
  vmm_machine__unlock (machine);
  return result;
}

void
vmm_machine__free (struct vmm_machine *machine)
{
  if (machine == NULL)
    return;
  vmm_machine__lock (machine);
  vmm_machine__remove_devices (machine);
  vmm_machine__unlock (machine);
  vmm_crew__free (machine->crew);
  vmm_bus__free (machine->mmio);
  vmm_bus__free (machine->pio);
  vmm_irqchip__free (machine->irqchip);
  vmm_loop__free (machine->loop);
  vmm_kvm__close (&machine->kvm);
  vmm_machine__unmap_pmem (machine);
  vmm_memory__close (&machine->memory);
  pthread_mutex_destroy (&machine->lock);
  free (machine);
}
