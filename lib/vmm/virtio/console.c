/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console: one port without features (virtio 1.2, 5.3); output goes through dev/output.c, input waits in its descriptor until the guest has room. */
#include "vmm/virtio/console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/raise.h"

#include "vmm/dev/output.h"

#define CONSOLE_ID         3
#define CONSOLE_QUEUE_SIZE 64
#define QUEUE_IN           0
#define QUEUE_OUT          1
/* Of one turn, in each direction. */
#define CONSOLE_BYTES_MAX 65536u
#define CONSOLE_READS     8

/* virtio 1.2, 5.3.4; all zero, as none of the features that fill it is offered. */
struct console_config {
  uint16_t cols, rows;
  uint32_t max_nr_ports, emerg_wr;
};

struct console {
  struct vmm_virtio *base;
  struct vmm_output *output;
  struct vmm_watch *input; /* NULL = none, or at its end */
  int in_fd;
  /* A chain of output that is larger than one turn. */
  bool partial;
  size_t done;
  struct vmm_chain chain;
};

/* ---- output ---- */

/* Returns how many bytes of the chain it took. */
static size_t
say (struct console *console, const struct vmm_chain *chain, size_t offset, size_t max)
{
  char bytes[1024];
  size_t done = 0;
  while (done < max) {
    size_t want = max - done < sizeof bytes ? max - done : sizeof bytes;
    size_t n = vmm_chain__read (chain, offset + done, bytes, want);
    if (n == 0)
      break;
    for (size_t i = 0; i < n; i++)
      vmm_output__put (console->output, (uint8_t) bytes[i]);
    done += n;
  }
  return done;
}

static void
drain_output (struct console *console)
{
  struct vmm_queue *queue = &console->base->queues[QUEUE_OUT];
  const struct vmm_memory *memory = console->base->env->memory;
  enum vmm_pop got = VMM_POP_CHAIN;
  size_t left = CONSOLE_BYTES_MAX;
  vmm_queue__want_kick (queue, memory, false);
  for (unsigned n = 0; n < VMM_DRAIN_MAX && left > 0; n++) {
    if (!console->partial) {
      got = vmm_queue__pop (queue, memory, &console->chain);
      if (got != VMM_POP_CHAIN)
        break;
      console->done = 0;
    }
    size_t taken = say (console, &console->chain, console->done, left);
    console->done += taken;
    left -= taken;
    console->partial = console->done < console->chain.read_len;
    if (!console->partial)
      vmm_queue__push (queue, memory, console->chain.head, 0);
  }
  vmm_virtio__used (console->base, QUEUE_OUT);
  if (got == VMM_POP_BROKEN)
    vmm_virtio__needs_reset (console->base, queue->why);
  else if (got == VMM_POP_CHAIN || vmm_queue__want_kick (queue, memory, true))
    vmm_virtio__again (console->base, QUEUE_OUT);
}

/* ---- input ---- */

static void
watch_input (struct console *console, bool wanted)
{
  if (console->input != NULL)
    vmm_watch__set (console->input, wanted ? EPOLLIN : 0);
}

/* One read into one chain; false when there is no more for now. */
static bool
hear (struct console *console, struct vmm_chain *chain)
{
  struct vmm_queue *queue = &console->base->queues[QUEUE_IN];
  const struct vmm_memory *memory = console->base->env->memory;
  enum vmm_pop got = vmm_queue__pop (queue, memory, chain);
  if (got == VMM_POP_BROKEN)
    vmm_virtio__needs_reset (console->base, queue->why);
  if (got != VMM_POP_CHAIN) {
    /* Without room the input rests; the kick that brings room wakes it. */
    if (got == VMM_POP_BROKEN || !vmm_queue__want_kick (queue, memory, true))
      watch_input (console, false);
    return false;
  }
  size_t len = chain->write_len < CONSOLE_BYTES_MAX ? chain->write_len : CONSOLE_BYTES_MAX;
  struct iovec pieces[VMM_CHAIN_MAX];
  size_t n = vmm_chain__pieces (chain, true, 0, len, pieces, VMM_CHAIN_MAX);
  if (n == 0) {
    /* No room in it at all. */
    vmm_queue__push (queue, memory, chain->head, 0);
    return true;
  }
  ssize_t got_bytes = readv (console->in_fd, pieces, (int) n);
  if (got_bytes > 0) {
    vmm_queue__push (queue, memory, chain->head, (uint32_t) got_bytes);
    return (size_t) got_bytes == len;
  }
  vmm_queue__unpop (queue, chain);
  if (got_bytes == 0 || (errno != EAGAIN && errno != EINTR)) {
    vmm_watch__free (console->input);
    console->input = NULL;
  }
  return false;
}

static void
on_input (void *ctx, uint32_t events)
{
  struct console *console = ctx;
  struct vmm_chain chain;
  (void) events;
  if (!console->base->active || !console->base->queues[QUEUE_IN].ready) {
    watch_input (console, false);
    return;
  }
  for (unsigned n = 0; n < CONSOLE_READS && hear (console, &chain); n++)
    ;
  vmm_virtio__used (console->base, QUEUE_IN);
}

/* ---- the device ---- */

static void
console_unrealize (void *self)
{
  struct console *console = self;
  vmm_watch__free (console->input);
  kata_fd__close (console->in_fd);
  vmm_output__free (console->output);
}

static int
console_realize (void *self, struct vmm_virtio *base, const void *config, kata_error **err)
{
  struct console *console = self;
  const struct vmm_console_config *wanted = config;
  console->base = base;
  console->in_fd = -1;
  base->n_queues = 2;
  vmm_queue__init (&base->queues[QUEUE_IN], CONSOLE_QUEUE_SIZE);
  vmm_queue__init (&base->queues[QUEUE_OUT], CONSOLE_QUEUE_SIZE);
  base->config_len = sizeof (struct console_config);
  int code = vmm_output__new (&console->output, base->env, wanted->out_fd, wanted->limit, err);
  if (code < 0 || wanted->in_fd < 0)
    return code;
  console->in_fd = fcntl (wanted->in_fd, F_DUPFD_CLOEXEC, 3);
  code = console->in_fd < 0
             ? kata_error__errno (err, KATA_E_IO, "console", errno, "virtio-console: duplicate its input")
             : vmm_watch__new (&console->input, base->env->loop, console->in_fd, 0, on_input, console, err);
  if (code < 0)
    console_unrealize (console);
  return code;
}

static void
console_kick (void *self, unsigned queue)
{
  struct console *console = self;
  if (queue == QUEUE_OUT)
    drain_output (console);
  else
    watch_input (console, true);
}

static void
console_rest (void *self)
{
  watch_input (self, false);
}

static void
console_wake (void *self)
{
  struct console *console = self;
  watch_input (console, console->base->active);
}

static void
console_reset (void *self)
{
  struct console *console = self;
  watch_input (console, false);
  console->partial = false;
}

const struct vmm_virtio_ops vmm_virtio_console_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-console",
  .device_id = CONSOLE_ID,
  .instance_size = sizeof (struct console),
  .realize = console_realize,
  .unrealize = console_unrealize,
  .activate = console_wake,
  .kick = console_kick,
  .reset = console_reset,
  .quiesce = console_rest,
  .resume = console_wake,
};
