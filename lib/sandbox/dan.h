/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dan: a file that describes a guest's network devices, as Kata's directly attached network has it; read, not acted on. */
#ifndef KATA_SANDBOX_DAN_H
#define KATA_SANDBOX_DAN_H

#include <kata/sys/backend.h>

#include "host/net.h"

#define KATA_DAN_BYTES_MAX   ((size_t) 256 << 10)
#define KATA_DAN_DEVICES_MAX 8u /* all hypervisors take so many */

struct kata_dan {
  const kata_vm_nic *nics; /* of kind VHOST_USER */
  size_t n_nics;
  struct kata_net net; /* what the guest is told of them, in the same order */
};

/**
 * {"devices":[{"name","guest_mac","device":{"type":"vhost-user","path","queue_num","queue_size"},"network_info":{"interface":{"ip_addresses":["10.0.0.2/24"],
 * "mtu","flags"},"routes":[{"dest","gateway","source","scope","flags"}],"neighbors":[{"ip_address","hardware_addr","state","flags"}]}}]}
 * Everything lives in @arena. KATA_E_INVALID with the JSON path, KATA_E_LIMIT, KATA_E_UNSUPPORTED (a device of
 * another type).
 */
int kata_dan__parse (struct kata_dan *out, kata_arena *arena, const char *text, size_t len, kata_error **err);

/** The same from the file @path, a regular one of at most KATA_DAN_BYTES_MAX. Also KATA_E_NOT_FOUND, KATA_E_PERMISSION, KATA_E_IO. */
int kata_dan__read (struct kata_dan *out, kata_arena *arena, const char *path, kata_error **err);

/**
 * What is said as a sandbox's network where the folder @folder ("" = none) has a file of its own for it: Kata's dan_conf. NULL: it has none, or @network
 * (nullable) says already that there shall be none, or what else; g_free(). A file that cannot be looked at is there: who reads it will say why not.
 */
char *kata_dan__choose (const char *folder, const char *id, const char *network);

#endif
