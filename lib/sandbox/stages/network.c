/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: lists the pod's namespace and puts a tap beside each interface; the guest hears of it later (interfaces.c), passt is network-user.c's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/mount.h"
#include "host/netjoin.h"
#include "host/netns.h"
#include "host/tap.h"
#include "sandbox/stage.h"

/* All microVMMs take so many. */
#define NICS_MAX 8u

void
kata_stage__add_nic (struct kata_operation *op, const kata_vm_nic *nic)
{
  kata_arena *arena = op->state->arena;
  kata_vm_plan *vm = &op->state->plan.vm;
  size_t n = 0;
  while (vm->nics != NULL && vm->nics[n] != NULL)
    n++;
  const kata_vm_nic **nics = kata_arena__new0 (arena, const kata_vm_nic *, n + 2);
  for (size_t i = 0; i < n; i++)
    nics[i] = vm->nics[i];
  kata_vm_nic *copy = kata_arena__new0 (arena, kata_vm_nic, 1);
  *copy = *nic;
  nics[n] = copy;
  vm->nics = nics;
}

/* An empty namespace that a bind mount keeps, so that others can fill it. */
static int
make_namespace (struct kata_operation *op, kata_error **err)
{
  kata_auto_fd int fd = -1;
  int r = kata_netns__new (&fd, err);
  if (r == 0)
    r = kata_stage__make (op, "netns", KATA_NETWORK_NEW_NAME, false, err);
  if (r == 0)
    r = kata_journal__path (&op->journal, KATA_UNDO_MOUNT, "netns", KATA_NETWORK_NEW_NAME, err);
  g_autofree char *from = g_strdup_printf ("/proc/self/fd/%d", fd);
  return r != 0 ? r : kata_mount__bind (from, op->sandbox->dirfd, KATA_NETWORK_NEW_NAME, 0, err);
}

static int
record (struct kata_operation *op, const struct kata_netjoin *join, kata_error **err)
{
  kata_undo undo = { .size = sizeof undo,
                     .path = op->state->plan.network.path,
                     .start_time = kata_netns__inode (join->netns_fd) };
  if (join->way == KATA_NETJOIN_ATTACH)
    return 0; /* it was there before us and stays */
  undo.kind = join->way == KATA_NETJOIN_TCFILTER ? KATA_UNDO_QDISC : KATA_UNDO_LINK;
  undo.role = join->way == KATA_NETJOIN_TCFILTER ? join->interface->name : join->device;
  undo.pid = join->interface->index;
  return kata_journal__record (&op->journal, &undo, err);
}

/* Two that join one interface at once: the loser must not undo what is the winner's. */
static void
forget (struct kata_operation *op, const struct kata_netjoin *join)
{
  g_autoptr (kata_error) error = NULL;
  bool qdisc = join->way == KATA_NETJOIN_TCFILTER;
  const char *role = qdisc ? join->interface->name : join->device;
  if (kata_journal__forget (&op->journal, qdisc ? KATA_UNDO_QDISC : KATA_UNDO_LINK, role, op->state->plan.network.path,
                            &error) != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_ERROR, "sandbox \"%s\": interface \"%s\" is another's: %s",
                     op->sandbox->id, join->interface->name, kata_error_get_message (error));
}

/* As many as there are queues, or none: without it the VMM moves the frames. */
static bool
open_vhost (struct kata_operation *op, unsigned n)
{
  int fds[KATA_TAP_QUEUES_MAX];
  for (unsigned i = 0; i < n; i++) {
    fds[i] = open ("/dev/vhost-net", O_RDWR | O_CLOEXEC);
    if (fds[i] >= 0)
      continue;
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_DEBUG, "/dev/vhost-net: %s", g_strerror (errno));
    while (i-- > 0)
      close (fds[i]);
    return false;
  }
  for (unsigned i = 0; i < n; i++)
    kata_operation__add_nic_fd (op, true, fds[i]);
  return true;
}

/* The VMM opens the tap itself, by its name, for which we must have let go of it. One that was there before us stays anyway. */
static int
let_go (struct kata_operation *op, struct kata_netjoin *join, kata_error **err)
{
  kata_undo undo = { .size = sizeof undo,
                     .kind = KATA_UNDO_LINK,
                     .role = join->device,
                     .path = op->state->plan.network.path,
                     .pid = join->interface->index,
                     .start_time = kata_netns__inode (join->netns_fd) };
  const kata_vm_plan *vm = &op->state->plan.vm;
  uint32_t uid = vm->jailer_path != NULL && vm->jailer_path[0] != '\0' ? vm->jailer_uid : 0;
  int r = join->way == KATA_NETJOIN_ATTACH ? 0 : kata_journal__record (&op->journal, &undo, err);
  if (r == 0 && join->way != KATA_NETJOIN_ATTACH)
    r = kata_tap__keep (join->fds[0], join->device, uid, err);
  kata_netjoin__close (join);
  return r;
}

