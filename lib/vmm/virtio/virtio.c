/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtio: what all virtio devices share: status, features, queues and their kicks; not how a guest reaches them, that is the transport's. */
#include "vmm/virtio/virtio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#define OFFERED_ALWAYS (VMM_VIRTIO_F_VERSION_1 | VMM_VIRTIO_F_INDIRECT | VMM_VIRTIO_F_EVENT_IDX)
#define STATUS_STEPS                                                                                                   \
  (VMM_VIRTIO_S_ACKNOWLEDGE | VMM_VIRTIO_S_DRIVER | VMM_VIRTIO_S_FEATURES_OK | VMM_VIRTIO_S_DRIVER_OK)

/* What vmm_virtio__new() really makes: the watch of a queue has to know which queue it is of. */
struct whole {
  struct vmm_virtio device;
  struct kick {
    struct vmm_virtio *device;
    unsigned queue;
  } kicks[VMM_VIRTIO_QUEUES_MAX];
};

/* ---- kicks ---- */

static void
take_kick (struct vmm_virtio *device, unsigned queue)
{
  uint64_t count;
  while (read (device->kick_fds[queue], &count, sizeof count) < 0 && errno == EINTR)
    ;
}

static void
give_kick (struct vmm_virtio *device, unsigned queue)
{
  /* It can only fail when 2^64 - 2 kicks wait, and then one waits. */
  uint64_t one = 1;
  while (write (device->kick_fds[queue], &one, sizeof one) < 0 && errno == EINTR)
    ;
}

/* Kicks that come too early, for a queue that is not ready, or after NEEDS_RESET are dropped here. */
static void
on_kick (void *ctx, uint32_t events)
{
  struct kick *kick = ctx;
  struct vmm_virtio *device = kick->device;
  (void) events;
  if (device->paused)
    return;
  take_kick (device, kick->queue);
  if (device->active && device->queues[kick->queue].ready && device->ops->kick != NULL)
    device->ops->kick (device->self, kick->queue);
}

static void
watch_kicks (struct vmm_virtio *device, bool watched)
{
  for (unsigned i = 0; i < device->n_queues; i++) {
    /* Queues that another process serves are its own to watch from DRIVER_OK on. */
    bool away = device->ops->hand_over != NULL && (device->status & VMM_VIRTIO_S_DRIVER_OK) != 0;
    vmm_watch__set (device->kick_watches[i], watched && !away ? EPOLLIN : 0);
  }
}

static void
close_kicks (struct vmm_virtio *device)
{
  for (unsigned i = 0; i < VMM_VIRTIO_QUEUES_MAX; i++) {
    vmm_watch__free (device->kick_watches[i]);
    device->kick_watches[i] = NULL;
    kata_fd__closep (&device->kick_fds[i]);
  }
}

static int
open_kicks (struct whole *whole, kata_error **err)
{
  struct vmm_virtio *device = &whole->device;
  for (unsigned i = 0; i < device->n_queues; i++) {
    whole->kicks[i] = (struct kick){ .device = device, .queue = i };
    device->kick_fds[i] = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (device->kick_fds[i] < 0)
      return kata_error__errno (err, KATA_E_IO, NULL, errno, "%s: make the eventfd of queue %u", device->ops->name, i);
    int code = vmm_watch__new (&device->kick_watches[i], device->env->loop, device->kick_fds[i], EPOLLIN, on_kick,
                               &whole->kicks[i], err);
    if (code < 0)
      return code;
  }
  return 0;
}

/* ---- for the machine ---- */

static int
check_realized (const struct vmm_virtio *device, kata_error **err)
{
  bool good = device->n_queues <= VMM_VIRTIO_QUEUES_MAX && device->config_len <= VMM_VIRTIO_CONFIG_MAX;
  for (unsigned i = 0; good && i < device->n_queues; i++) {
    uint16_t max = device->queues[i].max;
    good = max != 0 && max <= VMM_QUEUE_SIZE_MAX && (max & (max - 1)) == 0;
  }
  return good ? 0
              : kata_error__set (err, KATA_E_INTERNAL, NULL,
                                 "%s: too many queues, a queue whose size is no power of two within %d, or too long a "
                                 "configuration",
                                 device->ops->name, VMM_QUEUE_SIZE_MAX);
}

int
vmm_virtio__new (struct vmm_virtio **out, const struct vmm_virtio_ops *ops, const struct vmm_env *env,
                 const void *config, kata_error **err)
{
  struct whole *whole = calloc (1, sizeof *whole);
  void *self = calloc (1, ops->instance_size != 0 ? ops->instance_size : 1);
  if (whole == NULL || self == NULL) {
    free (whole);
    free (self);
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "%s: no memory for the device", ops->name);
  }
  struct vmm_virtio *device = &whole->device;
  device->ops = ops;
  device->self = self;
  device->env = env;
  for (unsigned i = 0; i < VMM_VIRTIO_QUEUES_MAX; i++)
    device->kick_fds[i] = -1;
  int code = ops->realize (self, device, config, err);
  if (code < 0) {
    free (self);
    free (whole);
    return code;
  }
  device->offered |= OFFERED_ALWAYS;
  code = check_realized (device, err);
  if (code == 0)
    code = open_kicks (whole, err);
  if (code < 0) {
    device->n_queues = 0;
    vmm_virtio__free (device);
    return code;
  }
  *out = device;
  return 0;
}

