/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* power: how the guest ends or restarts itself, and how it hears of the power button; registers in power.h, and the i8042's reset command. */
#include "vmm/dev/power.h"

#include "vmm/dev/platform.h"
#include "vmm/layout.h"

#define I8042_PORT  0x64 /* status when read, command when written */
#define I8042_RESET 0xfe
/*
 * "There is a byte for you", for ever: who looks for a keyboard gives up after sixteen of them, and not after half a second of silence; and who
 * waits for the controller to take a command (bit 1 clear) need not.
 */
#define I8042_STATUS 0x01

/*
 * An edge that comes while the guest has the line masked is lost, and early in its boot it has: the press is repeated until somebody reads what
 * happened, for as long as a boot may take.
 */
#define REPEAT_NS   INT64_C (1000000000)
#define REPEATS_MAX 120

struct power {
  const struct vmm_env *env;
  struct vmm_irq irq;
  struct vmm_timer *timer;
  unsigned repeats; /* left */
  uint8_t events;
};

/* Raise once more, unless the guest knows already. */
static void
power_raise (void *ctx)
{
  struct power *power = ctx;

  if (power->events == 0)
    return;
  vmm_irq__raise (&power->irq);
  if (power->repeats > 0) {
    power->repeats--;
    vmm_timer__arm (power->timer, REPEAT_NS);
  }
}

static uint8_t
power_read (struct power *power, uint64_t offset)
{
  if (offset != VMM_POWER_EVENTS)
    return 0;
  uint8_t events = power->events;
  power->events = 0;
  return events;
}

static void
power_write (struct power *power, uint64_t offset, uint8_t value)
{
  const struct vmm_env *env = power->env;

  if (offset == VMM_POWER_SLEEP_CONTROL && (value & VMM_POWER_SLEEP_ENABLE) != 0 &&
      (value >> 2 & 7) == VMM_POWER_S5_TYPE)
    env->wish (env->ctx, VMM_WISH_POWEROFF);
  else if (offset == VMM_POWER_RESET && value == VMM_POWER_RESET_VALUE)
    env->wish (env->ctx, VMM_WISH_RESET);
}

static void
power_access (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  uint64_t all = 0;

  for (unsigned i = 0; i < len; i++)
    if (write)
      power_write (ctx, offset + i, (uint8_t) (*value >> (8 * i)));
    else
      all |= (uint64_t) power_read (ctx, offset + i) << (8 * i);
  if (!write)
    *value = all;
}

static void
i8042_access (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct power *power = ctx;

  (void) offset;
  (void) len;
  if (!write)
    *value = I8042_STATUS;
  else if ((*value & 0xff) == I8042_RESET)
    power->env->wish (power->env->ctx, VMM_WISH_RESET);
}

void
vmm_power__press (void *self)
{
  struct power *power = self;

  power->events |= VMM_POWER_EVENT_BUTTON;
  power->repeats = REPEATS_MAX;
  power_raise (power);
}

static int
power_realize (void *self, const struct vmm_env *env, const void *config, kata_error **err)
{
  struct power *power = self;

  (void) config;
  power->env = env;
  int result = vmm_timer__new (&power->timer, env->loop, power_raise, power, err);
  if (result < 0)
    return result;
  result = env->irqs.ops->line (env->irqs.ctx, &power->irq, VMM_IRQ_ACPI, err);
  if (result < 0) {
    vmm_timer__free (power->timer);
    return result;
  }
  result = vmm_bus__map (env->mmio, VMM_LAYOUT_POWER, VMM_LAYOUT_POWER_SIZE, power_access, power, err);
  if (result == 0) {
    result = vmm_bus__map (env->pio, I8042_PORT, 1, i8042_access, power, err);
    if (result < 0)
      vmm_bus__unmap (env->mmio, VMM_LAYOUT_POWER);
  }
  if (result < 0) {
    env->irqs.ops->release (env->irqs.ctx, &power->irq);
    vmm_timer__free (power->timer);
  }
  return result;
}

static void
power_unrealize (void *self)
{
  struct power *power = self;

  vmm_bus__unmap (power->env->pio, I8042_PORT);
  vmm_bus__unmap (power->env->mmio, VMM_LAYOUT_POWER);
  power->env->irqs.ops->release (power->env->irqs.ctx, &power->irq);
  vmm_timer__free (power->timer);
}

static void
power_quiesce (void *self)
{
  struct power *power = self;

  vmm_timer__disarm (power->timer);
}

/* A press before or during a pause counts as one now. */
static void
power_resume (void *self)
{
  power_raise (self);
}

const struct vmm_device_ops vmm_power_ops = {
  .size = sizeof (struct vmm_device_ops),
  .name = "power",
  .instance_size = sizeof (struct power),
  .realize = power_realize,
  .unrealize = power_unrealize,
  .quiesce = power_quiesce,
  .resume = power_resume,
};
