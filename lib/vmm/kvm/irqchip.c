/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* irqchip: the interrupts of irq.h as KVM's irqfds: an eventfd for each, and one routing table for all. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/kvm/kvm.h"

#define LINES     (VMM_IRQ_LINE_LAST + 1)
#define MSI_FIRST LINES

struct msi {
  bool taken;
  bool attached; /* KVM delivers its eventfd */
  bool known;    /* in the routing table, attached or not */
  uint64_t address;
  uint32_t data;
};

/* Device lock held for all of it. */
struct vmm_irqchip {
  int vm_fd; /* the machine's */
  uint32_t n_msis;
  bool lines[LINES]; /* taken */
  struct msi msis[VMM_MSI_MAX];
  struct {
    uint32_t nr, flags; /* as kvm_irq_routing */
    struct kvm_irq_routing_entry entries[LINES + VMM_MSI_MAX];
  } table; /* scratch: KVM takes it whole each time */
};

/* The lines go to the I/O APIC only: the tables say there is no 8259, so nobody listens there. */
static int
set_routing (struct vmm_irqchip *irqchip)
{
  uint32_t n = 0;
  struct kvm_irq_routing_entry *entries = irqchip->table.entries;
  for (uint32_t i = 0; i < LINES; i++)
    entries[n++] = (struct kvm_irq_routing_entry){ .gsi = i,
                                                   .type = KVM_IRQ_ROUTING_IRQCHIP,
                                                   .u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = i } };
  for (uint32_t i = 0; i < irqchip->n_msis; i++) {
    const struct msi *msi = &irqchip->msis[i];
    if (msi->known)
      entries[n++] = (struct kvm_irq_routing_entry){
        .gsi = MSI_FIRST + i,
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = { .address_lo = (uint32_t) msi->address,
                   .address_hi = (uint32_t) (msi->address >> 32),
                   .data = msi->data },
      };
  }
  irqchip->table.nr = n;
  return ioctl (irqchip->vm_fd, KVM_SET_GSI_ROUTING, &irqchip->table);
}

int
vmm_irqchip__new (struct vmm_irqchip **out, const struct vmm_kvm *kvm, kata_error **err)
{
  struct vmm_irqchip *irqchip = calloc (1, sizeof *irqchip);
  if (irqchip == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "kvm: no memory for the interrupt routes");
  irqchip->vm_fd = kvm->vm_fd;
  if (set_routing (irqchip) < 0) {
    int saved = errno;
    free (irqchip);
    return kata_error__errno (err, KATA_E_VMM, NULL, saved, "kvm: KVM_SET_GSI_ROUTING failed");
  }
  *out = irqchip;
  return 0;
}

void
vmm_irqchip__free (struct vmm_irqchip *irqchip)
{
  free (irqchip);
}

static int
change_irqfd (const struct vmm_irqchip *irqchip, const struct vmm_irq *irq, uint32_t flags)
{
  struct kvm_irqfd request = { .fd = (uint32_t) irq->fd, .gsi = irq->gsi, .flags = flags };
  return ioctl (irqchip->vm_fd, KVM_IRQFD, &request);
}

static int
line (void *ctx, struct vmm_irq *out, int wanted, kata_error **err)
{
  struct vmm_irqchip *irqchip = ctx;
  int gsi = wanted;
  if (wanted >= LINES || (wanted >= 0 && irqchip->lines[wanted]))
    return kata_error__set (err, KATA_E_EXISTS, NULL, "kvm: interrupt line %d is taken", wanted);
  if (wanted < 0)
    for (gsi = VMM_IRQ_LINE_FIRST; gsi < LINES && (irqchip->lines[gsi] || gsi == VMM_IRQ_RTC || gsi == VMM_IRQ_ACPI);)
      gsi++;
  if (gsi >= LINES)
    return kata_error__set (
        err, KATA_E_LIMIT, NULL,
        "kvm: all interrupt lines are taken; fewer devices, or the transport pci, which needs none");
  kata_auto_fd int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct vmm_irq irq = { .fd = fd, .gsi = (uint32_t) gsi };
  if (fd < 0 || change_irqfd (irqchip, &irq, 0) < 0)
    return kata_error__errno (err, KATA_E_VMM, NULL, errno, "kvm: KVM_IRQFD failed for line %d", gsi);
  irqchip->lines[gsi] = true;
  kata_fd__steal (&fd);
  *out = irq;
  return 0;
}

