/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhost-user: disks and network devices whose other end is a program: whether this machine can have them, and that its memory is theirs too. */
#include "plan/build.h"

static const kata_vm_disk *
first_disk (const kata_vm_plan *vm)
{
  for (size_t i = 0; vm->disks != NULL && vm->disks[i] != NULL; i++)
    if (vm->disks[i]->vhost_user != 0)
      return vm->disks[i];
  return NULL;
}

/* What the host does to a disk's file it cannot do to one that it does not read. */
static void
warn_of_keys (struct kata_plan_build *b, const kata_vm_disk *disk)
{
  const struct {
    const char *key;
    bool set;
  } keys[] = { { "block_device_cache_set", b->hv->block_device_cache_set },
               { "disk_rate_limiter_bw_max_rate", b->plan->vm.disk_bytes != 0 },
               { "disk_rate_limiter_ops_max_rate", b->plan->vm.disk_ops != 0 },
               { "block_device_logical_sector_size", b->hv->block_device_logical_sector_size != 0 },
               { "block_device_physical_sector_size", b->hv->block_device_physical_sector_size != 0 },
               { "enable_iothreads", b->hv->enable_iothreads } };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    if (keys[i].set)
      kata_plan__warn (b, "%s: has no effect on disk \"%s\", which its vhost-user server reads and writes",
                       kata_plan__key (b, keys[i].key), disk->id);
}

static void
warn_of_net_keys (struct kata_plan_build *b)
{
  const kata_vm_plan *vm = &b->plan->vm;
  const struct {
    const char *key;
    bool set;
  } keys[] = { { "rx_rate_limiter_max_rate", vm->nic_rx_bytes != 0 },
               { "tx_rate_limiter_max_rate", vm->nic_tx_bytes != 0 },
               { "net_rate_limiter_bw_max_rate", vm->nic_bytes != 0 },
               { "net_rate_limiter_ops_max_rate", vm->nic_ops != 0 },
               { "network_queues", b->hv->network_queues != 0 } };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    if (keys[i].set)
      kata_plan__warn (b, "%s: has no effect on devices that have vhost-user servers", kata_plan__key (b, keys[i].key));
}

static int
check (struct kata_plan_build *b, const char *key, const char *what, kata_error **err)
{
  if (!kata_plan__has (b, KATA_CAP_VHOST_USER))
    return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                            "%s: hypervisor %s cannot connect %s to a vhost-user server: %s", key, b->in->hypervisor,
                            what, kata_plan__reason (b, KATA_CAP_VHOST_USER));
  if (b->plan->vm.confidential != KATA_CONFIDENTIAL_NONE)
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, key,
        "%s: a vhost-user server reads the guest's memory, which a confidential guest keeps from it", key);
  return 0;
}

int
kata_plan__vhost_user (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  const kata_vm_disk *disk = first_disk (vm);
  bool nic = b->plan->network.mode == KATA_NETWORK_DAN, store = b->hv->enable_vhost_user_store;
  int rc = disk != NULL ? check (b, "disks", "a disk", err) : 0;
  if (rc == 0 && nic)
    rc = check (b, "network", "a network device", err);
  if (rc == 0 && store)
    rc = kata_plan__check_path (kata_plan__key (b, "vhost_user_store_path"), b->hv->vhost_user_store_path,
                                KATA_E_CONFIG, err);
  if (rc < 0)
    return rc;
  if (disk != NULL)
    warn_of_keys (b, disk);
  if (nic)
    warn_of_net_keys (b);
  store = store && kata_plan__has (b, KATA_CAP_VHOST_USER) && vm->confidential == KATA_CONFIDENTIAL_NONE;
  b->plan->vhost_store = store ? kata_plan__text (b, b->hv->vhost_user_store_path) : "";
  vm->memory_shared = disk != NULL || nic || store;
  vm->vhost_user_reconnect = (uint64_t) b->hv->vhost_user_reconnect_timeout_sec;
  return 0;
}
