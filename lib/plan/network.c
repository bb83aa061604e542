/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: where the guest's network comes from and by which means; what is in the namespace is found out when it starts. */
#include <string.h>

#include "plan/build.h"

#define QUEUES_DEFAULT_MAX 8u
/* For what comes after the start. Each is probed at boot, so few: docker's `network connect` and a CNI chain's second interface. */
#define PORTS 2u
/* Before the path of a file that describes devices. */
#define DAN_PREFIX "dan:"

static int
decide_mode (struct kata_plan_build *b, kata_error **err)
{
  static const struct {
    const char *word;
    int32_t mode;
  } words[] = { { "none", KATA_NETWORK_NONE }, { "new", KATA_NETWORK_NEW }, { "user", KATA_NETWORK_USER } };
  const char *network = b->in->options->network;
  struct kata_network_plan *plan = &b->plan->network;
  plan->path = "";
  if (network == NULL)
    return 0;
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (network, words[i].word) == 0) {
      plan->mode = words[i].mode;
      if (plan->mode == KATA_NETWORK_NEW)
        plan->path = kata_arena__printf (b->arena, "%s/" KATA_NETWORK_NEW_NAME, b->plan->vm.dir);
      return 0;
    }
  bool dan = g_str_has_prefix (network, DAN_PREFIX);
  if (dan)
    network += strlen (DAN_PREFIX);
  if (!kata_plan__path_is_clean (network))
    return kata_error__set (
        err, KATA_E_INVALID, "network",
        "network: \"%.200s\" is neither none, new, user, dan: and an absolute path of a file, nor an "
        "absolute path of a network namespace",
        network);
  plan->mode = dan ? KATA_NETWORK_DAN : KATA_NETWORK_NETNS;
  plan->path = kata_arena__strdup (b->arena, network);
  return 0;
}

static int
need (struct kata_plan_build *b, int capability, const char *what, kata_error **err)
{
  if (kata_plan__has (b, capability))
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, "network", "network: hypervisor %s cannot give a guest %s: %s",
                          b->in->hypervisor, what, kata_plan__reason (b, capability));
}

static void
decide_queues (struct kata_plan_build *b)
{
  struct kata_network_plan *plan = &b->plan->network;
  uint32_t vcpus = b->plan->vm.vcpus;
  plan->queues = (uint32_t) b->hv->network_queues;
  /* With more than one the built-in device reorders what it receives; StratoVirt's microvm has no more. */
  bool one = strcmp (b->in->hypervisor, "builtin") == 0 ||
             (strcmp (b->in->hypervisor, "stratovirt") == 0 && g_strcmp0 (b->hv->machine_type, "q35") != 0);
  if (plan->queues == 0)
    plan->queues = one ? 1 : MIN (vcpus, QUEUES_DEFAULT_MAX);
  if (plan->queues > vcpus) {
    kata_plan__warn (b, "%s: %u; more queues than the %u vCPUs are of no use and are not made",
                     kata_plan__key (b, "network_queues"), plan->queues, vcpus);
    plan->queues = vcpus;
  }
}

/* A resolver that passt itself answers for, unless the caller names others. */
static void
decide_user_dns (struct kata_plan_build *b)
{
  static const char *const lines[] = { "nameserver " KATA_NETWORK_USER_DNS, NULL };
  if (b->plan->network.mode == KATA_NETWORK_USER && b->in->options->dns == NULL)
    b->plan->dns = kata_arena__strv (b->arena, lines);
}

/* QEMU gets a stream then, and no tap that the host's kernel could limit. Others may be third parties' that do. */
static void
warn_of_user_limits (struct kata_plan_build *b)
{
  static const char *const names[] = { "rx_rate_limiter_max_rate", "tx_rate_limiter_max_rate" };
  const uint64_t bytes[] = { b->plan->vm.nic_rx_bytes, b->plan->vm.nic_tx_bytes };
  bool streams = b->plan->network.mode == KATA_NETWORK_USER && strcmp (b->in->hypervisor, "qemu") == 0;
  for (size_t i = 0; streams && i < G_N_ELEMENTS (names); i++)
    if (bytes[i] != 0)
      kata_plan__warn (b, "%s: has no effect on a network in user space", kata_plan__key (b, names[i]));
}