static int
new_msi (void *ctx, struct vmm_irq *out, kata_error **err)
{
  struct vmm_irqchip *irqchip = ctx;
  uint32_t i = 0;
  while (i < VMM_MSI_MAX && irqchip->msis[i].taken)
    i++;
  if (i == VMM_MSI_MAX)
    return kata_error__set (err, KATA_E_LIMIT, NULL, "kvm: more than %d message-signalled interrupts", VMM_MSI_MAX);
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_VMM, NULL, errno, "kvm: no eventfd for an interrupt");
  irqchip->msis[i] = (struct msi){ .taken = true };
  irqchip->n_msis = i + 1 > irqchip->n_msis ? i + 1 : irqchip->n_msis;
  *out = (struct vmm_irq){ .fd = fd, .gsi = MSI_FIRST + i };
  return 0;
}

/* Its eventfd only counts from now on. The route stays in the table: masking and unmasking is frequent, a new table is dear. */
static void
unroute (void *ctx, const struct vmm_irq *irq)
{
  struct vmm_irqchip *irqchip = ctx;
  struct msi *msi = &irqchip->msis[irq->gsi - MSI_FIRST];
  if (msi->attached)
    (void) change_irqfd (irqchip, irq, KVM_IRQFD_FLAG_DEASSIGN);
  msi->attached = false;
}

/* What was raised while masked is delivered once. KVM would leave the count in the eventfd, and deliver it at each unmasking. */
static void
attach (struct vmm_irqchip *irqchip, const struct vmm_irq *irq)
{
  uint64_t missed = 0;
  bool pending = read (irq->fd, &missed, sizeof missed) == (ssize_t) sizeof missed && missed > 0;
  irqchip->msis[irq->gsi - MSI_FIRST].attached = change_irqfd (irqchip, irq, 0) == 0;
  if (pending)
    vmm_irq__raise (irq);
}

static void
route (void *ctx, const struct vmm_irq *irq, uint64_t address, uint32_t data)
{
  struct vmm_irqchip *irqchip = ctx;
  struct msi *msi = &irqchip->msis[irq->gsi - MSI_FIRST];
  /* Only the local APICs' window takes messages; elsewhere it would be a write to memory, which nobody is promised. */
  bool valid = address >> 20 == 0xfee;
  if (valid && !(msi->known && msi->address == address && msi->data == data)) {
    msi->known = true;
    msi->address = address;
    msi->data = data;
    valid = set_routing (irqchip) == 0;
    msi->known = valid;
  }
  if (!valid)
    unroute (irqchip, irq);
  else if (!msi->attached)
    attach (irqchip, irq);
}

static void
release (void *ctx, struct vmm_irq *irq)
{
  struct vmm_irqchip *irqchip = ctx;
  if (irq->fd < 0)
    return;
  if (irq->gsi < LINES) {
    (void) change_irqfd (irqchip, irq, KVM_IRQFD_FLAG_DEASSIGN);
    irqchip->lines[irq->gsi] = false;
  } else {
    unroute (irqchip, irq);
    irqchip->msis[irq->gsi - MSI_FIRST] = (struct msi){ 0 };
  }
  kata_fd__closep (&irq->fd);
}

struct vmm_irqs
vmm_irqchip__irqs (struct vmm_irqchip *irqchip)
{
  static const struct vmm_irq_ops ops = {
    .line = line, .msi = new_msi, .route = route, .unroute = unroute, .release = release
  };
  return (struct vmm_irqs){ .ops = &ops, .ctx = irqchip };
}
