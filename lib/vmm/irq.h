/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* irq: interrupts that a device raises, each an eventfd; KVM's irqfd carries them, a test just reads the eventfd. */
#ifndef KATA_VMM_IRQ_H
#define KATA_VMM_IRQ_H

#include <stdint.h>

#include <kata/error.h>

/** One source: a line of the I/O APIC (edge, active high) or an MSI. */
struct vmm_irq {
  int fd;       /* eventfd; -1 = none */
  uint32_t gsi; /* number of its route */
};

/** Lines devices may take: 5 to 23, but the legacy ones that have owners: 4 serial, 8 RTC, 9 ACPI. */
#define VMM_IRQ_SERIAL     4
#define VMM_IRQ_RTC        8
#define VMM_IRQ_ACPI       9
#define VMM_IRQ_LINE_FIRST 5
#define VMM_IRQ_LINE_LAST  23
/** MSI routes a machine can have. */
#define VMM_MSI_MAX 1024

/** The interrupt controller as devices see it. */
struct vmm_irq_ops {
  /** @gsi >= 0: that line. -1: the next free one. */
  int (*line) (void *ctx, struct vmm_irq *out, int gsi, kata_error **err);
  /** A free MSI source; it goes nowhere until routed. */
  int (*msi) (void *ctx, struct vmm_irq *out, kata_error **err);
  /** The guest wrote an MSI-X entry: @address and @data of the PCI specification. Wrong addresses do not fail: the MSI is lost. */
  void (*route) (void *ctx, const struct vmm_irq *irq, uint64_t address, uint32_t data);
  void (*unroute) (void *ctx, const struct vmm_irq *irq); /* masked: the eventfd counts, nothing is delivered */
  void (*release) (void *ctx, struct vmm_irq *irq);       /* closes the eventfd */
};

struct vmm_irqs {
  const struct vmm_irq_ops *ops;
  void *ctx;
};

/** Raise once. Any thread. */
void vmm_irq__raise (const struct vmm_irq *irq);

#endif
