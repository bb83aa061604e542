/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial: a 16550A as Linux's driver wants it, for what the guest says; no input. How the bytes leave the machine: output.c. */
#include "vmm/dev/output.h"
#include "vmm/dev/platform.h"
#include "vmm/layout.h"

/* Registers (National Semiconductor PC16550D data sheet, table II); some have two faces. */
#define REG_DATA 0 /* DLAB: divisor, low */
#define REG_IER  1 /* DLAB: divisor, high */
#define REG_IIR  2 /* written: FIFO control */
#define REG_LCR  3
#define REG_MCR  4
#define REG_LSR  5
#define REG_MSR  6
#define REG_SCR  7
#define N_REGS   8

#define IER_DATA      0x01
#define IER_THR_EMPTY 0x02
#define IER_MASK      0x0f
#define IIR_NONE      0x01
#define IIR_THR_EMPTY 0x02
#define IIR_DATA      0x04
#define IIR_FIFO      0xc0
#define FCR_ENABLE    0x01
#define FCR_CLEAR_IN  0x02
#define LCR_DLAB      0x80
#define MCR_MASK      0x1f
#define MCR_LOOP      0x10
#define LSR_DATA      0x01
#define LSR_EMPTY     0x60 /* the transmitter is always done */
#define MSR_IDLE      0xb0 /* a terminal is there and ready: DCD, DSR, CTS */

#define FIFO_LEN 16

struct serial {
  const struct vmm_env *env;
  struct vmm_irq irq;
  struct vmm_output *output;
  uint8_t ier, lcr, mcr, scr;
  uint8_t divisor[2];
  bool fifo;
  bool empty_pending; /* the THR-empty interrupt waits for IIR to be read or the next byte */
  /* Loop-back: drivers count what comes back to tell one chip from another. */
  uint8_t in[FIFO_LEN];
  unsigned in_first, in_len;
};

static uint8_t
serial_cause (const struct serial *serial)
{
  if ((serial->ier & IER_DATA) != 0 && serial->in_len > 0)
    return IIR_DATA;
  if ((serial->ier & IER_THR_EMPTY) != 0 && serial->empty_pending)
    return IIR_THR_EMPTY;
  return IIR_NONE;
}

/* The line is an edge: raised when a cause comes where there was none, so that a burst of bytes is one interrupt. */
static void
serial_raise (struct serial *serial, uint8_t cause_before)
{
  if (cause_before == IIR_NONE && serial_cause (serial) != IIR_NONE)
    vmm_irq__raise (&serial->irq);
}

static void
serial_say (struct serial *serial, uint8_t byte)
{
  if ((serial->mcr & MCR_LOOP) != 0) {
    if (serial->in_len < (serial->fifo ? FIFO_LEN : 1))
      serial->in[(serial->in_first + serial->in_len++) % FIFO_LEN] = byte;
  } else
    vmm_output__put (serial->output, byte);
  serial->empty_pending = true;
}

static uint8_t
serial_hear (struct serial *serial)
{
  if (serial->in_len == 0)
    return 0;
  uint8_t byte = serial->in[serial->in_first];
  serial->in_first = (serial->in_first + 1) % FIFO_LEN;
  serial->in_len--;
  return byte;
}

/* Reading the cause takes a THR-empty interrupt back. */
static uint8_t
serial_identify (struct serial *serial)
{
  uint8_t cause = serial_cause (serial);

  if (cause == IIR_THR_EMPTY)
    serial->empty_pending = false;
  return (uint8_t) (cause | (serial->fifo ? IIR_FIFO : 0));
}

/* In loop-back the outputs DTR, RTS, OUT1, OUT2 are the inputs DSR, CTS, RI, DCD. */
static uint8_t
serial_modem (const struct serial *serial)
{
  if ((serial->mcr & MCR_LOOP) == 0)
    return MSR_IDLE;
  return (uint8_t) ((serial->mcr & 0x0c) << 4 | (serial->mcr & 0x02) << 3 | (serial->mcr & 0x01) << 5);
}