void
vmm_virtio__free (struct vmm_virtio *device)
{
  if (device == NULL)
    return;
  /* Whoever made the transport has freed it: the reset below must not call it. */
  device->transport_ops = NULL;
  vmm_virtio__set_status (device, 0);
  if (device->ops->unrealize != NULL)
    device->ops->unrealize (device->self);
  close_kicks (device);
  free (device->self);
  free (device);
}

static void
settle (struct vmm_virtio *device)
{
  device->active = !device->paused && (device->status & VMM_VIRTIO_S_DRIVER_OK) != 0 &&
                   (device->status & (VMM_VIRTIO_S_NEEDS_RESET | VMM_VIRTIO_S_FAILED)) == 0;
}

void
vmm_virtio__pause (struct vmm_virtio *device)
{
  if (device->paused)
    return;
  device->paused = true;
  settle (device);
  watch_kicks (device, false);
  if (device->ops->quiesce != NULL)
    device->ops->quiesce (device->self);
}

void
vmm_virtio__unpause (struct vmm_virtio *device)
{
  if (!device->paused)
    return;
  device->paused = false;
  settle (device);
  watch_kicks (device, true);
  if (device->ops->resume != NULL)
    device->ops->resume (device->self);
}

/* ---- for devices ---- */

static void
interrupt (struct vmm_virtio *device, int queue)
{
  /* 2.1.2: before DRIVER_OK nothing is sent to the driver. */
  if (device->transport_ops != NULL && (device->status & VMM_VIRTIO_S_DRIVER_OK) != 0)
    device->transport_ops->interrupt (device->transport, queue);
}

void
vmm_virtio__used (struct vmm_virtio *device, unsigned queue)
{
  if (queue < device->n_queues && vmm_queue__wants_interrupt (&device->queues[queue], device->env->memory))
    interrupt (device, (int) queue);
}

void
vmm_virtio__again (struct vmm_virtio *device, unsigned queue)
{
  if (queue < device->n_queues)
    give_kick (device, queue);
}

enum vmm_pop
vmm_virtio__next (struct vmm_virtio *device, unsigned number, unsigned *budget, struct vmm_chain *chain)
{
  struct vmm_queue *queue = &device->queues[number];
  const struct vmm_memory *memory = device->env->memory;
  enum vmm_pop got;
  do {
    if (*budget == 0) {
      vmm_virtio__again (device, number);
      return VMM_POP_EMPTY;
    }
    --*budget;
    got = vmm_queue__pop (queue, memory, chain);
  } while (got == VMM_POP_EMPTY && vmm_queue__want_kick (queue, memory, true));
  return got;
}

void
vmm_virtio__needs_reset (struct vmm_virtio *device, const char *why)
{
  if ((device->status & VMM_VIRTIO_S_NEEDS_RESET) != 0)
    return;
  device->status |= VMM_VIRTIO_S_NEEDS_RESET;
  settle (device);
  if (device->env->log != NULL)
    vmm_env__log (device->env, device->ops->name, "needs a reset: %s", why);
  interrupt (device, -1);
}

void
vmm_virtio__config_changed (struct vmm_virtio *device)
{
  device->config_generation++;
  interrupt (device, -1);
}

/* ---- for transports: status ---- */

static void
reset (struct vmm_virtio *device)
{
  device->status = 0;
  settle (device);
  if (device->ops->reset != NULL)
    device->ops->reset (device->self);
  device->features = 0;
  device->features_beyond = false;
  for (unsigned i = 0; i < device->n_queues; i++) {
    vmm_queue__reset (&device->queues[i]);
    take_kick (device, i);
  }
  watch_kicks (device, !device->paused);
}

static bool
features_are_good (const struct vmm_virtio *device)
{
  return !device->features_beyond && (device->features & ~device->offered) == 0 &&
         vmm_virtio__has (device, VMM_VIRTIO_F_VERSION_1);
}

static void
hand_over (struct vmm_virtio *device)
{
  for (unsigned i = 0; i < device->n_queues && device->active; i++) {
    kata_auto_error kata_error *error = NULL;
    if (!device->queues[i].ready)
      continue;
    int call_fd = device->transport_ops != NULL ? device->transport_ops->call_fd (device->transport, i) : -1;
    if (device->ops->hand_over (device->self, i, device->kick_fds[i], call_fd, &error) < 0)
      vmm_virtio__needs_reset (device, "a queue could not be handed over");
  }
}

