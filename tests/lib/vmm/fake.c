/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake: the env of fake.h. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/raise.h"

/* Not ck_assert: fuzz targets use the fake too, and Check has no test of theirs to fail. */
static void
must (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "fake: failed: %s\n", what);
    abort ();
  }
}

static int
take (struct fake *fake, struct vmm_irq *out, uint32_t gsi, bool is_msi)
{
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  must (fd >= 0, "eventfd");
  fake->irqs[gsi] = (struct fake_irq){ .taken = true, .is_msi = is_msi, .routed = !is_msi, .fd = fd, .gsi = gsi };
  *out = (struct vmm_irq){ .fd = fd, .gsi = gsi };
  return 0;
}

static int
fake_line (void *ctx, struct vmm_irq *out, int gsi, kata_error **err)
{
  struct fake *fake = ctx;
  if (gsi >= 0)
    return fake->irqs[gsi].taken ? kata_error__set (err, KATA_E_EXISTS, NULL, "line %d is taken", gsi)
                                 : take (fake, out, (uint32_t) gsi, false);
  for (uint32_t i = VMM_IRQ_LINE_FIRST; i <= VMM_IRQ_LINE_LAST; i++)
    if (!fake->irqs[i].taken && i != VMM_IRQ_RTC && i != VMM_IRQ_ACPI)
      return take (fake, out, i, false);
  return kata_error__set (err, KATA_E_LIMIT, NULL, "no line is free");
}

static int
fake_msi (void *ctx, struct vmm_irq *out, kata_error **err)
{
  struct fake *fake = ctx;
  for (uint32_t i = VMM_IRQ_LINE_LAST + 1; i < FAKE_IRQS_MAX; i++)
    if (!fake->irqs[i].taken)
      return take (fake, out, i, true);
  return kata_error__set (err, KATA_E_LIMIT, NULL, "no MSI is free");
}

static void
fake_route (void *ctx, const struct vmm_irq *irq, uint64_t address, uint32_t data)
{
  struct fake_irq *known = &((struct fake *) ctx)->irqs[irq->gsi];
  must (known->taken && known->is_msi, "an MSI that was taken");
  known->routed = true;
  known->address = address;
  known->data = data;
}

static void
fake_unroute (void *ctx, const struct vmm_irq *irq)
{
  struct fake_irq *known = &((struct fake *) ctx)->irqs[irq->gsi];
  must (known->taken && known->is_msi, "an MSI that was taken");
  known->routed = false;
}

static void
fake_release (void *ctx, struct vmm_irq *irq)
{
  struct fake_irq *known = &((struct fake *) ctx)->irqs[irq->gsi];
  if (irq->fd < 0)
    return;
  must (known->taken, "released what was taken");
  close (irq->fd);
  *known = (struct fake_irq){ 0 };
  irq->fd = -1;
}

static const struct vmm_irq_ops fake_irq_ops = {
  .line = fake_line, .msi = fake_msi, .route = fake_route, .unroute = fake_unroute, .release = fake_release
};

static void
fake_wish (void *ctx, enum vmm_wish wish)
{
  ((struct fake *) ctx)->wish = (int) wish;
}

static void
fake_log (void *ctx, const char *device, const char *message)
{
  struct fake *fake = ctx;
  fake->logs++;
  snprintf (fake->last_log, sizeof fake->last_log, "%s: %s", device, message);
}

struct fake *
fake_new (uint64_t memory_size)
{
  struct fake *fake = calloc (1, sizeof *fake);
  must (fake != NULL, "calloc");
  must (vmm_memory__open (&fake->memory, memory_size, 0, NULL) == 0, "memory");
  fake->env = (struct vmm_env){ .memory = &fake->memory,
                                .mmio = vmm_bus__new (UINT64_C (1) << 52, NULL, NULL),
                                .pio = vmm_bus__new (65536, NULL, NULL),
                                .irqs = { .ops = &fake_irq_ops, .ctx = fake },
                                .wish = fake_wish,
                                .log = fake_log,
                                .ctx = fake };
  must (vmm_loop__new (&fake->env.loop, NULL, NULL) == 0, "loop");
  return fake;
}

void
fake_free (struct fake *fake)
{
  for (size_t i = 0; i < FAKE_IRQS_MAX; i++)
    must (!fake->irqs[i].taken, "every interrupt was released");
  vmm_loop__free (fake->env.loop);
  vmm_bus__free (fake->env.mmio);
  vmm_bus__free (fake->env.pio);
  vmm_memory__close (&fake->memory);
  free (fake);
}

uint64_t
fake_raised (struct fake *fake, uint32_t gsi)
{
  uint64_t count = 0;
  must (fake->irqs[gsi].taken, "the interrupt was taken");
  return read (fake->irqs[gsi].fd, &count, sizeof count) == (ssize_t) sizeof count ? count : 0;
}

uint64_t
fake_read (struct vmm_bus *bus, uint64_t address, unsigned len)
{
  uint64_t value = 0;
  vmm_bus__access (bus, address, len, &value, false);
  return value;
}

void
fake_write (struct vmm_bus *bus, uint64_t address, unsigned len, uint64_t value)
{
  vmm_bus__access (bus, address, len, &value, true);
}

int
fake_run (struct fake *fake, int timeout_ms)
{
  int total = 0;
  for (int ran; (ran = vmm_loop__step (fake->env.loop, timeout_ms)) > 0;)
    total += ran;
  return total;
}