static void
decide_limits (struct kata_plan_build *b)
{
  kata_vm_plan *vm = &b->plan->vm;
  const struct kata_hypervisor_config *hv = b->hv;
  vm->nic_rx_bytes = kata_plan__bytes_of (hv->rx_rate_limiter_max_rate);
  vm->nic_tx_bytes = kata_plan__bytes_of (hv->tx_rate_limiter_max_rate);
  vm->nic_bytes = kata_plan__bytes_of (hv->net_rate_limiter_bw_max_rate);
  vm->nic_bytes_once = kata_plan__bytes_of (hv->net_rate_limiter_bw_one_time_burst);
  vm->nic_ops = (uint64_t) hv->net_rate_limiter_ops_max_rate;
  vm->nic_ops_once = (uint64_t) hv->net_rate_limiter_ops_one_time_burst;
  warn_of_user_limits (b);
  if (vm->nic_bytes == 0 && vm->nic_bytes_once != 0)
    kata_plan__warn (b, "%s: does nothing without net_rate_limiter_bw_max_rate",
                     kata_plan__key (b, "net_rate_limiter_bw_one_time_burst"));
  if (vm->nic_ops == 0 && vm->nic_ops_once != 0)
    kata_plan__warn (b, "%s: does nothing without net_rate_limiter_ops_max_rate",
                     kata_plan__key (b, "net_rate_limiter_ops_one_time_burst"));
}

/* A macvtap has no name that a VMM could open, nor has it queues. */
static int
decide_by_name (struct kata_plan_build *b, kata_error **err)
{
  struct kata_network_plan *plan = &b->plan->network;
  kata_vm_plan *vm = &b->plan->vm;
  bool in_netns = plan->mode != KATA_NETWORK_DAN && plan->model != KATA_NETWORK_MODEL_NONE;
  vm->netns = plan->path != NULL && in_netns ? plan->path : "";
  plan->by_name = kata_plan__has (b, KATA_CAP_NET_BY_NAME);
  if (!plan->by_name)
    return 0;
  if (plan->queues > 1 && b->hv->network_queues > 1)
    kata_plan__warn (b, "%s: %u; the network devices of %s have one queue", kata_plan__key (b, "network_queues"),
                     plan->queues, b->in->hypervisor);
  plan->queues = 1;
  if (plan->model == KATA_NETWORK_MODEL_MACVTAP && plan->mode == KATA_NETWORK_NETNS)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "runtime.internetworking_model",
                            "runtime.internetworking_model: %s opens taps by their names, which a macvtap has not; use "
                            "tcfilter",
                            b->in->hypervisor);
  return 0;
}

int
kata_plan__network (struct kata_plan_build *b, kata_error **err)
{
  static const char *const models[] = { "tcfilter", "macvtap", "none" };
  struct kata_network_plan *plan = &b->plan->network;
  int rc = decide_mode (b, err);
  if (rc < 0)
    return rc;
  for (size_t i = 0; i < G_N_ELEMENTS (models); i++)
    if (strcmp (b->runtime->internetworking_model, models[i]) == 0)
      plan->model = (int32_t) i;
  if (plan->model == KATA_NETWORK_MODEL_NONE && plan->mode == KATA_NETWORK_NETNS)
    kata_plan__warn (b, "runtime.internetworking_model: is none; the guest gets no network");
  bool tap = plan->mode == KATA_NETWORK_NETNS && plan->model != KATA_NETWORK_MODEL_NONE;
  if (tap)
    rc = need (b, KATA_CAP_NET, "a network device", err);
  else if (plan->mode == KATA_NETWORK_USER)
    rc = need (b, KATA_CAP_NET_STREAM, "a network in user space", err);
  bool device = tap || plan->mode == KATA_NETWORK_USER || plan->mode == KATA_NETWORK_DAN;
  if (rc == 0 && device && (b->plan->guest_features & KATA_GUEST_NET) == 0)
    rc = kata_error__set (err, KATA_E_UNSUPPORTED, "network", "network: the guest has no driver for virtio-net");
  decide_queues (b);
  decide_limits (b);
  plan->vhost = !b->hv->disable_vhost_net && kata_plan__has (b, KATA_CAP_NET_VHOST);
  if ((tap || plan->mode == KATA_NETWORK_NEW) && plan->model != KATA_NETWORK_MODEL_NONE &&
      kata_plan__has (b, KATA_CAP_NET_HOTPLUG))
    b->plan->vm.nic_ports = PORTS;
  decide_user_dns (b);
  return rc == 0 ? decide_by_name (b, err) : rc;
}