static void
add_device (struct kata_operation *op, struct kata_net_interface *interface, struct kata_netjoin *join, uint32_t port)
{
  kata_vm_nic nic = {
    .size = sizeof nic, .kind = KATA_NIC_TAP, .name = interface->name, .mtu = interface->mtu, .port = port
  };
  interface->mac = nic.mac = kata_arena__strdup (op->state->arena, join->mac);
  nic.device = kata_arena__strdup (op->state->arena, join->device);
  nic.queues = join->queues;
  for (unsigned i = 0; i < join->queues && join->fds[i] >= 0; i++)
    kata_operation__add_nic_fd (op, false, kata_fd__steal (&join->fds[i]));
  nic.vhost = op->state->plan.network.vhost && open_vhost (op, join->queues);
  kata_stage__add_nic (op, &nic);
}

/* These have token buckets of their own, which see a queue's fullness and need not drop. */
static bool
limits_itself (const char *hypervisor)
{
  return strcmp (hypervisor, "builtin") == 0 || strcmp (hypervisor, "fc") == 0;
}

int
kata_stage__join (struct kata_operation *op, int netns_fd, struct kata_net_interface *interface, uint32_t port,
                  kata_error **err)
{
  const struct kata_network_plan *plan = &op->state->plan.network;
  struct kata_netjoin join = {
    .netns_fd = netns_fd,
    .interface = interface,
    .queues = plan->queues,
    .way = plan->model == KATA_NETWORK_MODEL_MACVTAP ? KATA_NETJOIN_MACVTAP : KATA_NETJOIN_TCFILTER,
  };
  if (!limits_itself (op->state->plan.hypervisor)) {
    join.rx_bytes = op->state->plan.vm.nic_rx_bytes;
    join.tx_bytes = op->state->plan.vm.nic_tx_bytes;
  }
  int r = kata_netjoin__prepare (&join, err);
  if (r == 0)
    r = record (op, &join, err);
  if (r == 0)
    r = kata_netjoin__make (&join, err);
  if (r != 0 && join.taken)
    forget (op, &join);
  if (r == 0 && plan->by_name)
    r = let_go (op, &join, err);
  if (r != 0)
    return r;
  add_device (op, interface, &join, port);
  return kata_operation__fault (op, "network:joined", err);
}

void
kata_stage__warn_of_routes (struct kata_operation *op, const struct kata_net *net)
{
  if (net->n_dropped_routes != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                     "sandbox \"%s\": %u routes with several next hops or a gateway of the other family are not handed "
                     "to the guest",
                     op->sandbox->id, net->n_dropped_routes);
}

static int
enter_namespace (struct kata_operation *op, kata_error **err)
{
  const char *path = op->state->plan.network.path;
  struct kata_net *net = &op->state->network;
  kata_auto_fd int fd = -1;
  int r = kata_netns__open (&fd, path, err);
  if (r == 0)
    r = kata_net__scan (net, op->state->arena, fd, err);
  if (r != 0)
    return r;
  net->arena = NULL;
  kata_stage__warn_of_routes (op, net);
  if (net->n_interfaces > NICS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, path, "network namespace \"%s\": %zu interfaces; a guest can have %u",
                            path, net->n_interfaces, NICS_MAX);
  for (size_t i = 0; r == 0 && i < net->n_interfaces; i++)
    r = kata_stage__join (op, fd, &net->interfaces[i], 0, err);
  return r;
}

static int
enter (struct kata_operation *op, kata_error **err)
{
  const struct kata_network_plan *plan = &op->state->plan.network;
  op->state->plan.vm.nics = NULL;
  op->state->network = (struct kata_net){ 0 };
  if (plan->mode == KATA_NETWORK_NEW)
    return make_namespace (op, err);
  if (plan->mode == KATA_NETWORK_USER)
    return kata_stage__user_network (op, err);
  if (plan->mode == KATA_NETWORK_DAN)
    return kata_stage__dan_network (op, err);
  if (plan->mode == KATA_NETWORK_NETNS && plan->model != KATA_NETWORK_MODEL_NONE)
    return enter_namespace (op, err);
  return 0;
}

const struct kata_stage kata_stage__network = { "network", enter, NULL };