static uint8_t
serial_read (struct serial *serial, unsigned reg)
{
  bool divisor = (serial->lcr & LCR_DLAB) != 0;

  switch (reg) {
  case REG_DATA:
    return divisor ? serial->divisor[0] : serial_hear (serial);
  case REG_IER:
    return divisor ? serial->divisor[1] : serial->ier;
  case REG_IIR:
    return serial_identify (serial);
  case REG_LCR:
    return serial->lcr;
  case REG_MCR:
    return serial->mcr;
  case REG_LSR:
    return (uint8_t) (LSR_EMPTY | (serial->in_len > 0 ? LSR_DATA : 0));
  case REG_MSR:
    return serial_modem (serial);
  default:
    return serial->scr;
  }
}

static void
serial_write (struct serial *serial, unsigned reg, uint8_t value)
{
  bool divisor = (serial->lcr & LCR_DLAB) != 0;

  switch (reg) {
  case REG_DATA:
    if (divisor)
      serial->divisor[0] = value;
    else
      serial_say (serial, value);
    break;
  case REG_IER:
    if (divisor)
      serial->divisor[1] = value;
    else {
      /* An interrupt that gets enabled while the transmitter is empty comes at once: drivers begin that way. */
      if ((value & ~serial->ier & IER_THR_EMPTY) != 0)
        serial->empty_pending = true;
      serial->ier = value & IER_MASK;
    }
    break;
  case REG_IIR:
    serial->fifo = (value & FCR_ENABLE) != 0;
    if ((value & FCR_CLEAR_IN) != 0)
      serial->in_len = 0;
    break;
  case REG_LCR:
    serial->lcr = value;
    break;
  case REG_MCR:
    serial->mcr = value & MCR_MASK;
    break;
  case REG_SCR:
    serial->scr = value;
    break;
  default:
    break; /* LSR, MSR: what they tell cannot be set */
  }
}

/* The registers are bytes; a wider access is that many of them. */
static void
serial_access (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct serial *serial = ctx;
  uint8_t before = serial_cause (serial);
  uint64_t all = 0;

  for (unsigned i = 0; i < len; i++)
    if (write)
      serial_write (serial, (unsigned) offset + i, (uint8_t) (*value >> (8 * i)));
    else
      all |= (uint64_t) serial_read (serial, (unsigned) offset + i) << (8 * i);
  if (!write)
    *value = all;
  serial_raise (serial, before);
}

static int
serial_realize (void *self, const struct vmm_env *env, const void *config, kata_error **err)
{
  struct serial *serial = self;
  const struct vmm_serial_config *c = config;

  serial->env = env;
  int result = vmm_output__new (&serial->output, env, c->fd, c->limit, err);
  if (result < 0)
    return result;
  result = env->irqs.ops->line (env->irqs.ctx, &serial->irq, VMM_IRQ_SERIAL, err);
  if (result == 0) {
    result = vmm_bus__map (env->pio, VMM_PORT_SERIAL, N_REGS, serial_access, serial, err);
    if (result < 0)
      env->irqs.ops->release (env->irqs.ctx, &serial->irq);
  }
  if (result < 0)
    vmm_output__free (serial->output);
  return result;
}

static void
serial_unrealize (void *self)
{
  struct serial *serial = self;

  vmm_bus__unmap (serial->env->pio, VMM_PORT_SERIAL);
  serial->env->irqs.ops->release (serial->env->irqs.ctx, &serial->irq);
  vmm_output__free (serial->output);
}

static void
serial_quiesce (void *self)
{
  struct serial *serial = self;

  vmm_output__flush (serial->output);
}

const struct vmm_device_ops vmm_serial_ops = {
  .size = sizeof (struct vmm_device_ops),
  .name = "serial",
  .instance_size = sizeof (struct serial),
  .realize = serial_realize,
  .unrealize = serial_unrealize,
  .quiesce = serial_quiesce,
};