static void
activate (struct vmm_virtio *device)
{
  device->status |= VMM_VIRTIO_S_DRIVER_OK;
  settle (device);
  watch_kicks (device, !device->paused);
  if (device->ops->activate != NULL)
    device->ops->activate (device->self);
  if (device->ops->hand_over != NULL)
    hand_over (device);
  /* A driver fills its queues and may kick before DRIVER_OK; on_kick() has dropped that. */
  for (unsigned i = 0; i < device->n_queues; i++)
    if (device->queues[i].ready)
      give_kick (device, i);
}

/*
 * 3.1.1: ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK, each only on top of those before; the last only once the driver could read
 * that FEATURES_OK stayed. FAILED at any time, and then nothing but a reset. A write that takes a bit back, or has a reserved one, is ignored;
 * NEEDS_RESET is ours, so that its value in a write says nothing.
 */
void
vmm_virtio__set_status (struct vmm_virtio *device, uint32_t status)
{
  if (status == 0) {
    reset (device);
    return;
  }
  uint32_t now = device->status & ~VMM_VIRTIO_S_NEEDS_RESET;
  status &= ~VMM_VIRTIO_S_NEEDS_RESET;
  if ((status & ~(STATUS_STEPS | VMM_VIRTIO_S_FAILED)) != 0 || (status & now) != now ||
      (now & VMM_VIRTIO_S_FAILED) != 0)
    return;
  uint32_t added = status & ~now, steps = status & STATUS_STEPS;
  if ((steps & VMM_VIRTIO_S_DRIVER && !(steps & VMM_VIRTIO_S_ACKNOWLEDGE)) ||
      (steps & VMM_VIRTIO_S_FEATURES_OK && !(steps & VMM_VIRTIO_S_DRIVER)) ||
      (added & VMM_VIRTIO_S_DRIVER_OK && !(now & VMM_VIRTIO_S_FEATURES_OK)))
    return;
  device->status |= added & (VMM_VIRTIO_S_ACKNOWLEDGE | VMM_VIRTIO_S_DRIVER | VMM_VIRTIO_S_FAILED);
  if ((added & VMM_VIRTIO_S_FAILED) != 0)
    settle (device);
  else if ((added & VMM_VIRTIO_S_FEATURES_OK) != 0 && features_are_good (device))
    device->status |= VMM_VIRTIO_S_FEATURES_OK;
  else if ((added & VMM_VIRTIO_S_DRIVER_OK) != 0)
    activate (device);
}

/* ---- for transports: features, queues, configuration ---- */

uint32_t
vmm_virtio__get_features (const struct vmm_virtio *device, uint32_t select)
{
  return select > 1 ? 0 : (uint32_t) (device->offered >> (select * 32));
}

void
vmm_virtio__set_features (struct vmm_virtio *device, uint32_t select, uint32_t word)
{
  if ((device->status & VMM_VIRTIO_S_FEATURES_OK) != 0)
    return;
  if (select > 1) {
    device->features_beyond |= word != 0;
    return;
  }
  uint64_t mask = UINT64_C (0xffffffff) << (select * 32);
  device->features = (device->features & ~mask) | (uint64_t) word << (select * 32);
}

struct vmm_queue *
vmm_virtio__setup_queue (struct vmm_virtio *device, unsigned queue)
{
  uint32_t mask = VMM_VIRTIO_S_FEATURES_OK | VMM_VIRTIO_S_DRIVER_OK | VMM_VIRTIO_S_NEEDS_RESET | VMM_VIRTIO_S_FAILED;
  if (queue >= device->n_queues || device->queues[queue].ready || (device->status & mask) != VMM_VIRTIO_S_FEATURES_OK)
    return NULL;
  return &device->queues[queue];
}

void
vmm_virtio__enable_queue (struct vmm_virtio *device, unsigned queue)
{
  struct vmm_queue *found = vmm_virtio__setup_queue (device, queue);
  if (found != NULL)
    vmm_queue__enable (found, device->env->memory, vmm_virtio__has (device, VMM_VIRTIO_F_EVENT_IDX),
                       vmm_virtio__has (device, VMM_VIRTIO_F_INDIRECT));
}

void
vmm_virtio__disable_queue (struct vmm_virtio *device, unsigned queue)
{
  if (queue < device->n_queues && (device->status & VMM_VIRTIO_S_DRIVER_OK) == 0)
    vmm_queue__reset (&device->queues[queue]);
}

void
vmm_virtio__config (struct vmm_virtio *device, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  uint64_t left = offset < device->config_len ? device->config_len - offset : 0;
  if (write) {
    /* 3.1.1: the driver must not write before FEATURES_OK. */
    if (len <= left && device->ops->config_write != NULL && (device->status & VMM_VIRTIO_S_FEATURES_OK) != 0)
      device->ops->config_write (device->self, (uint32_t) offset, value, len);
    return;
  }
  *value = 0;
  if (left > 0 && device->ops->config_read != NULL)
    device->ops->config_read (device->self, (uint32_t) offset, value, len < left ? len : (uint32_t) left);
}
