/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device: what adapters check alike of a plan's disks and network devices, before they write them in their VMM's words. */
#ifndef KATA_BACKEND_DEVICE_H
#define KATA_BACKEND_DEVICE_H

#include <stdbool.h>

#include <kata/sys/backend.h>

/** Pairs of queues that a network device can have. */
#define KATA_NIC_QUEUES_MAX 16

/** Six bytes in hexadecimal digits with colons, nothing else. */
bool kata_device__mac_ok (const char *mac);
/** KATA_E_INVALID: its id, or its path. */
int kata_device__check_disk (const kata_vm_disk *disk, kata_error **err);
/** KATA_E_INVALID: its id, or its address. */
int kata_device__check_host (const kata_vm_host_device *device, kata_error **err);
/** KATA_E_INVALID: its address, or how many queues it has. */
int kata_device__check_nic (const kata_vm_nic *nic, kata_error **err);
/** Whether an entropy source is none, or the host kernel's: what a VMM that calls getrandom() for its guest can serve. */
bool kata_device__is_host_kernel (const char *source);
/** How many descriptors of each kind come for it: none for one whose other end is a socket. */
static inline uint32_t
kata_device__nic_fds (const kata_vm_nic *nic)
{
  return nic->kind == KATA_NIC_VHOST_USER ? 0 : nic->queues;
}
/**
 * Before a VMM waits for them with all its guest: the servers of the plan's vhost-user devices answer. kata_vhost_user__check(). The second for one disk.
 */
int kata_device__check_servers (const kata_vm_plan *plan, int64_t deadline_us, kata_error **err);
int kata_device__check_server (const kata_vm_disk *disk, int64_t deadline_us, kata_error **err);

#endif
